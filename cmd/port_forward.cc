#include "cmd/port_forward.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/inet_address.h"
#include "base/text.h"
#include "cmd/socket_owner.h"
#include "proto/paths.h"

namespace gd::cmd {
namespace {

constexpr int kBacklog = 64;  // connections that the kernel keeps for us
constexpr Milliseconds kTryAgain = 200ms;
constexpr size_t kMaxErrorBytes = 4096;  // of what the step says before it ends
constexpr Milliseconds kSayAgain = 10s;  // a browser tries again and again: one line for many

std::string target_of(const ForwardSpec& spec) {
  return spec.host + " " + std::to_string(spec.host_port);
}

std::string name_of(const ForwardSpec& spec) {
  return "port " + std::to_string(spec.port);
}

Result<UniqueFd> listen_at(const ForwardSpec& spec) {
  const InetAddress address = TRY(InetAddress::parse(spec.bind, spec.port));
  const std::string what = "listen at " + spec.bind + " " + name_of(spec);
  UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return os_error(what);
  const int yes = 1;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (address.family() == AF_INET6) {  // or tcp6 would have IPv4 peers in a spelling of its own
    (void)::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  }
  if (::bind(socket.get(), address.get(), address.size()) != 0) return os_error(what);
  if (::listen(socket.get(), kBacklog) != 0) return os_error(what);
  return socket;
}

// A connection from this machine is its user's own, or none of ours.
Result<bool> may_come(int socket) {
  const InetAddress peer = TRY(InetAddress::of_other_end(socket));
  const std::optional<uid_t> owner = TRY(owner_of_other_end(socket));
  return owner ? *owner == ::getuid() : !peer.is_loopback();
}

}  // namespace

PortForward::~PortForward() {
  poller_.cancel(next_try_);
  close_listeners();
  if (active()) streams_->leave();
}

Result<void> PortForward::listen(const std::vector<ForwardSpec>& specs) {
  for (const ForwardSpec& spec : specs) TRY(open_listener(spec));
  return {};
}

Result<void> PortForward::open_listener(const ForwardSpec& spec) {
  auto listener = std::make_unique<Listener>(Listener{TRY(listen_at(spec)), spec});
  if (spec.port == 0) {
    listener->spec.port = TRY(InetAddress::of_this_end(listener->socket.get())).port();
    say(name_of(listener->spec) + " goes to " + target_of(spec));
  }
  listeners_.push_back(std::move(listener));
  return {};
}

void PortForward::begin(JobId job, Milliseconds patience) {
  poller_.cancel(std::exchange(next_try_, TimerId::none));
  const Result<void> started = start_step(job);
  if (started.ok()) return;
  if (started.error().code != ErrorCode::unavailable || patience <= Milliseconds{0}) {
    return stop(started.error().text);
  }
  next_try_ = poller_.call_after(kTryAgain, [=, this] { begin(job, patience - kTryAgain); });
}

Result<void> PortForward::start_step(JobId job) {
  const StepRequest request{.request = new_request_id(),
                            .job = job,
                            .name = "forward",
                            .argv = {std::string(kInsideClient) + "/gdport"},
                            .chdir = "/",
                            .tasks = 1,
                            .sharing = StepSharing::overlap};
  const StepReply reply = TRY(client_.ask<StepReply>(request));
  for (const auto& listener : listeners_) {
    const auto ready = [this, kept = listener.get()](uint32_t) { on_connection(*kept); };
    TRY(poller_.add(listener->socket.get(), EPOLLIN, ready));
  }
  mux_ = std::make_unique<PortMux>(poller_, port_events());
  streams_ = std::make_unique<StreamClient>(client_.sockets(), reply.access[0].access,
                                            client_.keys(), stream_events());
  return streams_->open(std::nullopt, "");
}

void PortForward::close_listeners() {
  for (const auto& listener : listeners_) poller_.remove(listener->socket.get());
  listeners_.clear();
}

void PortForward::on_connection(const Listener& listener) {
  UniqueFd socket(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket.valid() || !active()) return;
  const Result<void> carried = carry(std::move(socket), listener);
  if (!carried.ok()) say(carried.error().text);
}

Result<void> PortForward::carry(UniqueFd socket, const Listener& listener) {
  if (!TRY(may_come(socket.get()))) {
    return Error{ErrorCode::denied,
                 "a connection of another user to " + name_of(listener.spec) + " was refused"};
  }
  return mux_->open(std::move(socket), target_of(listener.spec));
}

PortEvents PortForward::port_events() {
  return {.send = [this](std::string_view bytes) { send(bytes); },
          .has_room = [this] { return out_.size() < kMaxPortBacklog; },
          .on_open = nullptr,
          .on_closed =
              [this](std::string_view why) { say("forwarded connection: " + printable(why)); }};
}

StreamEvents PortForward::stream_events() {
  StreamEvents events;
  events.on_opened = [this](const StreamOpened&) { flush(); };
  events.on_output = [this](StreamId stream, std::string_view bytes) {
    if (stream == StreamId::output) {
      const Result<void> taken = mux_->take(bytes);
      if (!taken.ok() && !over_) over_ = taken.error().text;
    } else if (errors_.size() < kMaxErrorBytes) {
      errors_ += bytes;
    }
    streams_->written(stream, bytes.size());
  };
  events.on_exit = [this](const StreamExit& exit) {
    const std::string_view last_words = trim(errors_);
    over_ = !exit.error.empty()
                ? exit.error
                : std::string(last_words.empty() ? "its step in the job has ended" : last_words);
  };
  events.on_taken_over = [this] { over_ = "somebody has taken over its step"; };
  events.on_gap = [this](uint64_t) { over_ = "a part of it was lost"; };
  return events;
}

void PortForward::send(std::string_view bytes) {
  out_ += bytes;
  if (out_.size() > kMaxPortUnsent && !over_) {
    over_ = "its step takes nothing: " + std::to_string(out_.size()) + " bytes wait, at most " +
            std::to_string(kMaxPortUnsent) + " may";
  }
  flush();
}

void PortForward::flush() {
  const size_t size = std::min(out_.size(), streams_->input_room());
  if (size == 0 || !streams_->is_open()) return;
  streams_->send_input(std::string_view(out_).substr(0, size));
  out_.erase(0, size);
}

void PortForward::receive() {
  const bool was_full = out_.size() >= kMaxPortBacklog;
  const Result<void> received = streams_->receive();
  if (!received.ok() && !over_) over_ = received.error().text;
  if (over_) return stop(*over_);
  flush();  // what came may have made room
  if (was_full && out_.size() < kMaxPortBacklog) mux_->on_room();
}

void PortForward::tick() {
  const Result<void> alive = streams_->tick();
  if (!alive.ok()) stop(alive.error().text);
}

void PortForward::say(const std::string& text) {
  if (text == said_ && boot_time() - said_at_ < kSayAgain) return;
  said_ = text;
  said_at_ = boot_time();
  tell_(text);
}

void PortForward::stop(const std::string& why) {
  tell_("forwarding has ended: " + printable(why));
  close_listeners();
  mux_.reset();
  streams_.reset();
}

}  // namespace gd::cmd

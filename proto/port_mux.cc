#include "proto/port_mux.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <vector>

#include "base/text.h"

namespace gd {
namespace {

constexpr size_t kTellRoomAt = kPortWindow / 4;  // not for every few bytes

std::string errno_text(int number) {
  return std::generic_category().message(number);
}

}  // namespace

PortMux::PortMux(Poller& poller, PortEvents events)
    : poller_(poller),
      events_(std::move(events)),
      reader_({.last_kind = static_cast<uint8_t>(Kind::close),
               .most_bytes = kMaxPortFrame,
               .what = "no frame of forwarded connections"}) {}

PortMux::~PortMux() {
  while (!links_.empty()) erase(links_.begin());
}

void PortMux::send(Kind kind, uint32_t number, std::string_view bytes) {
  events_.send(byte_frame(static_cast<uint8_t>(kind), number, bytes));
}

Result<void> PortMux::open(UniqueFd socket, std::string_view target) {
  if (links_.size() >= kMaxPortLinks) {
    return Error{ErrorCode::exhausted, "there are " + std::to_string(links_.size()) +
                                           " forwarded connections, the most at once"};
  }
  const uint32_t number = next_++;
  send(Kind::open, number, target);
  accept(number, std::move(socket));
  return {};
}

void PortMux::accept(uint32_t number, UniqueFd socket) {
  Link& link = links_[number];
  link.socket = std::move(socket);
  link.connecting = static_cast<bool>(events_.on_open);
  watch(number, link);
}

void PortMux::refuse(uint32_t number, std::string_view why) {
  send(Kind::close, number, why.substr(0, kMaxPortFrame));
}

Result<void> PortMux::take(std::string_view bytes) {
  reader_.add(bytes);
  while (const std::optional<ByteFrame> frame = TRY(reader_.next())) TRY(obey(*frame));
  return {};
}

Result<void> PortMux::obey(const ByteFrame& frame) {
  const auto kind = static_cast<Kind>(frame.kind);
  const auto at = links_.find(frame.number);
  if (kind == Kind::open) {
    if (!events_.on_open || at != links_.end()) {
      return Error{ErrorCode::invalid,
                   "connection " + std::to_string(frame.number) + " is not to be opened here"};
    }
    if (links_.size() >= kMaxPortLinks) {
      refuse(frame.number, "too many connections at once");
    } else {
      events_.on_open(frame.number, frame.bytes);
    }
    return {};
  }
  if (at == links_.end()) return {};  // it has just ended here
  Link& link = at->second;
  switch (kind) {
    case Kind::data: TRY(take_data(frame.number, link, frame.bytes)); break;
    case Kind::end: link.write_over = true; break;
    case Kind::room: {
      const Result<size_t> bytes = parse_number<size_t>(frame.bytes, 1, kPortWindow - link.credit);
      if (!bytes.ok()) return Error{ErrorCode::invalid, "room for " + bytes.error().text};
      link.credit += *bytes;
      break;
    }
    default:
      if (!frame.bytes.empty() && events_.on_closed) events_.on_closed(frame.bytes);
      erase(at);
      return {};
  }
  settle(at);
  return {};
}

Result<void> PortMux::take_data(uint32_t number, Link& link, std::string_view bytes) {
  if (link.write_over || bytes.size() > kPortWindow - link.held) {
    return Error{ErrorCode::invalid, "connection " + std::to_string(number) + " was sent " +
                                         std::to_string(bytes.size()) +
                                         " bytes for which there is no room"};
  }
  link.held += bytes.size();
  link.waiting += bytes;
  return {};
}

void PortMux::on_ready(uint32_t number, uint32_t events) {
  const auto at = links_.find(number);
  if (at == links_.end()) return;
  Link& link = at->second;
  if (link.connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(link.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return fail(at, errno_text(error));
    link.connecting = false;
  }
  const bool readable = (events & ~uint32_t{EPOLLOUT}) != 0;
  if (readable && !link.read_over) read(at);
  if (links_.contains(number)) settle(at);
}

void PortMux::read(Links::iterator at) {
  auto& [number, link] = *at;
  std::array<char, kMaxPortFrame> block;
  while (link.credit > 0 && events_.has_room()) {
    const size_t most = std::min(block.size(), link.credit);
    const ssize_t got = ::read(link.socket.get(), block.data(), most);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return fail(at, "");  // reset: nobody waits for a word about it
    if (got == 0) {
      link.read_over = true;
      return send(Kind::end, number, "");
    }
    link.credit -= static_cast<size_t>(got);
    send(Kind::data, number, {block.data(), static_cast<size_t>(got)});
  }
}

void PortMux::write(Links::iterator at) {
  auto& [number, link] = *at;
  while (!link.connecting && !link.waiting.empty()) {
    const ssize_t put =
        ::send(link.socket.get(), link.waiting.data(), link.waiting.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) break;
    if (put < 0) return fail(at, "");
    link.waiting.erase(0, static_cast<size_t>(put));
    link.written += static_cast<size_t>(put);
  }
  if (link.written < kTellRoomAt && (link.written == 0 || !link.waiting.empty())) return;
  link.held -= link.written;
  send(Kind::room, number, std::to_string(std::exchange(link.written, 0)));
}

void PortMux::settle(Links::iterator at) {
  const uint32_t number = at->first;
  write(at);
  if (!links_.contains(number)) return;
  Link& link = at->second;
  if (link.write_over && link.waiting.empty() && !link.connecting && !link.shut) {
    link.shut = true;
    (void)::shutdown(link.socket.get(), SHUT_WR);
  }
  if (link.shut && link.read_over) return erase(at);  // the other side comes to the same
  watch(number, link);
}

void PortMux::fail(Links::iterator at, std::string_view why) {
  send(Kind::close, at->first, why);
  erase(at);
}

void PortMux::on_room() {
  std::vector<uint32_t> numbers;
  for (const auto& [number, link] : links_) numbers.push_back(number);
  for (const uint32_t number : numbers) {
    const auto at = links_.find(number);
    if (at != links_.end()) watch(number, at->second);
  }
}

void PortMux::watch(uint32_t number, Link& link) {
  const bool reads = !link.connecting && !link.read_over && link.credit > 0 && events_.has_room();
  const bool writes = link.connecting || !link.waiting.empty();
  const uint32_t events = (reads ? uint32_t{EPOLLIN} : 0U) | (writes ? uint32_t{EPOLLOUT} : 0U);
  if (events == link.watched) return;
  if (events == 0) {
    poller_.remove(link.socket.get());  // or a hang-up would be told for ever
  } else if (link.watched == 0) {
    const auto ready = [this, number](uint32_t what) { on_ready(number, what); };
    (void)poller_.add(link.socket.get(), events, ready).ok();
  } else {
    (void)poller_.modify(link.socket.get(), events).ok();
  }
  link.watched = events;
}

void PortMux::erase(Links::iterator at) {
  if (at->second.watched != 0) poller_.remove(at->second.socket.get());
  links_.erase(at);
}

}  // namespace gd

// gdport: inside of a job, the far end of gdsh -L.
//
// Standard input and output are the stream of proto/port_mux.h; each connection asked for is made
// from here, so in the job's network and as its user. Static, bound in beside the commands. Ends
// with 0 at the end of its input. While its output is full it reads no more: nothing piles up.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "base/inet_address.h"
#include "base/poller.h"
#include "base/text.h"
#include "proto/port_mux.h"

namespace gd::agent {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;

// "127.0.0.1 8888": under way, or refused already.
Result<UniqueFd> connect_to(std::string_view target) {
  const std::vector<std::string_view> words = split_words(target);
  if (words.size() != 2) return Error{ErrorCode::invalid, "no such target"};
  const std::string host(words[0]);
  const auto port = TRY(parse_number<uint16_t>(words[1], 1));
  const InetAddress address = TRY(InetAddress::parse(host, port));
  UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return os_error("socket");
  if (::connect(socket.get(), address.get(), address.size()) != 0 && errno != EINPROGRESS) {
    return os_error(host + " port " + std::to_string(port));
  }
  return socket;
}

class Port {
 public:
  Result<void> run() {
    poller_ = TRY(Poller::create());
    for (const int fd : {0, 1}) {
      const int flags = ::fcntl(fd, F_GETFL);
      if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return os_error("streams");
    }
    mux_.emplace(*poller_,
                 PortEvents{.send = [this](std::string_view bytes) { send(bytes); },
                            .has_room = [this] { return !full(); },
                            .on_open = [this](uint32_t number,
                                              std::string_view target) { open(number, target); },
                            .on_closed = nullptr});
    watch();
    TRY(poller_->run());
    return std::move(outcome_);
  }

 private:
  [[nodiscard]] size_t backlog() const { return out_.size() - written_; }
  [[nodiscard]] bool full() const { return backlog() >= kMaxPortBacklog; }

  void open(uint32_t number, std::string_view target) {
    Result<UniqueFd> socket = connect_to(target);
    if (!socket.ok()) return mux_->refuse(number, socket.error().text);
    mux_->accept(number, std::move(socket).take());
  }

  void read() {
    std::array<char, kReadBytes> block;
    const ssize_t got = ::read(0, block.data(), block.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) return poller_->stop();
    Result<void> taken = mux_->take({block.data(), static_cast<size_t>(got)});
    if (!taken.ok()) finish(std::move(taken));
  }

  void send(std::string_view bytes) {
    out_ += bytes;
    flush();
    watch();
  }

  void flush() {
    while (backlog() > 0) {
      const ssize_t put = ::write(1, out_.data() + written_, backlog());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno == EAGAIN) return;
      if (put < 0) return poller_->stop();  // nobody listens any more
      written_ += static_cast<size_t>(put);
    }
    out_.clear();
    written_ = 0;
  }

  void on_output_ready() {
    const bool was_full = full();
    flush();
    if (was_full && !full()) mux_->on_room();
    watch();
  }

  void watch() {
    set_watch(0, EPOLLIN, reads_, !full(), [this](uint32_t) { read(); });
    set_watch(1, EPOLLOUT, writes_, backlog() > 0, [this](uint32_t) { on_output_ready(); });
  }

  void set_watch(int fd, uint32_t events, bool& is, bool wanted, Poller::OnReady ready) {
    if (is == wanted) return;
    is = wanted;
    if (!wanted) return poller_->remove(fd);
    Result<void> added = poller_->add(fd, events, std::move(ready));
    if (!added.ok()) finish(std::move(added));
  }

  void finish(Result<void> outcome) {
    outcome_ = std::move(outcome);
    poller_->stop();
  }

  std::unique_ptr<Poller> poller_;
  std::optional<PortMux> mux_;
  std::string out_;
  size_t written_ = 0;
  bool reads_ = false;
  bool writes_ = false;
  Result<void> outcome_;
};

}  // namespace
}  // namespace gd::agent

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  const gd::Result<void> done = gd::agent::Port().run();
  if (done.ok()) return 0;
  std::fprintf(stderr, "gdport: %s\n", done.error().text.c_str());
  return 1;
}

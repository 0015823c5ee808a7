#include "server/agent/screen_keeper.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "server/agent/frame.h"

namespace gd::agent {
namespace {

constexpr int kRecordFd = 3;
constexpr size_t kReadBytes = size_t{64} << 10;

std::vector<std::string> command_of(const ScreenStart& start) {
  std::vector<std::string> argv{start.program, "--uid", std::to_string(start.uid), "--gid",
                                std::to_string(start.gid)};
  if (!start.record.valid()) return argv;
  for (const std::string& word :
       {std::string("--record"), std::to_string(kRecordFd), std::string("--title"), start.title,
        std::string("--term"), start.term}) {
    argv.push_back(word);
  }
  return argv;
}

}  // namespace

ScreenKeeper::~ScreenKeeper() {
  poller_.cancel(patience_);
  poller_.cancel(stall_);
  if (watched_ != 0) poller_.remove(socket_.get());
  socket_.reset();  // it ends with what it has been sent
  if (!child_.valid()) return;
  pollfd gone{.fd = child_.fd(), .events = POLLIN, .revents = 0};
  if (::poll(&gone, 1, static_cast<int>(kScreenFarewell.count())) <= 0) {
    (void)child_.send_signal(SIGKILL).ok();
  }
  (void)child_.wait().ok();
}

Result<void> ScreenKeeper::start(ScreenStart start) {
  SocketPair pair = TRY(make_socket_pair(SOCK_STREAM));
  TRY(set_nonblocking(pair.first.get()));
  SpawnOptions options{.fds = {{pair.second.get(), 0}}, .cwd = "/"};
  if (start.record.valid()) options.fds.push_back({start.record.get(), kRecordFd});
  child_ = TRY(spawn(command_of(start), options));
  socket_ = std::move(pair.first);
  watch();
  return {};
}

void ScreenKeeper::set_events(std::function<void()> on_room,
                              std::function<void(const std::string&)> on_fault) {
  on_room_ = std::move(on_room);
  on_fault_ = std::move(on_fault);
}

void ScreenKeeper::shown(std::string_view bytes) {
  send(ScreenFrameKind::output, bytes);
}

void ScreenKeeper::resized(TerminalSize size) {
  send(ScreenFrameKind::resize, std::to_string(size.rows) + " " + std::to_string(size.columns));
}

void ScreenKeeper::ask(OnScreen on_screen) {
  forget_question();
  on_screen_ = std::move(on_screen);
  ++unanswered_;
  patience_ = poller_.call_after(alive() ? kScreenPatience : Milliseconds{0},
                                 [this] { answer(std::nullopt); });
  send(ScreenFrameKind::ask, "");
}

void ScreenKeeper::forget_question() {
  poller_.cancel(patience_);
  on_screen_ = nullptr;
}

void ScreenKeeper::answer(std::optional<Bytes> screen) {
  const OnScreen on_screen = std::exchange(on_screen_, nullptr);
  poller_.cancel(patience_);
  if (on_screen) on_screen(std::move(screen));
}

void ScreenKeeper::send(ScreenFrameKind kind, std::string_view bytes) {
  if (!alive()) return;
  out_ += screen_frame(kind, bytes);
  flush();
}

void ScreenKeeper::flush() {
  while (alive() && backlog() > 0) {
    const ssize_t put =
        ::send(socket_.get(), out_.data() + written_, backlog(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) break;
    if (put < 0) return lose();
    written_ += static_cast<size_t>(put);
    poller_.cancel(stall_);
    stall_ = TimerId::none;
  }
  if (backlog() == 0) {
    out_.clear();
    written_ = 0;
  }
  watch();
  watch_stall();
}

// A slow disk under a recording may take its time, and a sequence that libvterm cannot get done
// with must not keep the program waiting for ever.
void ScreenKeeper::watch_stall() {
  if (has_room() || stall_ != TimerId::none) return;
  stall_ = poller_.call_after(kScreenStall, [this] {
    stall_ = TimerId::none;
    (void)child_.send_signal(SIGKILL).ok();
    lose();
    if (on_room_) on_room_();
  });
}

void ScreenKeeper::read() {
  std::array<char, kReadBytes> block;
  while (alive()) {
    const ssize_t got = ::recv(socket_.get(), block.data(), block.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return lose();
    reader_.add({block.data(), static_cast<size_t>(got)});
    for (;;) {
      Result<std::optional<ScreenFrame>> frame = reader_.next();
      if (!frame.ok()) return lose();
      if (!*frame) break;
      on_frame(std::move(**frame));
    }
  }
}

void ScreenKeeper::on_frame(ScreenFrame frame) {
  if (frame.kind == ScreenFrameKind::screen && unanswered_ > 0) {
    if (--unanswered_ == 0) answer(std::move(frame.bytes));
  } else if (frame.kind == ScreenFrameKind::fault && on_fault_) {
    on_fault_("the recording has ended: " + frame.bytes);
  }
}

void ScreenKeeper::watch() {
  if (!alive()) return;
  const uint32_t events = uint32_t{EPOLLIN} | (backlog() > 0 ? uint32_t{EPOLLOUT} : 0U);
  if (events == watched_) return;
  if (watched_ == 0) {
    const auto ready = [this](uint32_t what) {
      const bool had_room = has_room();
      if ((what & EPOLLOUT) != 0) flush();
      if ((what & ~uint32_t{EPOLLOUT}) != 0) read();
      if (!had_room && has_room() && on_room_) on_room_();
    };
    if (!poller_.add(socket_.get(), events, ready).ok()) return lose();
  } else {
    (void)poller_.modify(socket_.get(), events).ok();
  }
  watched_ = events;
}

void ScreenKeeper::lose() {
  if (watched_ != 0) poller_.remove(socket_.get());
  watched_ = 0;
  socket_.reset();
  poller_.cancel(stall_);
  out_.clear();
  written_ = 0;
  if (on_fault_) on_fault_("what the terminal shows is not kept any more");
  answer(std::nullopt);
}

}  // namespace gd::agent

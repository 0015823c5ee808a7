#include "server/agent/step_streams.h"

#include <sys/ioctl.h>
#include <termios.h>

#include <algorithm>

#include "server/agent/frame.h"

namespace gd::agent {
namespace {

constexpr size_t kReadBytes = kMaxStreamChunk;

winsize to_winsize(TerminalSize size) {
  winsize window{};
  window.ws_row = size.rows;
  window.ws_col = size.columns;
  return window;
}

}  // namespace

StepStreams::StepStreams(Poller& poller, StdioEnds ends, ScreenKeeper* screen,
                         std::function<void()> on_change)
    : poller_(poller),
      screen_(ends.terminal.valid() ? screen : nullptr),
      on_change_(std::move(on_change)),
      terminal_(ends.terminal.valid()) {
  if (terminal_) {
    outputs_[0].fd = std::move(ends.terminal);
    outputs_[0].buffer = StreamBuffer(kTerminalReplayBytes);
    held_slave_.reset(::ioctl(outputs_[0].fd.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  } else {
    outputs_[0].fd = std::move(ends.out);
    outputs_[1].fd = std::move(ends.err);
    input_ = std::move(ends.in);
    input_closed_ = !input_.valid();
  }
  for (Output& output : outputs_) output.ended = !output.fd.valid();
}

StepStreams::~StepStreams() {
  for (Output& output : outputs_) {
    if (output.watched != 0) poller_.remove(output.fd.get());
  }
  if (input_watched_ && !terminal_) poller_.remove(input_.get());
}

Result<void> StepStreams::start() {
  for (Output& output : outputs_) {
    if (output.fd.valid()) TRY(set_nonblocking(output.fd.get()));
  }
  if (input_.valid()) TRY(set_nonblocking(input_.get()));
  started_ = true;
  watch();
  return {};
}

void StepStreams::set_audience(Audience audience) {
  audience_ = audience == Audience::somebody;
  watch();
}

void StepStreams::consumed() {
  if (draining_) {
    drain();
  } else {
    watch();
  }
}

void StepStreams::drain() {
  draining_ = true;
  held_slave_.reset();
  pending_input_.clear();
  close_input();
  for (Output& output : outputs_) read_output(output);
  watch();
}

void StepStreams::read_output(Output& output) {
  std::array<char, kReadBytes> chunk;
  const bool dropping = terminal_ && !audience_;
  // A few rounds at most: whoever writes without end must not keep the rest waiting.
  for (int round = 0; !output.ended && (draining_ || round < 4); ++round) {
    if (!draining_ && !others_have_room()) return;
    if (dropping) output.buffer.make_room(chunk.size());
    const size_t room = std::min(output.buffer.room(), chunk.size());
    if (room == 0) return;
    const ssize_t got = ::read(output.fd.get(), chunk.data(), room);
    if (got > 0) {
      const std::string_view bytes(chunk.data(), static_cast<size_t>(got));
      output.buffer.append(bytes);
      if (screen_ != nullptr) screen_->shown(bytes);
      if (tap_ != nullptr)
        tap_->shown(&output == &outputs_[1] ? StreamId::error : StreamId::output, bytes);
      active_at_ = boot_time();
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN && !draining_) return;
    finish(output);  // end of file, a terminal's EIO, or nothing left that could come
  }
}

void StepStreams::finish(Output& output) {
  if (output.watched != 0) poller_.remove(output.fd.get());
  output.watched = 0;
  output.ended = true;
  if (terminal_) {
    input_watched_ = false;
    input_closed_ = true;
    pending_input_.clear();
  }
  output.fd.reset();
}

Result<void> StepStreams::give_input(uint64_t position, std::string_view bytes) {
  if (position > input_taken_) {
    return Error{ErrorCode::invalid, "input begins at byte " + std::to_string(position) +
                                         ", expected byte " + std::to_string(input_taken_)};
  }
  const uint64_t known = std::min<uint64_t>(input_taken_ - position, bytes.size());
  const std::string_view fresh = bytes.substr(known);
  if (pending_input_.size() + fresh.size() > kMaxStreamWindow + kMaxStreamChunk) {
    return Error{ErrorCode::exhausted,
                 "more than " + std::to_string(kMaxStreamWindow) + " bytes of input are waiting"};
  }
  input_taken_ += fresh.size();
  if (!fresh.empty()) active_at_ = boot_time();
  if (input_closed_ || input_ended_) return {};
  pending_input_.append(fresh);
  if (started_) write_input();
  watch();
  return {};
}

size_t StepStreams::inject_input(std::string_view bytes) {
  if (input_closed_ || input_ended_) return bytes.size();
  if (!started_ || !pending_input_.empty()) return 0;
  const std::string_view piece = bytes.substr(0, kMaxStreamChunk);
  active_at_ = boot_time();
  pending_input_.append(piece);
  write_input();
  watch();
  return piece.size();
}

void StepStreams::end_input() {
  input_ended_ = true;
  if (started_) write_input();
  watch();
}

int StepStreams::input_fd() const {
  return terminal_ ? outputs_[0].fd.get() : input_.get();
}

void StepStreams::write_input() {
  while (!input_closed_ && !pending_input_.empty()) {
    const ssize_t put = ::write(input_fd(), pending_input_.data(), pending_input_.size());
    if (put > 0) {
      pending_input_.erase(0, static_cast<size_t>(put));
      continue;
    }
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) return;
    pending_input_.clear();  // the program has closed its input
    close_input();
  }
  if (input_ended_ && pending_input_.empty() && !input_closed_) {
    if (terminal_) {
      send_end_of_file();
    } else {
      close_input();
    }
  }
}

void StepStreams::close_input() {
  if (input_watched_ && !terminal_) {
    poller_.remove(input_.get());
    input_watched_ = false;
  }
  input_closed_ = true;
  input_.reset();
}

// A terminal has no end of file: the line discipline makes one of its end-of-file character.
void StepStreams::send_end_of_file() {
  termios settings{};
  char end_of_file = 4;  // ^D
  if (::tcgetattr(input_fd(), &settings) == 0) {
    end_of_file = static_cast<char>(settings.c_cc[VEOF]);
  }
  if (::write(input_fd(), &end_of_file, 1) == 1) input_closed_ = true;
}

void StepStreams::watch() {
  if (!started_) return;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    Output& output = outputs_[i];
    if (output.ended) continue;
    const bool wants_input =
        i == 0 && terminal_ && !input_closed_ && (!pending_input_.empty() || input_ended_);
    const bool wants_output =
        (output.buffer.room() > 0 || (terminal_ && !audience_)) && others_have_room();
    const uint32_t events =
        (wants_output ? uint32_t{EPOLLIN} : 0U) | (wants_input ? uint32_t{EPOLLOUT} : 0U);
    if (events == output.watched) continue;
    if (events == 0) {
      poller_.remove(output.fd.get());
    } else if (output.watched != 0) {
      (void)poller_.modify(output.fd.get(), events).ok();
    } else {
      const auto on_ready = [this, i](uint32_t ready) {
        if ((ready & EPOLLOUT) != 0) write_input();
        if ((ready & ~uint32_t{EPOLLOUT}) != 0) read_output(outputs_[i]);
        watch();
        on_change_();
      };
      (void)poller_.add(output.fd.get(), events, on_ready).ok();
    }
    output.watched = events;
  }
  const bool wants_write = !terminal_ && !input_closed_ && !pending_input_.empty();
  if (wants_write == input_watched_ || terminal_) return;
  input_watched_ = wants_write;
  if (!wants_write) {
    if (input_.valid()) poller_.remove(input_.get());
    return;
  }
  const auto on_writable = [this](uint32_t) {
    write_input();
    watch();
    on_change_();
  };
  (void)poller_.add(input_.get(), EPOLLOUT, on_writable).ok();
}

Result<void> StepStreams::resize(TerminalSize size) {
  if (!terminal_ || outputs_[0].ended) return {};
  const winsize window = to_winsize(size);
  if (::ioctl(outputs_[0].fd.get(), TIOCSWINSZ, &window) != 0) return os_error("window size");
  if (screen_ != nullptr) screen_->resized(size);
  return {};
}

void StepStreams::redraw(TerminalSize size) {
  // The kernel tells programs about a size only when it is another one.
  TerminalSize other = size;
  other.rows = static_cast<uint16_t>(size.rows > 1 ? size.rows - 1 : 2);
  (void)resize(other).ok();
  (void)resize(size).ok();
}

}  // namespace gd::agent

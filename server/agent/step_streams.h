// The node's side of a step's standard streams: a terminal, or three pipes.
//
// Output is read into StreamBuffers as long as they have room: a receiver that does not
// keep up stops the program by back-pressure. A terminal that nobody looks at never stops
// its program: the oldest output is dropped. Input is taken up to kMaxStreamWindow
// bytes ahead of the program. Nothing here knows who the receiver is, or how it is reached.
//
// When the program and all of its descendants are gone, drain() takes what is left; a
// stream has ended when its last byte is in the buffer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "base/fd.h"
#include "base/poller.h"
#include "base/result.h"
#include "proto/messages_stream.h"
#include "server/agent/screen_keeper.h"
#include "server/agent/stream_buffer.h"

namespace gd::agent {

// Somebody who takes all output beside the buffers, and is waited for.
class OutputTap {
 public:
  virtual ~OutputTap() = default;
  [[nodiscard]] virtual bool has_room() const = 0;
  virtual void shown(StreamId stream, std::string_view bytes) = 0;
};

inline constexpr size_t kTerminalReplayBytes = size_t{128} << 10;  // enough to draw a screen again

struct StdioEnds {  // our ends: a terminal's master side, or the other ends of the pipes
  UniqueFd terminal;
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;
};

class StepStreams {
 public:
  // `on_change`: there is more to send, or a stream has ended, or input went on.
  // `screen`: of a terminal, told what it shows, and waited for when it has no room; may be null.
  StepStreams(Poller& poller, StdioEnds ends, ScreenKeeper* screen,
              std::function<void()> on_change);
  ~StepStreams();
  StepStreams(const StepStreams&) = delete;
  StepStreams& operator=(const StepStreams&) = delete;

  void set_tap(OutputTap* tap) { tap_ = tap; }  // before start(); lives longer than this
  Result<void> start();                         // begins to read

  enum class Audience : uint8_t { nobody, somebody };
  void set_audience(Audience audience);
  void consumed();  // the receiver has acknowledged: read on if there is room again
  void drain();     // no process is left that could write

  [[nodiscard]] bool is_terminal() const { return terminal_; }
  // Boot time at which something last came from the program or went to it.
  [[nodiscard]] Milliseconds active_at() const { return active_at_; }
  [[nodiscard]] StreamBuffer& buffer(StreamId stream) { return output_of(stream).buffer; }
  [[nodiscard]] bool ended(StreamId stream) { return output_of(stream).ended; }
  [[nodiscard]] bool all_ended() const { return outputs_[0].ended && outputs_[1].ended; }

  // Bytes from `position` on. Those that were taken before are skipped; a gap, or more
  // than kMaxStreamWindow ahead of the program, is an error. After the program has closed
  // its input, or after end_input(), bytes are taken and dropped.
  Result<void> give_input(uint64_t position, std::string_view bytes);
  void end_input();
  // Of somebody else than who counts positions, in between: how much of it was taken, at most
  // kMaxStreamChunk at a time and nothing while other input waits.
  size_t inject_input(std::string_view bytes);
  [[nodiscard]] uint64_t input_taken() const { return input_taken_; }  // in order, so far
  [[nodiscard]] uint64_t input_written() const {                       // at least so much
    return input_taken_ - std::min<uint64_t>(input_taken_, pending_input_.size());
  }

  Result<void> resize(TerminalSize size);
  // Makes a full-screen program draw everything again.
  void redraw(TerminalSize size);

 private:
  struct Output {
    UniqueFd fd;
    StreamBuffer buffer;
    uint32_t watched = 0;  // epoll events we asked for
    bool ended = false;
  };
  [[nodiscard]] Output& output_of(StreamId stream) {
    return outputs_[stream == StreamId::error ? 1 : 0];
  }
  void read_output(Output& output);
  void finish(Output& output);
  [[nodiscard]] bool others_have_room() const {
    const bool screen = screen_ == nullptr || screen_->has_room();
    return screen && (tap_ == nullptr || tap_->has_room());
  }
  void write_input();
  void close_input();
  void send_end_of_file();
  void watch();
  [[nodiscard]] int input_fd() const;

  Poller& poller_;
  ScreenKeeper* screen_;
  OutputTap* tap_ = nullptr;
  std::function<void()> on_change_;
  Milliseconds active_at_{};
  bool terminal_ = false;
  std::array<Output, 2> outputs_;
  UniqueFd input_;       // pipes only; a terminal's input is its master
  UniqueFd held_slave_;  // so that a program that closes its terminal for a while is no hang-up
  std::string pending_input_;
  uint64_t input_taken_ = 0;
  bool input_ended_ = false;   // end of file asked
  bool input_closed_ = false;  // end of file given, or the program will not read any more
  bool input_watched_ = false;
  bool audience_ = false;
  bool draining_ = false;
  bool started_ = false;
};

}  // namespace gd::agent

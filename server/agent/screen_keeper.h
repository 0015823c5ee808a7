// The shepherd's side of gdscreen: tells it what its step's terminal shows, asks for the screen
// when somebody comes back, and lets it record.
//
// Owns that process and the socket to it. It never waits: what the socket does not take is kept,
// and has_room() says when the terminal should not be read on for it. When gdscreen has gone, for
// whatever reason, or takes nothing for kScreenStall, the step goes on: alive() is false, and
// asking gives nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/poller.h"
#include "base/process.h"
#include "proto/messages_stream.h"
#include "proto/screen_frames.h"

namespace gd::agent {

inline constexpr size_t kMaxScreenBacklog = size_t{256} << 10;  // bytes not yet taken by gdscreen
inline constexpr Milliseconds kScreenPatience = 2s;             // for an answer
inline constexpr Milliseconds kScreenStall = 10s;               // of taking nothing: it is ended
inline constexpr Milliseconds kScreenFarewell = 2s;             // to write the recording's end

struct ScreenStart {
  std::string program;
  Uid uid = 0;
  Gid gid = 0;
  UniqueFd record;  // of the user's, open for writing; not valid: no recording
  std::string title;
  std::string term;
};

class ScreenKeeper {
 public:
  // With a screen's bytes, or nothing if there is none to be had.
  using OnScreen = std::function<void(std::optional<Bytes>)>;

  explicit ScreenKeeper(Poller& poller) : poller_(poller) {}
  ~ScreenKeeper();
  ScreenKeeper(const ScreenKeeper&) = delete;
  ScreenKeeper& operator=(const ScreenKeeper&) = delete;

  Result<void> start(ScreenStart start);
  // `on_room`: there is room again. `on_fault`: a line about what will be missed from here on.
  void set_events(std::function<void()> on_room, std::function<void(const std::string&)> on_fault);

  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] bool alive() const { return socket_.valid(); }
  [[nodiscard]] bool has_room() const { return !alive() || backlog() < kMaxScreenBacklog; }
  void shown(std::string_view bytes);
  void resized(TerminalSize size);
  // One question at a time: a new one takes the place of the old one. Calls back once, later.
  void ask(OnScreen on_screen);
  void forget_question();

 private:
  [[nodiscard]] size_t backlog() const { return out_.size() - written_; }
  void send(ScreenFrameKind kind, std::string_view bytes);
  void flush();
  void read();
  void on_frame(ScreenFrame frame);
  void answer(std::optional<Bytes> screen);
  void watch();
  void watch_stall();
  void lose();

  Poller& poller_;
  UniqueFd socket_;
  Pidfd child_;
  ScreenFrameReader reader_;
  std::string out_;
  size_t written_ = 0;
  uint32_t watched_ = 0;
  OnScreen on_screen_;
  size_t unanswered_ = 0;  // questions asked, of which the last one counts
  TimerId patience_ = TimerId::none;
  TimerId stall_ = TimerId::none;
  std::function<void()> on_room_;
  std::function<void(const std::string&)> on_fault_;
};

}  // namespace gd::agent

// Those who read a batch step's output files as they are written: the shepherd's half of the
// conversation of proto/messages_stream.h for a step whose streams are files.
//
// Each follower has the files opened anew for reading, by a function that its owner gives and
// that opens them with the rights of the job's user. Positions are offsets in the file; one
// that was truncated is read from its beginning again, and positions go on. Nothing is kept
// here but positions: what was not acknowledged is read from the file again. Files tell
// nobody that they grow, so they are looked at every kFollowPoll while somebody follows.
//
// When the step has ended and a follower has been sent the rest, she is sent the exit status.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>

#include "base/fd.h"
#include "base/poller.h"
#include "proto/messages_stream.h"
#include "server/agent/frame.h"

namespace gd::agent {

inline constexpr size_t kMaxFollowers = 8;                      // of a step, at once
inline constexpr size_t kMaxFollowBacklog = size_t{256} << 10;  // bytes that a socket holds
inline constexpr size_t kMaxTailBytes = size_t{1} << 20;        // read back for the last lines
inline constexpr Milliseconds kFollowPoll = 200ms;

// Where the last `lines` lines begin that end at the end of `text`; pure. A last line without
// its end counts.
size_t last_lines(std::string_view text, uint32_t lines);

class FollowHost {
 public:
  // For reading, not a directory; an invalid one: there is no such stream apart from output.
  using Open = std::function<Result<UniqueFd>(StreamId)>;

  FollowHost(Poller& poller, JobId job, StepId step, Open open, std::function<void()> on_delivered)
      : poller_(poller),
        job_(job),
        step_(step),
        open_(std::move(open)),
        on_delivered_(std::move(on_delivered)) {}
  ~FollowHost();
  FollowHost(const FollowHost&) = delete;
  FollowHost& operator=(const FollowHost&) = delete;

  Result<void> attach(FrameChannel& channel, const StreamOpen& open);
  void begin();               // the files are there
  void end(StreamExit exit);  // nobody writes to them any more

  // Nobody waits for the rest, and somebody, if ever there was one, has had it.
  [[nodiscard]] bool idle() const { return followers_.empty(); }
  [[nodiscard]] bool delivered() const { return delivered_; }

 private:
  struct File {
    UniqueFd fd;
    uint64_t offset = 0;  // in the file, of the next byte to send
    uint64_t sent = 0;    // position of the next byte to send; ahead of offset after a truncation
    uint64_t acknowledged = 0;
  };
  struct Follower {
    FrameChannel channel;
    std::optional<StreamOpen> opening;  // not greeted yet
    std::array<File, 2> files;
    uint32_t watched = 0;
    bool exit_sent = false;
    bool gone = false;  // or refused: dropped when that is safe
  };
  void greet(Follower& follower);
  Result<File> open_file(StreamId stream, const StreamOpen& open) const;
  enum class Left : uint8_t { nothing, more };  // to be read at once
  Left pump(Follower& follower);
  Left pump_file(Follower& follower, StreamId stream);
  void pump_all();
  void settle(uint64_t id);
  void on_ready(uint64_t id, uint32_t events);
  Result<void> handle(Follower& follower, const Message& message);
  static void send(Follower& follower, const Message& message);
  static void refuse(Follower& follower, const Error& error);
  void watch(uint64_t id, Follower& follower);
  void drop(uint64_t id);
  void schedule(Milliseconds delay);

  Poller& poller_;
  JobId job_;
  StepId step_;
  Open open_;
  std::function<void()> on_delivered_;
  std::map<uint64_t, Follower> followers_;
  uint64_t next_id_ = 1;
  std::optional<StreamExit> exit_;
  TimerId timer_ = TimerId::none;
  bool begun_ = false;
  bool delivered_ = false;
};

}  // namespace gd::agent

// Those who watch a step's streams beside its own client: sattach.
//
// A watcher gets what is written from when he comes, from the beginning of a frame where the output
// is frames of gdtasks, and how it ended. What he sends is input like the client's own; its end is
// not, and he sends no signals. Positions count from his coming.
//
// Up to kMaxStreamWindow bytes wait for each of him. The program is held back for one who has no
// room left, but not for long: who takes nothing for kWatcherPatience then is let go.
#pragma once

#include <array>
#include <functional>
#include <list>
#include <optional>
#include <string>

#include "base/poller.h"
#include "proto/byte_frames.h"
#include "proto/messages_stream.h"
#include "server/agent/frame.h"
#include "server/agent/step_streams.h"
#include "server/agent/stream_buffer.h"

namespace gd::agent {

inline constexpr size_t kMaxWatchers = 4;
inline constexpr Milliseconds kWatcherPatience = 5s;

enum class OutputForm : uint8_t { plain, frames };

class StreamWatchers final : public OutputTap {
 public:
  // `moved`: one has taken output, sent input, or gone.
  StreamWatchers(Poller& poller, JobId job, StepId step, OutputForm form,
                 std::function<void()> moved)
      : poller_(poller), job_(job), step_(step), form_(form), moved_(std::move(moved)) {}
  ~StreamWatchers() override;
  StreamWatchers(const StreamWatchers&) = delete;
  StreamWatchers& operator=(const StreamWatchers&) = delete;

  // Takes the connection over; it must not be in the poller.
  Result<void> attach(FrameChannel& channel);
  [[nodiscard]] bool has_room() const override;
  void shown(StreamId stream, std::string_view bytes) override;
  void pump();  // sends what can be sent
  // Their input to `take`, which says how much it took.
  void feed(const std::function<size_t(std::string_view)>& take);
  void end(const StreamExit& exit);  // after the last output

 private:
  struct Watcher {
    FrameChannel channel;
    std::array<StreamBuffer, 2> buffers;
    std::string input;  // not taken yet
    uint64_t input_at = 0;
    uint32_t watched = 0;
    bool joined = false;  // output has come to the beginning of a frame
    bool ended = false;   // the exit is on its way
    bool broken = false;
    TimerId timer{};  // runs while he has no room
    bool late = false;
  };
  using Place = std::list<Watcher>::iterator;
  static StreamBuffer& buffer(Watcher& watcher, StreamId stream) {
    return watcher.buffers[stream == StreamId::error ? 1 : 0];
  }
  [[nodiscard]] static bool full(const Watcher& watcher);
  void on_ready(Place watcher, uint32_t events);
  Result<void> handle(Watcher& watcher, const Message& message);
  void pump(Watcher& watcher);
  void send(Watcher& watcher, const Message& message);
  void mind(Place watcher);
  void watch(Place watcher);
  void let_go(Watcher& watcher, std::string text);
  void sweep();  // drops those that are broken

  Poller& poller_;
  JobId job_;
  StepId step_;
  OutputForm form_;
  std::function<void()> moved_;
  ByteFrameScan frames_;
  std::list<Watcher> watchers_;
  std::optional<StreamExit> exit_;
};

}  // namespace gd::agent

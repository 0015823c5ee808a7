// One step's streams and the client that looks at them: the shepherd's half of the
// conversation of proto/messages_stream.h.
//
// At most one client at a time; a new one takes over and the old one is told goodbye.
// A client may come before the program runs, and after it has ended: output stays in the
// buffers, and the exit status is sent when all of the output has been.
//
// Others may watch beside the one client: stream_watchers.h.
//
// Who comes to a terminal that has shown something, and has not seen it all, is given the screen
// as it is and what follows. Where nobody keeps the screen, it is the last of the output again.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/poller.h"
#include "proto/messages_stream.h"
#include "server/agent/frame.h"
#include "server/agent/step_streams.h"
#include "server/agent/stream_watchers.h"

namespace gd::agent {

// Bytes waiting in the socket towards the client; more is not put there, so that a slow
// client holds back the program and not our memory.
inline constexpr size_t kMaxClientBacklog = size_t{256} << 10;

enum class Leaving : uint8_t { lost, on_purpose };

struct StreamEvents {
  std::function<void(int signal)> on_signal;
  std::function<void()> on_attached;
  std::function<void(Leaving)> on_detached;
  std::function<void()> on_delivered;  // the exit status is on its way
};

class StreamHost {
 public:
  StreamHost(Poller& poller, JobId job, StepId step, StreamEvents events,
             OutputForm form = OutputForm::plain)
      : poller_(poller),
        job_(job),
        step_(step),
        events_(std::move(events)),
        watchers_(poller, job, step, form, [this] { watchers_moved(); }) {}
  ~StreamHost() { drop_client(); }
  StreamHost(const StreamHost&) = delete;
  StreamHost& operator=(const StreamHost&) = delete;

  // The program runs, with these ends. A program that never ran has no ends.
  // `screen`: keeps what its terminal shows; may be null, else lives longer than this.
  Result<void> begin(StdioEnds ends, ScreenKeeper* screen = nullptr);
  // Takes the connection over; it must not be in the poller. Messages that came with the
  // opening one are in the channel already.
  void attach(FrameChannel channel, const StreamOpen& open);
  // One more who watches. An error leaves the connection to the caller.
  Result<void> attach_watcher(FrameChannel& channel);
  // No process is left that could write: takes what the pipes still hold.
  void drain() {
    if (streams_) streams_->drain();
  }
  // No process is left. The rest of the output, then this.
  void end(StreamExit exit);

  [[nodiscard]] bool attached() const { return client_.has_value(); }
  // For what the program's start waits: told to who is there or comes, until it runs.
  void set_waiting(std::string text);
  // A word to whoever is attached.
  void notify(const std::string& text);
  [[nodiscard]] Milliseconds active_at() const {
    return streams_ ? streams_->active_at() : Milliseconds{};
  }
  [[nodiscard]] bool delivered() const { return delivered_; }
  [[nodiscard]] bool output_complete() const { return streams_ && streams_->all_ended(); }

 private:
  void on_ready(uint32_t events);
  void watchers_moved();
  void pump_watchers();
  void greet();
  void tell_waiting();
  [[nodiscard]] bool wants_screen() const;
  void ask_screen();
  void welcome(std::optional<Bytes> screen);
  void pump();
  void pump_stream(StreamId stream);
  Result<void> handle(const Message& message);
  void watch();
  void send(const Message& message);
  void drop_client();
  void detach(Leaving how);
  bool& end_sent(StreamId stream) { return stream == StreamId::error ? error_end_ : output_end_; }

  Poller& poller_;
  JobId job_;
  StepId step_;
  StreamEvents events_;
  ScreenKeeper* screen_ = nullptr;
  StreamWatchers watchers_;
  std::unique_ptr<StepStreams> streams_;
  std::optional<FrameChannel> client_;
  std::optional<StreamOpen> opening_;  // of a client that waits for the program, or the screen
  std::optional<StreamExit> exit_;
  std::string waiting_;
  uint64_t input_acknowledged_ = 0;
  uint32_t watched_ = 0;
  bool output_end_ = false;
  bool error_end_ = false;
  bool exit_sent_ = false;
  bool delivered_ = false;
  bool failed_ = false;  // the connection broke inside of a call: dropped when that returns
  bool pumping_ = false;
};

}  // namespace gd::agent

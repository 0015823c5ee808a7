// One step's life on its node: gdshep's state machine.
//
//   accepted --(image there, container up)--> running --(program and its children gone)--> ended
//       \--(could not be made)------------------------------------------------^
//
// Each phase is in the folder's status file before anybody is told. A step is run at most
// once, ever: the lock keeps a second shepherd out, and a folder that has a status is not
// started again. The first cause of an end is kept; what comes later changes nothing:
//
//   time limit, order, client gone,
//   idle terminal:                   TERM and CONT to all, kill_wait, KILL; HUP first at a terminal
//   order "at once":                 KILL
//   out of memory:                   asked of the step's group when it has ended
//
// An ended step's shepherd waits for `forget` (and for its client to have the rest of the
// output), then removes the folder and leaves. If nobody asks for kRetireAfter it leaves with
// the status on disk: a shepherd that nobody needs costs memory. Time is the boot clock.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/poller.h"
#include "base/result.h"
#include "proto/messages_node.h"
#include "server/agent/follow_host.h"
#include "server/agent/idle_limit.h"
#include "server/agent/screen_keeper.h"
#include "server/agent/shepherd_door.h"
#include "server/agent/shepherd_settings.h"
#include "server/agent/step_container.h"
#include "server/agent/step_folder.h"
#include "server/agent/step_image.h"
#include "server/agent/step_save.h"
#include "server/agent/stream_host.h"
#include "server/agent/usage_meter.h"

namespace gd::agent {

inline constexpr Milliseconds kClientGrace = 60s;   // without a terminal, after a lost client
inline constexpr Milliseconds kKeepAfter = 500ms;   // then an end that nobody took is synced
inline constexpr Milliseconds kRetireAfter = 15s;   // then its shepherd leaves
inline constexpr Milliseconds kRetireUnread = 60s;  // the same with output that no client took
inline constexpr Milliseconds kLinger = 20s;        // for a client to come for the exit status
inline constexpr Milliseconds kDelivered = 1s;      // for what was sent to be read
inline constexpr Milliseconds kJoinRetry = 20ms;
inline constexpr Milliseconds kJoinPatience = 30s;  // for the job's container to appear
inline constexpr Milliseconds kFirstSample = 1s;    // after the start; then at the interval
inline constexpr Milliseconds kKillPatience = 2s;   // for killed programs, then the whole group

class Shepherd {
 public:
  Shepherd(Poller& poller, StepFolder folder, StepLaunch launch, ShepherdSettings settings);
  ~Shepherd();
  Shepherd(const Shepherd&) = delete;
  Shepherd& operator=(const Shepherd&) = delete;

  // Takes the folder's lock and starts the step; an error means that this is no folder of
  // ours to run. The poller is stopped when all is over.
  // `listener`: bound in the folder already, or not valid: then it is made.
  Result<void> begin(UniqueFd listener = UniqueFd{});
  void on_terminate();  // the node goes down

 private:
  void fetch_image();
  void on_image(const Result<void>& fetched);
  void try_start();
  void on_started();
  void fail(const Error& error);
  void watch_process();
  void on_process();
  void on_program_end();
  void on_gone(const container::ExitReport& report);
  void finish(EndCause cause, ExitStatus exit, std::string error);
  void cancel_timers();

  bool begin_save(EndCause cause, ExitStatus exit);  // false: nothing is saved
  void on_saved(const Result<uint64_t>& bytes);
  void tell_save(const std::string& how);
  void check_room();
  Result<void> write_in_output(const std::string& line) const;
  void drop_save(EndCause cause);

  void begin_end(EndCause cause, Milliseconds grace);
  void kill_now();
  void set_time_limit(std::optional<Seconds> limit);
  void send_warning();

  void on_order(const ShepherdOrder& order);
  bool ends_unstarted(int number);
  void on_signal_order(const SignalOrder& order);
  Result<void> on_client(FrameChannel& channel, const StreamOpen& open);
  Result<UniqueFd> open_output(StreamId stream) const;
  [[nodiscard]] bool awaits_follower() const;
  void on_attached();
  void on_detached(Leaving how);
  Result<void> start_screen();
  Result<UniqueFd> open_recording() const;
  [[nodiscard]] Milliseconds active_at() const;  // boot time of what last happened in a session
  void check_idle();
  void forget();
  void leave();

  void save_and_tell();
  void take_sample();
  void tell_sample();
  void again(TimerId& timer, Milliseconds delay, void (Shepherd::*what)());
  void kill_whole_group();
  void client_is_gone();
  void time_is_over();
  void keep_on_disk();
  void retire();
  [[nodiscard]] ShepherdStatus status_message() const;
  [[nodiscard]] bool ended() const { return status_.phase == StepPhase::ended; }
  // Without a terminal and without a client it runs for nobody.
  [[nodiscard]] bool client_counts() const {
    return launch_.stream && !launch_.pty && !container_.is_place();
  }

  Poller& poller_;
  StepFolder folder_;
  StepLaunch launch_;
  ShepherdSettings settings_;
  StepStatus status_;
  std::optional<ScreenKeeper> screen_;  // of a terminal; before who uses it
  std::optional<StreamHost> streams_;
  std::optional<FollowHost> followers_;  // of a step whose streams are files
  ShepherdDoor door_;
  StepImage image_;
  StepContainer container_;
  std::optional<StepSave> save_;  // of a step whose container is to be saved
  SystemClock clock_;
  UsageMeter meter_;

  std::optional<EndCause> cause_;  // the first one; none: it ended by itself
  bool killed_ = false;            // by us
  bool forgotten_ = false;
  bool save_told_ = false;
  bool room_told_ = false;
  Milliseconds begun_at_{};    // boot time, of the first try to start
  Milliseconds started_at_{};  // boot time, of the program
  Milliseconds kill_at_{};     // boot time, once it has been told to end
  pid_t init_pid_ = 0;
  int watched_fd_ = -1;
  int watched_pidfd_ = -1;
  TimerId limit_timer_ = TimerId::none;
  TimerId warn_timer_ = TimerId::none;
  TimerId kill_timer_ = TimerId::none;
  TimerId client_timer_ = TimerId::none;
  TimerId keep_timer_ = TimerId::none;
  TimerId leave_timer_ = TimerId::none;
  TimerId retry_timer_ = TimerId::none;
  TimerId sample_timer_ = TimerId::none;
  TimerId idle_timer_ = TimerId::none;
  std::string screen_trouble_;  // why nobody keeps the screen
  Milliseconds computed_at_{};  // boot time of the last sample that used the processor
  Milliseconds idle_warned_at_{};
};

}  // namespace gd::agent

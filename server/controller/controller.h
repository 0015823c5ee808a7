// Controller: the owner thread's loop body. DESIGN section 4 in one class:
//
//   take() any number of messages   decide, apply; answers are kept back
//   finish_turn()                   timers, the scheduling pass, keys of jobs, then ONE
//                                   commit, then answers, notices, welcomes, orders
//
// It knows no socket and no clock: gdctld's loop (loop.h) and the tests drive it.
// Cost: a turn is one or two disk syncs, shared by all that it took.
#pragma once

#include <memory>
#include <optional>

#include "base/clock.h"
#include "proto/socket.h"
#include "server/controller/hub.h"

namespace gd::controller {

// A pass that took so long is taken to be as long the next time. Shorter ones are worth less
// than the disk sync that a turn of their own costs.
inline constexpr Milliseconds kLongPass{20};

class Controller {
 public:
  static Result<std::unique_ptr<Controller>> start(Parts parts, TimePoint now);
  explicit Controller(std::unique_ptr<Hub> hub) : hub_(std::move(hub)) {}

  void begin_turn(TimePoint now) { hub_->now = now; }
  void take(Incoming&& message);
  void take(auth::AuthEvent&& event);
  void reconfigure();  // SIGHUP: as if the owner of the process had asked
  // An error means that the state in memory is not on the disk: the process must end.
  Result<void> finish_turn(Milliseconds boot_now);

  // How long the loop may sleep when nothing comes.
  [[nodiscard]] Milliseconds patience(TimePoint now, Milliseconds boot_now) const;
  // The next turn is a pass's own: nothing should be taken that would wait for its end.
  [[nodiscard]] bool owes_pass() const { return owes_pass_; }
  [[nodiscard]] bool stopping() const { return hub_->stop; }
  [[nodiscard]] Hub& hub() { return *hub_; }

 private:
  void dispatch(const Origin& origin, Message&& message);
  bool park(const Origin& origin, Message& message);
  void ask_groups(Uid uid, Gid gid);
  void unpark(Uid uid, const Result<UserGroups>& groups);
  void run_timers();
  void run_pass(Milliseconds boot_now);
  Result<void> commit();
  void tell();

  std::unique_ptr<Hub> hub_;
  Milliseconds next_pass_{};  // boot clock: not before
  Milliseconds last_pass_{};  // how long it took
  bool owes_pass_ = false;
  TimePoint next_housekeeping_{};
};

// housekeeping.cc: forgets what is older than history_age and audit_age, some at a time.
Result<void> forget_old(Hub& hub);
inline constexpr size_t kMaxForgotten = 1000;  // records of one run

// job_keys.cc: a key for each job that holds nodes, and for no other. After the last decision
// of a turn, before its commit.
void settle_job_keys(Hub& hub);

// launches.cc: what goes to nodes.
void send_orders(Hub& hub, const std::set<std::string>& nodes);
void send_welcomes(Hub& hub, const core::Effects& effects);
// notices.cc: what goes to waiters.
void send_notices(Hub& hub, const std::set<JobId>& jobs);

}  // namespace gd::controller

// What has been decided, as values. An event is valid only for the cluster state
// that it was decided on; apply() is total on valid events.
//
// Events are not the journal: what is durable are the records that they change
// (cluster.h, Changes). Those marked "runtime" change nothing durable.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/alternative.h"
#include "base/clock.h"
#include "proto/crontab.h"
#include "proto/ids.h"
#include "proto/job_record.h"
#include "proto/messages_node.h"
#include "proto/node_record.h"
#include "proto/reservation.h"
#include "server/core/cluster_config.h"
#include "server/sched/ledger.h"

namespace gd::core {

// ---- jobs
struct JobAdded {
  JobRecord job;
};
struct JobWaits {
  JobId job;
  Reason reason = Reason::none;
  std::string text;
};  // a new reason
struct JobHeld {
  JobId job;
  HoldKind kind = HoldKind::none;
  Reason reason = Reason::none;
  std::string text;
};
struct JobReleased {
  JobId job;
};  // no longer held
struct JobEligible {
  JobId job;
};                   // its begin time has come
struct JobUpdated {  // all fields as they are to be
  JobId job;
  std::shared_ptr<const JobSpec> spec;
  std::optional<Seconds> time_limit;
  TimePoint eligible{};
};
struct JobSplit {  // of an array: these elements get a record of their own
  JobId job;
  JobRecord part;  // as `job`, but for the id, the request and the elements
};
struct DependencySet {  // new terms, or what became of them
  JobId job;
  Dependency dependency;
  TimePoint eligible{};
};
struct ArrayLimitSet {
  JobId job;
  uint32_t limit = 0;
};                     // of an array's first record
struct JobAllocated {  // pending -> starting: a new life
  JobId job;
  LaunchNumber launch;
  std::vector<NodeShare> shares;
  std::string partition;
  std::string batch_node;
  std::vector<StepRecord> steps;  // its first one; none for an allocation
  TimePoint at{};
};
struct JobBegan {
  JobId job;
};               // starting -> running: a process of it is there
struct JobGot {  // what its node made of it
  JobId job;
  Receipt receipt;
};
struct TakeoverBegun {  // others are ended for it, and that is kept
  JobId job;
  Takeover takeover;
};
struct TakeoverEnded {  // it came to nothing
  JobId job;
};
struct JobEnding {  // -> completing: nothing more of it is started
  JobId job;
  JobState end_as = JobState::completed;
  Reason reason = Reason::none;
  std::string text;
  std::optional<Uid> by;
  bool requeue = false;
  HoldKind hold = HoldKind::none;    // of the requeued job
  std::optional<std::string> avoid;  // a node that failed to launch it
  std::optional<ExitStatus> exit;    // of an allocation: as its client says
  std::optional<Preempted> preempted;
};
struct JobEndChanged {  // while completing: another end than it was to have
  JobId job;
  JobState end_as = JobState::cancelled;
  std::optional<Uid> by;
  bool requeue = false;
  HoldKind hold = HoldKind::none;
  std::optional<Reason> reason;  // instead of the one that it was to end for
};
struct ShareReleased {
  JobId job;
  std::string node;
};
struct JobEnded {  // -> an end state; nothing is left anywhere
  JobId job;
  JobState state = JobState::completed;
  Reason reason = Reason::none;
  std::string text;
  std::optional<Uid> by;
  TimePoint at{};
};
struct JobRequeued {  // -> pending: the next life may come
  JobId job;
  Reason reason = Reason::none;
  std::string text;
  HoldKind hold = HoldKind::none;
  bool failed = false;  // no process of it ever ran: counts as a failed launch
  TimePoint at{};
};
struct JobSignalled {
  JobId job;
  PendingSignal signal;
};
struct SignalsDone {
  JobId job;
  uint64_t serial = 0;
};                   // all up to this one
struct TimeMarked {  // so much of its time limit has passed, and its user wants to know
  JobId job;
  MailEvents marks = 0;
};
struct JobPurged {
  JobId job;
};  // from live to history

// ---- steps
struct StepAdded {
  JobId job;
  StepRecord step;
};
struct StepChanged {
  JobId job;
  StepRecord step;
};

// ---- nodes
struct NodeCame {
  NodeInfo info;
  uint64_t session = 0;
  uint64_t nonce = 0;
  TimePoint at{};
};
struct NodeReported {
  std::string node;
  NodeReport report;
  TimePoint at{};
};  // runtime
struct NodeChanged {
  NodeRecord node;
};
struct NodeRemoved {
  std::string node;
};
struct NodeUnknown {
  std::string node;
};  // runtime: a report of no session; it must say hello

// ---- reservations
struct ReservationSet {  // made or changed
  ReservationRecord record;
};
struct ReservationBegan {
  std::string name;
};  // runtime
struct ReservationRemoved {
  std::string name;
};

// ---- crontabs
struct CrontabSet {
  CrontabRecord record;
};
struct CrontabRemoved {
  Uid uid = 0;
};

// ---- the rest
struct ClientSeen {
  JobId job;
  TimePoint at{};
};                 // runtime
struct Promised {  // runtime: the last pass's promises
  struct One {
    JobId job;
    TimePoint at{};
  };
  std::vector<One> jobs;
};
struct FetchesWanted {  // runtime: what the last pass would have nodes fetch ahead
  std::map<std::string, std::set<ImageFetch>, std::less<>> by_node;
};
struct PassWanted {  // runtime: one at that time, whatever else happens; none
  std::optional<TimePoint> at;
};
struct PassDue {};     // runtime: that time has come
struct SharesRanked {  // runtime
  TimePoint at{};
  std::vector<double> factors;  // by share
};
struct UsageReset {  // set back to nothing, as of that moment
  std::vector<sched::UsageName> names;
  TimePoint at{};
  bool by_calendar = false;  // or its first day: nothing is set back yet
};
struct Reconfigured {
  std::shared_ptr<const ClusterConfig> config;
};
struct AuditEntry {  // changes by administrators
  TimePoint at{};
  Uid uid = 0;
  std::string user;
  std::string text;  // "drain node n3: broken fan"

  static constexpr void visit(auto& self, auto&& field) {
    field("at", self.at);
    field("uid", self.uid);
    field("user", self.user);
    field("text", self.text);
  }
};

using EventVariant =
    std::variant<JobAdded, JobWaits, JobHeld, JobReleased, JobEligible, JobUpdated, JobSplit,
                 DependencySet, ArrayLimitSet, JobAllocated, JobBegan, JobGot, TakeoverBegun,
                 TakeoverEnded, JobEnding, JobEndChanged, ShareReleased, JobEnded, JobRequeued,
                 JobSignalled, SignalsDone, TimeMarked, JobPurged, StepAdded, StepChanged, NodeCame,
                 NodeReported, NodeChanged, NodeRemoved, NodeUnknown, ReservationSet,
                 ReservationBegan, ReservationRemoved, CrontabSet, CrontabRemoved, ClientSeen,
                 Promised, FetchesWanted, PassWanted, PassDue, SharesRanked, UsageReset,
                 Reconfigured, AuditEntry>;

// One of them. A class of its own only so that copying and destroying so many alternatives is
// compiled once, in event.cc, and not in every file that emits one: std::visit, get and get_if
// work as on the variant.
class Event : public EventVariant {
 public:
  template <class Body>
  requires is_alternative_of<Body, EventVariant> Event(Body body)
      : EventVariant(std::in_place_type<Body>, std::move(body)) {}  // NOLINT: implicit
  Event(const Event& other);
  Event(Event&& other) noexcept;
  Event& operator=(const Event& other);
  Event& operator=(Event&& other) noexcept;
  ~Event();
};

}  // namespace gd::core

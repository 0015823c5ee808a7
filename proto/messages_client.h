// Client -> controller, and the answers. See proto/messages.h for the form.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "proto/ids.h"
#include "proto/job_record.h"
#include "proto/message_type.h"
#include "proto/messages_step.h"
#include "proto/node_record.h"

namespace gd {

struct ErrorReply {
  static constexpr MessageType kType = MessageType::error_reply;
  ErrorCode code = ErrorCode::internal;
  std::string text;
  bool operator==(const ErrorReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("code", self.code);
    field("text", self.text);
  }
};

struct OkReply {
  static constexpr MessageType kType = MessageType::ok_reply;
  std::vector<std::string> warnings;
  bool operator==(const OkReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("warnings", self.warnings); }
};

struct PingRequest {
  static constexpr MessageType kType = MessageType::ping_request;
  bool operator==(const PingRequest&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

struct PingReply {
  static constexpr MessageType kType = MessageType::ping_reply;
  std::string version;
  std::string cluster;
  std::string host;
  TimePoint started{};
  TimePoint now{};
  std::string you;  // the name behind the caller's key
  Uid uid = 0;
  bool administrator = false;
  bool operator==(const PingReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("version", self.version);
    field("cluster", self.cluster);
    field("host", self.host);
    field("started", self.started);
    field("now", self.now);
    field("you", self.you);
    field("uid", self.uid);
    field("admin", self.administrator);
  }
};

struct SubmitRequest {
  static constexpr MessageType kType = MessageType::submit_request;
  RequestId request;
  JobSpec spec;
  Bytes script;       // batch only
  Bytes environment;  // "K=V\0K=V\0"
  bool test_only = false;
  bool explain = false;    // nothing is submitted; answered by ExplainReply
  std::string client_key;  // interactive: nothing else may open the streams; filled by the server
  bool operator==(const SubmitRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("spec", self.spec);
    field("script", self.script);
    field("env", self.environment);
    field("test", self.test_only);
    field("explain", self.explain);
    field("ckey", self.client_key);
  }
};

struct ExplainReply {
  static constexpr MessageType kType = MessageType::explain_reply;
  std::string node;  // that would run it
  std::optional<TimePoint> expected_start;
  std::vector<std::string> lines;
  std::vector<std::string> refusals;  // why it would be refused there; empty: it would run
  bool operator==(const ExplainReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("node", self.node);
    field("start", self.expected_start);
    field("lines", self.lines);
    field("refusals", self.refusals);
  }
};

struct SubmitReply {
  static constexpr MessageType kType = MessageType::submit_reply;
  JobId job;
  std::vector<std::string> warnings;
  std::optional<TimePoint> expected_start;  // test_only
  std::vector<std::string> expected_nodes;
  bool operator==(const SubmitReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("warnings", self.warnings);
    field("start", self.expected_start);
    field("nodes", self.expected_nodes);
  }
};

// Elements of an array: "7_3", "7_[1-5]". From a stranger: check is_valid().
struct JobElements {
  JobId job;  // the array
  IndexSet elements;
  bool operator==(const JobElements&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("elements", self.elements);
  }
};

// Which jobs. An array's id means all of it. Empty lists mean "any"; all conditions must hold.
struct JobFilter {
  std::vector<JobId> jobs;
  std::vector<JobElements> elements;  // beside, not among, the jobs
  std::vector<std::string> users;
  std::vector<std::string> names;
  std::vector<std::string> partitions;
  std::vector<std::string> nodes;
  std::vector<JobState> states;
  bool operator==(const JobFilter&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("jobs", self.jobs);
    field("elements", self.elements);
    field("users", self.users);
    field("names", self.names);
    field("parts", self.partitions);
    field("nodes", self.nodes);
    field("states", self.states);
  }
};

// Live jobs (with those that ended less than min_job_age ago), or history by time of end. The
// answer comes in pages: several replies, the last with `more` false, all of one snapshot.
struct JobQuery {
  static constexpr MessageType kType = MessageType::job_query;
  JobFilter filter;
  bool history = false;
  std::optional<TimePoint> since;
  std::optional<TimePoint> until;
  uint32_t limit = 0;  // most jobs, newest first; 0: all
  bool terms = false;  // with what the priorities are made of
  bool live = false;   // with what running steps use now
  bool operator==(const JobQuery&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("filter", self.filter);
    field("history", self.history);
    field("since", self.since);
    field("until", self.until);
    field("limit", self.limit);
    field("terms", self.terms);
    field("live", self.live);
  }
};

struct PriorityParts {  // in points; see server/sched/priority.h
  double age = 0;
  double fair_share = 0;
  double stretch = 0;
  double size = 0;
  double partition = 0;
  double fixed = 0;
  double overdue = 0;
  double qos = 0;
  bool operator==(const PriorityParts&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("age", self.age);
    field("fair", self.fair_share);
    field("stretch", self.stretch);
    field("size", self.size);
    field("part", self.partition);
    field("fixed", self.fixed);
    field("overdue", self.overdue);
    field("qos", self.qos);
  }
};

struct JobView {
  JobRecord job;
  std::optional<double> priority;           // pending jobs
  std::optional<TimePoint> expected_start;  // from the last pass, if it planned this job
  std::optional<PriorityParts> terms;       // if the query asked for them
  std::vector<StepSample> samples;          // the same; as last heard
  bool operator==(const JobView&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("prio", self.priority);
    field("start", self.expected_start);
    field("terms", self.terms);
    field("samples", self.samples);
  }
};

struct JobQueryReply {
  static constexpr MessageType kType = MessageType::job_query_reply;
  std::vector<JobView> jobs;
  bool more = false;
  bool operator==(const JobQueryReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("jobs", self.jobs);
    field("more", self.more);
  }
};

// End jobs, or send them a signal. At least one condition must be given.
struct CancelRequest {
  static constexpr MessageType kType = MessageType::cancel_request;
  RequestId request;
  JobFilter filter;
  std::optional<int32_t> signal;  // empty: cancel
  std::optional<StepId> step;     // signal this step only
  bool batch_only = false;        // the script's own process, not all of the job
  bool cron = false;              // recurring jobs, too: these do not recur any more
  bool operator==(const CancelRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("filter", self.filter);
    field("signal", self.signal);
    field("step", self.step);
    field("batch", self.batch_only);
    field("cron", self.cron);
  }
};

enum class JobAction : uint8_t {
  hold = 0,
  user_hold = 1,
  release = 2,
  requeue = 3,
  requeue_hold = 4,
  finish = 5,  // an allocation is not needed any more: exit_code says how that is to be called
};

struct JobControlRequest {
  static constexpr MessageType kType = MessageType::job_control_request;
  RequestId request;
  JobAction action = JobAction::hold;
  std::vector<JobId> jobs;
  std::vector<JobElements> elements;
  int32_t exit_code = 0;
  bool operator==(const JobControlRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("action", self.action);
    field("jobs", self.jobs);
    field("elements", self.elements);
    field("code", self.exit_code);
  }
};

// Changes to pending jobs, and of time_limit and comment to running ones.
struct JobUpdateRequest {
  static constexpr MessageType kType = MessageType::job_update_request;
  RequestId request;
  std::vector<JobId> jobs;
  std::optional<std::string> name;
  std::optional<std::string> partition;
  std::optional<std::string> comment;
  std::optional<Seconds> time_limit;
  std::optional<TimePoint> begin;
  std::optional<int32_t> nice;
  std::optional<uint32_t> priority;
  std::optional<uint32_t> cpus_per_task;
  std::optional<uint32_t> tasks;
  std::optional<uint64_t> memory_per_node_mib;
  std::optional<bool> requeue;
  std::vector<JobElements> elements;
  std::optional<uint32_t> array_limit;    // 0: none
  std::optional<std::string> dependency;  // "": none any more
  std::optional<std::string> qos;
  std::optional<std::string> account;
  std::optional<std::string> reservation;  // "": none any more
  bool operator==(const JobUpdateRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("jobs", self.jobs);
    field("name", self.name);
    field("part", self.partition);
    field("comment", self.comment);
    field("time", self.time_limit);
    field("begin", self.begin);
    field("nice", self.nice);
    field("priority", self.priority);
    field("cpt", self.cpus_per_task);
    field("tasks", self.tasks);
    field("mem", self.memory_per_node_mib);
    field("requeue", self.requeue);
    field("elements", self.elements);
    field("array_limit", self.array_limit);
    field("dependency", self.dependency);
    field("qos", self.qos);
    field("account", self.account);
    field("resv", self.reservation);
  }
};

struct JobOutcome {  // of one job in a request about several
  JobId job;
  ErrorCode code = ErrorCode::internal;
  std::string text;  // empty: done
  bool operator==(const JobOutcome&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("code", self.code);
    field("text", self.text);
  }
};

struct JobsReply {
  static constexpr MessageType kType = MessageType::jobs_reply;
  uint32_t done = 0;
  std::vector<JobOutcome> refused;
  bool operator==(const JobsReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("done", self.done);
    field("refused", self.refused);
  }
};

// One JobNotice at once, and one at each change of state until the job has
// reached `until`. Asked again after a lost connection it starts over.
enum class WaitUntil : uint8_t { started = 0, ended = 1 };
struct WaitRequest {
  static constexpr MessageType kType = MessageType::wait_request;
  JobId job;
  WaitUntil until = WaitUntil::ended;
  bool keep_alive = false;  // an interactive job's client: kClientSilence of silence cancels it
  bool operator==(const WaitRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("until", self.until);
    field("alive", self.keep_alive);
  }
};

inline constexpr Seconds kClientPing{10};
inline constexpr Seconds kClientSilence{60};

struct JobNotice {
  static constexpr MessageType kType = MessageType::job_notice;
  JobId job;
  JobState state = JobState::pending;
  Reason reason = Reason::none;
  std::string reason_text;
  ExitStatus exit;
  std::vector<StepAccess> access;  // interactive job, started, asked by its own client
  bool last = false;
  bool operator==(const JobNotice&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("state", self.state);
    field("reason", self.reason);
    field("why", self.reason_text);
    field("exit", self.exit);
    field("access", self.access);
    field("last", self.last);
  }
};

struct ScriptQuery {
  static constexpr MessageType kType = MessageType::script_query;
  JobId job;
  bool operator==(const ScriptQuery&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("job", self.job); }
};

struct ScriptReply {
  static constexpr MessageType kType = MessageType::script_reply;
  Bytes script;
  Bytes environment;
  bool operator==(const ScriptReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("script", self.script);
    field("env", self.environment);
  }
};

}  // namespace gd

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
  std::string you;        // the name behind the caller's key
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
  Bytes script;         // batch only
  Bytes environment;    // "K=V\0K=V\0"
  bool test_only = false;
  std::string client_key;  // interactive: nothing else may open the streams; filled by the server
  bool operator==(const SubmitRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("spec", self.spec);
    field("script", self.script);
    field("env", self.environment);
    field("test", self.test_only);
    field("ckey", self.client_key);
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

// Which jobs. Empty lists mean "any"; all given conditions must hold.
struct JobFilter {
  std::vector<JobId> jobs;
  std::vector<std::string> users;
  std::vector<std::string> names;
  std::vector<std::string> partitions;
  std::vector<std::string> nodes;
  std::vector<JobState> states;
  bool operator==(const JobFilter&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("jobs", self.jobs);
    field("users", self.users);
    field("names", self.names);
    field("parts", self.partitions);
    field("nodes", self.nodes);
    field("states", self.states);
  }
};

// Live jobs (with those that ended less than min_job_age ago), or history by
// time of end. The answer comes in pages: several replies, the last with
// `more` false, all of one snapshot.
struct JobQuery {
  static constexpr MessageType kType = MessageType::job_query;
  JobFilter filter;
  bool history = false;
  std::optional<TimePoint> since;
  std::optional<TimePoint> until;
  uint32_t limit = 0;  // most jobs, newest first; 0: all
  bool operator==(const JobQuery&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("filter", self.filter);
    field("history", self.history);
    field("since", self.since);
    field("until", self.until);
    field("limit", self.limit);
  }
};

struct JobView {
  JobRecord job;
  std::optional<double> priority;            // pending jobs
  std::optional<TimePoint> expected_start;   // from the last pass, if it planned this job
  bool operator==(const JobView&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("prio", self.priority);
    field("start", self.expected_start);
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
  bool operator==(const CancelRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("filter", self.filter);
    field("signal", self.signal);
    field("step", self.step);
    field("batch", self.batch_only);
  }
};

enum class JobAction : uint8_t { hold = 0, user_hold = 1, release = 2, requeue = 3, requeue_hold = 4 };

struct JobControlRequest {
  static constexpr MessageType kType = MessageType::job_control_request;
  RequestId request;
  JobAction action = JobAction::hold;
  std::vector<JobId> jobs;
  bool operator==(const JobControlRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("action", self.action);
    field("jobs", self.jobs);
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
  bool keep_alive = false;  // the interactive job's own client: silence for kClientSilence cancels it
  bool operator==(const WaitRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("until", self.until);
    field("alive", self.keep_alive);
  }
};

inline constexpr Seconds kClientPing{10};
inline constexpr Seconds kClientSilence{60};

// Where an interactive step can be reached. The ticket says what its bearer may
// open; it is signed by the controller and good for this client's key only.
struct StreamAccess {
  std::string address;   // host:port
  std::string node_key;  // CURVE public key, Z85
  Bytes ticket;          // Ticket and signature (proto/ticket.h)
  bool operator==(const StreamAccess&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("address", self.address);
    field("key", self.node_key);
    field("ticket", self.ticket);
  }
};

struct JobNotice {
  static constexpr MessageType kType = MessageType::job_notice;
  JobId job;
  JobState state = JobState::pending;
  Reason reason = Reason::none;
  std::string reason_text;
  ExitStatus exit;
  std::optional<StreamAccess> access;  // interactive job, started, asked by its own client
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

// A further step in a running job (gdsh JOB, gdrun --jobid), or access to one
// that exists (gdsh --attach). Answered by StepReply once the order is durable;
// the node holds the client's StreamOpen until the step is there.
struct StepRequest {
  static constexpr MessageType kType = MessageType::step_request;
  RequestId request;
  JobId job;
  std::optional<StepId> attach;   // an existing step; else a new one
  bool attach_any = false;        // the job's own interactive step
  std::string node;               // empty: the job's first
  std::vector<std::string> argv;  // empty: the user's shell
  std::string chdir;
  bool pty = false;
  Bytes environment;
  bool operator==(const StepRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("job", self.job);
    field("attach", self.attach);
    field("any", self.attach_any);
    field("node", self.node);
    field("argv", self.argv);
    field("chdir", self.chdir);
    field("pty", self.pty);
    field("env", self.environment);
  }
};

struct StepReply {
  static constexpr MessageType kType = MessageType::step_reply;
  JobId job;
  StepId step;
  StreamAccess access;
  bool operator==(const StepReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("step", self.step);
    field("access", self.access);
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

struct NodeQuery {
  static constexpr MessageType kType = MessageType::node_query;
  std::vector<std::string> names;  // empty: all
  bool operator==(const NodeQuery&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("names", self.names); }
};

struct NodeView {
  NodeRecord node;
  Resources usable;      // what is found, cut by configuration
  Resources allocated;
  uint32_t jobs = 0;
  bool completing = false;
  double load = 0;           // one-minute load average
  uint64_t free_memory_mib = 0;
  std::vector<std::string> partitions;
  bool operator==(const NodeView&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("node", self.node);
    field("usable", self.usable);
    field("alloc", self.allocated);
    field("jobs", self.jobs);
    field("completing", self.completing);
    field("load", self.load);
    field("free", self.free_memory_mib);
    field("parts", self.partitions);
  }
};

struct NodeQueryReply {
  static constexpr MessageType kType = MessageType::node_query_reply;
  std::vector<NodeView> nodes;
  bool operator==(const NodeQueryReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("nodes", self.nodes); }
};

enum class NodeAction : uint8_t { drain = 0, resume = 1, down = 2, remove = 3, vouch = 4, no_vouch = 5 };

struct NodeUpdateRequest {
  static constexpr MessageType kType = MessageType::node_update_request;
  RequestId request;
  std::vector<std::string> names;
  NodeAction action = NodeAction::drain;
  std::string reason;  // drain and down need one
  bool operator==(const NodeUpdateRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("names", self.names);
    field("action", self.action);
    field("reason", self.reason);
  }
};

struct PartitionQuery {
  static constexpr MessageType kType = MessageType::partition_query;
  bool operator==(const PartitionQuery&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

struct PartitionView {
  std::string name;
  bool is_default = false;
  bool up = true;
  std::optional<Seconds> max_time;
  std::optional<Seconds> default_time;
  std::string nodes;         // folded hostlist
  uint32_t priority_tier = 1;
  uint32_t total_nodes = 0;
  uint32_t total_cpus = 0;
  bool operator==(const PartitionView&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("name", self.name);
    field("default", self.is_default);
    field("up", self.up);
    field("max", self.max_time);
    field("def", self.default_time);
    field("nodes", self.nodes);
    field("tier", self.priority_tier);
    field("total_nodes", self.total_nodes);
    field("total_cpus", self.total_cpus);
  }
};

struct PartitionQueryReply {
  static constexpr MessageType kType = MessageType::partition_query_reply;
  std::vector<PartitionView> partitions;
  bool operator==(const PartitionQueryReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("parts", self.partitions); }
};

struct ConfigQuery {
  static constexpr MessageType kType = MessageType::config_query;
  bool operator==(const ConfigQuery&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

struct ConfigValue {
  std::string section;  // "", "partition short"
  std::string key;
  std::string value;
  bool is_default = true;
  bool operator==(const ConfigValue&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("section", self.section);
    field("key", self.key);
    field("value", self.value);
    field("default", self.is_default);
  }
};

struct ConfigReply {
  static constexpr MessageType kType = MessageType::config_reply;
  std::vector<ConfigValue> entries;
  bool operator==(const ConfigReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("entries", self.entries); }
};

struct ReconfigureRequest {
  static constexpr MessageType kType = MessageType::reconfigure_request;
  bool operator==(const ReconfigureRequest&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

struct ShutdownRequest {
  static constexpr MessageType kType = MessageType::shutdown_request;
  bool operator==(const ShutdownRequest&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

// ---- keys and joining

struct KeyListRequest {
  static constexpr MessageType kType = MessageType::key_list_request;
  std::string user;  // empty: one's own; "*": everybody's, for administrators
  bool operator==(const KeyListRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("user", self.user); }
};

struct KeyListReply {
  static constexpr MessageType kType = MessageType::key_list_reply;
  std::vector<KeyRecord> keys;
  bool operator==(const KeyListReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("keys", self.keys); }
};

struct KeyRevokeRequest {
  static constexpr MessageType kType = MessageType::key_revoke_request;
  std::string fingerprint;  // first characters of the public key, at least 8, one key only
  std::string user;         // or all keys of a user
  bool operator==(const KeyRevokeRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("fp", self.fingerprint);
    field("user", self.user);
  }
};

struct NodeTokenRequest {
  static constexpr MessageType kType = MessageType::node_token_request;
  std::string node;        // the name that may join with it; empty: any one node
  Seconds lifetime{3600};
  bool may_vouch = false;
  bool operator==(const NodeTokenRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("node", self.node);
    field("life", self.lifetime);
    field("vouch", self.may_vouch);
  }
};

struct NodeTokenReply {
  static constexpr MessageType kType = MessageType::node_token_reply;
  std::string token;  // also names the controller's address and key: all that a node needs
  TimePoint expires{};
  bool operator==(const NodeTokenReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("token", self.token);
    field("expires", self.expires);
  }
};

// PAM, question by question. The key that is enrolled is the one the
// connection itself uses: it is never in a message.
struct LoginStart {
  static constexpr MessageType kType = MessageType::login_start;
  std::string user;
  bool operator==(const LoginStart&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("user", self.user); }
};

enum class PromptKind : uint8_t { secret = 0, visible = 1, info = 2, error = 3 };

struct LoginPrompt {
  static constexpr MessageType kType = MessageType::login_prompt;
  PromptKind kind = PromptKind::secret;  // info and error are answered by an empty LoginAnswer
  std::string text;
  bool operator==(const LoginPrompt&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("kind", self.kind);
    field("text", self.text);
  }
};

struct LoginAnswer {
  static constexpr MessageType kType = MessageType::login_answer;
  std::string text;  // wiped after use
  bool operator==(const LoginAnswer&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("text", self.text); }
};

struct LoginDone {
  static constexpr MessageType kType = MessageType::login_done;
  std::string user;
  Uid uid = 0;
  TimePoint expires{};
  bool operator==(const LoginDone&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("user", self.user);
    field("uid", self.uid);
    field("expires", self.expires);
  }
};

// From a node that may vouch, or from gdauthd: a local process of this uid holds
// this key. The evidence is SO_PEERCRED there.
struct EnrolRequest {
  static constexpr MessageType kType = MessageType::enrol_request;
  Uid uid = 0;
  Gid gid = 0;
  std::string user;
  std::string public_key;
  bool operator==(const EnrolRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("uid", self.uid);
    field("gid", self.gid);
    field("user", self.user);
    field("key", self.public_key);
  }
};

struct NodeJoin {  // over a connection with the node's new key
  static constexpr MessageType kType = MessageType::node_join;
  std::string token;
  std::string node;
  bool operator==(const NodeJoin&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("token", self.token);
    field("node", self.node);
  }
};

struct NodeJoined {
  static constexpr MessageType kType = MessageType::node_joined;
  std::string cluster;
  bool operator==(const NodeJoined&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("cluster", self.cluster); }
};

}  // namespace gd

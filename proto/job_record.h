// JobRecord: everything that is durable about one job. The controller owns them;
// in LMDB and in replies they are the same value.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "proto/dependency.h"
#include "proto/ids.h"
#include "proto/index_set.h"
#include "proto/job_spec.h"
#include "proto/job_state.h"
#include "proto/resources.h"
#include "proto/step_usage.h"

namespace gd {

// What one node gives to one life of a job.
struct NodeShare {
  std::string node;
  std::string boot_id;  // of the node when the job was sent there; another one now means it is lost
  Resources held;
  bool released = false;  // this node has confirmed that nothing of the job is left there
  bool operator==(const NodeShare&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("node", self.node);
    field("boot", self.boot_id);
    field("held", self.held);
    field("released", self.released);
  }
};

// How a process ended. code is what exit() got; signal is not 0 if it was killed.
struct ExitStatus {
  int32_t code = 0;
  int32_t signal = 0;
  bool operator==(const ExitStatus&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("code", self.code);
    field("sig", self.signal);
  }
};

// What the first step of a job got, as its node tells: kept with the job when it has ended.
struct Receipt {
  std::string image;               // the canonical name
  std::string digest;              // "sha256:..." of its manifest; empty: it has none
  std::vector<std::string> facts;  // "limits: cpus 4, memory 8192 MiB", "mount /home/ann: ..."
  bool operator==(const Receipt&) const = default;
  [[nodiscard]] bool given() const { return !image.empty(); }

  static constexpr void visit(auto& self, auto&& field) {
    field("image", self.image);
    field("digest", self.digest);
    field("facts", self.facts);
  }
};
inline constexpr size_t kMaxReceiptFacts = 64;  // what a node tells beyond these is cut off
inline constexpr size_t kMaxReceiptTextBytes = 512;
Receipt bounded(Receipt receipt);

enum class StepState : uint8_t { starting = 0, running = 1, ended = 2 };

// What one node does for a step: some of its tasks.
struct StepShare {
  std::string node;
  uint32_t tasks = 1;  // which ones: proto/task_layout.h
  uint32_t cpus = 0;   // of those that the job holds here, no other step's meanwhile; 0: shared
  StepState state = StepState::starting;
  ExitStatus exit;
  Usage usage;
  bool operator==(const StepShare&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("node", self.node);
    field("tasks", self.tasks);
    field("cpus", self.cpus);
    field("state", self.state);
    field("exit", self.exit);
    field("usage", self.usage);
  }
};

// State, exit and usage are those of the shares taken together: it runs while one does, has
// ended when all have, with the worst exit.
struct StepRecord {
  StepId id;
  RequestId request;  // the client's name for it, of a step that was asked for
  std::string name;
  StepState state = StepState::starting;
  std::vector<StepShare> shares;  // at least one, in the order of the job's nodes
  bool cyclic = false;            // tasks are numbered over the nodes in turn
  CpuBindChoice cpu_bind;
  std::optional<uint32_t> cpus_per_task;
  std::optional<uint64_t> memory_mib;  // on each node, a limit of the step's own
  std::optional<Seconds> time_limit;   // of its own, beside the job's
  std::string programs;                // what its tasks run, if not all the same: multi_prog.h
  std::vector<std::string> argv;
  std::string chdir;
  bool pty = false;
  std::string record;               // JobSpec::record, of a step that was asked for
  bool join_container = true;       // in the job's container, not one of its own
  std::optional<ImageSpec> image;   // of its own container, if it asked for one: StepRequest
  std::vector<std::string> mounts;  // in that one
  std::optional<Digest> environment;
  TimePoint start_time{};
  TimePoint end_time{};
  ExitStatus exit;
  Usage usage;
  UsageSeries series;
  bool operator==(const StepRecord&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("id", self.id);
    field("req", self.request);
    field("name", self.name);
    field("state", self.state);
    field("shares", self.shares);
    field("cyclic", self.cyclic);
    field("cpu_bind", self.cpu_bind);
    field("cpt", self.cpus_per_task);
    field("mem", self.memory_mib);
    field("limit", self.time_limit);
    field("programs", self.programs);
    field("argv", self.argv);
    field("chdir", self.chdir);
    field("pty", self.pty);
    field("record", self.record);
    field("join", self.join_container);
    field("image", self.image);
    field("mounts", self.mounts);
    field("env", self.environment);
    field("start", self.start_time);
    field("end", self.end_time);
    field("exit", self.exit);
    field("usage", self.usage);
    field("series", self.series);
  }
};

// A signal that was asked for and not yet confirmed by every step it is meant for.
struct PendingSignal {
  uint64_t serial = 0;  // cluster-wide, grows: a node ignores one not above the last
  int32_t signal = 0;
  std::optional<StepId> step;  // empty: all steps of the job
  bool batch_only = false;
  bool operator==(const PendingSignal&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("serial", self.serial);
    field("sig", self.signal);
    field("step", self.step);
    field("batch", self.batch_only);
  }
};

// Who has to go so that another job can start, in this life of his.
struct Preempted {
  JobId by;
  TimePoint at{};
  Seconds grace{};  // between TERM and KILL; 0: kill_wait
  bool operator==(const Preempted&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("by", self.by);
    field("at", self.at);
    field("grace", self.grace);
  }
};

// What is kept for a waiting job while others are being ended for it: nobody else gets it.
struct Takeover {
  std::string partition;
  std::vector<NodeShare> shares;
  std::vector<JobId> awaits;  // the victims, and who was ending there by himself
  TimePoint since{};
  bool operator==(const Takeover&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("part", self.partition);
    field("shares", self.shares);
    field("awaits", self.awaits);
    field("since", self.since);
  }
};

enum class HoldKind : uint8_t { none = 0, user = 1, administrator = 2 };

// Which elements of a job array a record stands for. All that waits is one record, under
// the array's own id; an element that starts, or is treated apart, is split off into a
// record with an id of its own. The one under the array's id stays live as long as any
// other of the array, and remembers of those that have left live memory how they ended.
struct ArrayPart {
  JobId array;           // id of the array: of its first record
  IndexSet elements;     // exactly one once it has started
  uint32_t limit = 0;    // how many may run at once; 0: any number. Of the array's first record
  uint32_t gone_ok = 0;  // elements that completed, or did not, and whose records are purged
  uint32_t gone_other = 0;
  int32_t gone_code = 0;  // the highest exit code of those
  bool operator==(const ArrayPart&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("array", self.array);
    field("elements", self.elements);
    field("limit", self.limit);
    field("gone_ok", self.gone_ok);
    field("gone_other", self.gone_other);
    field("gone_code", self.gone_code);
  }
};

struct JobRecord {
  JobId id;
  RequestId request;  // the client's name for the submission: a retry finds this job
  Uid uid = 0;
  Gid gid = 0;
  std::string user;
  std::string group;
  std::shared_ptr<const JobSpec> spec;  // never null; equal specs are shared in memory
  std::optional<Digest> script;
  std::optional<Digest> environment;

  JobState state = JobState::pending;
  Reason reason = Reason::none;
  std::string
      reason_text;  // more than the code can tell: a node's error text, an administrator's reason
  HoldKind hold = HoldKind::none;
  uint32_t restarts = 0;

  // What the job's end will be called once its nodes have confirmed; set by cancel, timeout, node
  // loss.
  std::optional<JobState> end_as;
  std::optional<Uid> cancelled_by;
  bool requeue_at_end = false;

  TimePoint submit_time{};
  TimePoint eligible_time{};
  TimePoint start_time{};             // zero until it starts
  TimePoint end_time{};               // zero until it has ended
  std::optional<Seconds> time_limit;  // in force: the asked one, or the partition's

  LaunchNumber launch;  // of the present or last life; 0: never sent
  std::vector<NodeShare> nodes;
  std::string partition;           // where it was started; empty until then
  std::string batch_node;          // where the script, or the command, runs
  uint32_t launch_failures = 0;    // in a row, that no process of the user's came out of
  std::vector<std::string> avoid;  // nodes that failed to launch it
  std::vector<PendingSignal> signals;
  ExitStatus exit;
  std::vector<StepRecord> steps;
  uint32_t next_step = 0;
  MailEvents told = 0;  // marks of this life's time limit that were passed
  std::optional<ArrayPart> array;
  Dependency dependency;
  // Of the present or last life; none or one. A list, since a long queue is full of jobs without
  // one, and an empty list is small.
  std::vector<Receipt> receipts;
  std::optional<Preempted> preempted;  // of the present or last life
  std::vector<Takeover> takeover;      // none or one, likewise

  bool operator==(const JobRecord& other) const;  // compares the specs by value

  static constexpr void visit(auto& self, auto&& field) {
    field("id", self.id);
    field("req", self.request);
    field("uid", self.uid);
    field("gid", self.gid);
    field("user", self.user);
    field("group", self.group);
    field("spec", self.spec);
    field("script", self.script);
    field("env", self.environment);
    field("state", self.state);
    field("reason", self.reason);
    field("why", self.reason_text);
    field("hold", self.hold);
    field("restarts", self.restarts);
    field("end_as", self.end_as);
    field("by", self.cancelled_by);
    field("requeue", self.requeue_at_end);
    field("submit", self.submit_time);
    field("eligible", self.eligible_time);
    field("start", self.start_time);
    field("end", self.end_time);
    field("limit", self.time_limit);
    field("launch", self.launch);
    field("nodes", self.nodes);
    field("part", self.partition);
    field("batch_node", self.batch_node);
    field("failures", self.launch_failures);
    field("avoid", self.avoid);
    field("signals", self.signals);
    field("exit", self.exit);
    field("steps", self.steps);
    field("next_step", self.next_step);
    field("told", self.told);
    field("array", self.array);
    field("dep", self.dependency);
    field("receipts", self.receipts);
    field("preempted", self.preempted);
    field("takeover", self.takeover);
  }
};

// What it got; an empty one if that is not known.
const Receipt& received(const JobRecord& job);
// "7", "7_3", "7_[1,4,7-9%2]": a job as people name it. `most` bytes of its elements.
std::string job_name_of(const JobRecord& job, size_t most = SIZE_MAX);
// "3", "1,4,7-9%2"; empty if it is no part of an array.
std::string elements_of(const JobRecord& job, size_t most = SIZE_MAX);
// The array it belongs to, or itself.
JobId array_id_of(const JobRecord& job);
// The one element that it is, or is left of what waits.
std::optional<uint32_t> element_of(const JobRecord& job);
uint32_t tasks_of(const StepRecord& step);
// Its part on this node; null: none.
const StepShare* share_on(const StepRecord& step, std::string_view node);
// 128 + signal, or the code; at least 1 for what ended and did not complete.
int32_t exit_code_of(const JobRecord& job);
// Of all its steps that have ended.
Usage usage_of(const JobRecord& job);

}  // namespace gd

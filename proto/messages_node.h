// Node <-> controller: level-triggered.
//
// A node says hello and gets a session. From then on it reports what it has (all
// of it now and then, changes at once) and the controller answers with orders
// that follow from comparing that with what should be. Both kinds carry the
// session and a number that grows by one; a message of another session or with a
// number not above the last is dropped. So a message that is lost, doubled or
// late changes nothing: the next full report brings the same orders again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "proto/ids.h"
#include "proto/job_record.h"
#include "proto/message_type.h"
#include "proto/node_record.h"

namespace gd {

struct NodeHello {
  static constexpr MessageType kType = MessageType::node_hello;
  NodeInfo info;
  uint64_t nonce = 0;  // of this hello; comes back in the welcome, so that a late one is known
  bool operator==(const NodeHello&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("info", self.info);
    field("nonce", self.nonce);
  }
};

struct NodeWelcome {
  static constexpr MessageType kType = MessageType::node_welcome;
  uint64_t nonce = 0;
  uint64_t session = 0;  // grows with each hello the controller accepts
  Seconds heartbeat{5};  // a full report at least so often
  Bytes ticket_key;      // public key that checks tickets
  std::string cluster;
  bool may_vouch = false;
  bool operator==(const NodeWelcome&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("nonce", self.nonce);
    field("session", self.session);
    field("heartbeat", self.heartbeat);
    field("ticket_key", self.ticket_key);
    field("cluster", self.cluster);
    field("vouch", self.may_vouch);
  }
};

enum class StepPhase : uint8_t {
  accepted = 0,  // durable on the node, its shepherd not up yet
  running = 1,
  ended = 2,  // status on disk there, kept until confirmed
};

// What ended a step, beside its exit status; the first cause is never overwritten.
enum class EndCause : uint8_t {
  exited = 0,
  time_limit = 1,
  ordered = 2,  // by the controller: cancel, requeue, preemption
  out_of_memory = 3,
  launch_failed = 4,  // this node could not make the container; error says why
  lost = 5,           // its shepherd died and took the container along
  client_gone = 6,    // an interactive step whose client did not come back
  refused = 7,        // what was asked for cannot be had, here or elsewhere: no such program or
                      // image, an output file that its user may not write; error says which
  idle = 8,           // a terminal at which nothing has happened for too long
};

struct StepStatus {
  JobId job;
  LaunchNumber launch;
  StepId step;
  StepPhase phase = StepPhase::accepted;
  EndCause cause = EndCause::exited;
  ExitStatus exit;
  TimePoint started{};
  TimePoint ended{};
  std::string error;                  // launch_failed: the whole chain, "mount home: /home/x: ..."
  std::vector<std::string> warnings;  // limits clamped, image not id-mapped
  Usage usage;                        // at the end
  UsageSeries series;
  uint64_t signal_serial = 0;         // of the last signal that was delivered
  std::optional<Seconds> time_limit;  // in force at the shepherd; empty: none
  std::string waits;                  // accepted: for what its start waits, if for an image
  Receipt receipt;                    // running or ended: what it got
  bool operator==(const StepStatus&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("launch", self.launch);
    field("step", self.step);
    field("phase", self.phase);
    field("cause", self.cause);
    field("exit", self.exit);
    field("started", self.started);
    field("ended", self.ended);
    field("error", self.error);
    field("warnings", self.warnings);
    field("usage", self.usage);
    field("series", self.series);
    field("signal", self.signal_serial);
    field("time", self.time_limit);
    field("waits", self.waits);
    field("receipt", self.receipt);
  }
};

struct NodeReport {
  static constexpr MessageType kType = MessageType::node_report;
  uint64_t session = 0;
  uint64_t number = 0;
  uint64_t orders = 0;  // number of the last orders that were obeyed; 0: none yet
  bool full = false;    // steps is everything the node has
  std::vector<StepStatus> steps;
  double load = 0;
  uint64_t free_memory_mib = 0;
  std::vector<StepSample> samples;  // of running steps, in full reports only
  bool operator==(const NodeReport&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("session", self.session);
    field("number", self.number);
    field("orders", self.orders);
    field("full", self.full);
    field("steps", self.steps);
    field("load", self.load);
    field("free", self.free_memory_mib);
    field("samples", self.samples);
  }
};

// All that a node needs to run one step; also gdshep's input, kept in its folder.
struct StepLaunch {
  static constexpr MessageType kType = MessageType::step_launch;
  JobId job;
  LaunchNumber launch;
  StepId step;
  Uid uid = 0;
  Gid gid = 0;
  std::string user;  // the node checks that this name exists there with this uid
  std::string group;
  JobSpec spec;
  std::string cluster;
  std::string partition;
  Resources held;                  // on this node
  std::vector<std::string> nodes;  // of the whole job, in order
  std::vector<uint32_t> cpus_per_node;
  uint32_t node_index = 0;
  uint32_t restarts = 0;
  std::optional<Seconds> time_limit;  // from the step's start
  Seconds kill_wait{30};              // between TERM and KILL
  Bytes script;                       // batch step
  std::vector<std::string> argv;      // other steps
  std::string chdir;
  bool pty = false;
  bool join_container = false;  // enter the container of this job's first step
  bool stream = false;          // stdio goes to a client; else to files
  Bytes environment;
  std::string client_key;  // the CURVE key that may open the stream at first; may be empty
  std::string job_key;     // the job's own CURVE pair, for commands inside; empty: it has none
  std::string job_secret;
  JobId array_job;  // 0: no part of an array
  uint32_t array_task = 0;
  std::string engine;  // that makes the container: empty (ours), crun, runc
  // The step as a whole; of a batch script itself and of what holds a place, one task.
  std::vector<std::string> step_nodes;  // in order
  std::vector<uint32_t> step_tasks;     // on each of them
  uint32_t step_node_index = 0;         // this node
  bool cyclic = false;                  // how they are numbered: proto/task_layout.h
  CpuBindChoice cpu_bind;
  std::optional<uint32_t> cpus_per_task;
  uint32_t step_cpus = 0;  // limits of the step on this node; 0: the job's
  uint64_t step_memory_mib = 0;
  std::string programs;
  std::optional<Seconds> session_idle;  // then a terminal at which nothing happens is ended
  std::string record;                   // JobSpec::record, of this step
  // If its user is root inside: home and all mounts but the job directory are read-only.
  bool seals_root_mounts = false;
  bool operator==(const StepLaunch&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("launch", self.launch);
    field("step", self.step);
    field("uid", self.uid);
    field("gid", self.gid);
    field("user", self.user);
    field("group", self.group);
    field("spec", self.spec);
    field("cluster", self.cluster);
    field("part", self.partition);
    field("held", self.held);
    field("nodes", self.nodes);
    field("cpus", self.cpus_per_node);
    field("index", self.node_index);
    field("restarts", self.restarts);
    field("time", self.time_limit);
    field("kill_wait", self.kill_wait);
    field("script", self.script);
    field("argv", self.argv);
    field("chdir", self.chdir);
    field("pty", self.pty);
    field("join", self.join_container);
    field("stream", self.stream);
    field("env", self.environment);
    field("ckey", self.client_key);
    field("array_job", self.array_job);
    field("array_task", self.array_task);
    field("engine", self.engine);
    field("job_key", self.job_key);
    field("job_secret", self.job_secret);
    field("step_nodes", self.step_nodes);
    field("step_tasks", self.step_tasks);
    field("step_index", self.step_node_index);
    field("cyclic", self.cyclic);
    field("cpu_bind", self.cpu_bind);
    field("cpt", self.cpus_per_task);
    field("step_cpus", self.step_cpus);
    field("step_mem", self.step_memory_mib);
    field("programs", self.programs);
    field("idle", self.session_idle);
    field("record", self.record);
    field("seal", self.seals_root_mounts);
  }
};

struct StepKey {
  JobId job;
  LaunchNumber launch;
  StepId step;
  auto operator<=>(const StepKey&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("launch", self.launch);
    field("step", self.step);
  }
};

struct EndOrder {  // TERM, kill_wait, KILL; asked again it can only bring KILL forward
  StepKey step;
  bool at_once = false;
  std::optional<Seconds> grace;  // instead of the launch's kill_wait
  bool operator==(const EndOrder&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("step", self.step);
    field("now", self.at_once);
    field("grace", self.grace);
  }
};

struct SignalOrder {  // once: `serial` grows, one not above the last is ignored
  StepKey step;
  int32_t signal = 0;
  bool batch_only = false;
  uint64_t serial = 0;
  bool operator==(const SignalOrder&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("step", self.step);
    field("signal", self.signal);
    field("batch", self.batch_only);
    field("serial", self.serial);
  }
};

struct LimitOrder {  // a running job's new time limit, counted from its start
  StepKey step;
  std::optional<Seconds> time_limit;
  bool operator==(const LimitOrder&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("step", self.step);
    field("time", self.time_limit);
  }
};

struct ImageFetch {  // ahead of a job that is next in line here
  Uid uid = 0;       // whose credentials fetch it, who may use it
  std::string name;
  std::string digest;  // as ImageSpec::digest
  auto operator<=>(const ImageFetch&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("uid", self.uid);
    field("name", self.name);
    field("digest", self.digest);
  }
};

struct NodeOrders {
  static constexpr MessageType kType = MessageType::node_orders;
  uint64_t session = 0;
  uint64_t number = 0;
  std::vector<StepLaunch> launches;  // known ones are ignored by the node
  std::vector<EndOrder> ends;
  std::vector<SignalOrder> signals;
  std::vector<LimitOrder> limits;
  std::vector<StepKey> confirms;    // ended, recorded by the controller: the node may forget
  std::vector<ImageFetch> fetches;  // may be dropped: the job's start fetches what is missing
  bool operator==(const NodeOrders&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("session", self.session);
    field("number", self.number);
    field("launches", self.launches);
    field("ends", self.ends);
    field("signals", self.signals);
    field("limits", self.limits);
    field("confirms", self.confirms);
    field("fetches", self.fetches);
  }
};

// What a step's container would be on this node; nothing is started, nothing is kept.
struct NodeExplain {
  static constexpr MessageType kType = MessageType::node_explain;
  uint64_t number = 0;  // comes back with the answer
  StepLaunch launch;    // of no job: its id is 0
  bool operator==(const NodeExplain&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("number", self.number);
    field("launch", self.launch);
  }
};

struct NodeExplained {
  static constexpr MessageType kType = MessageType::node_explained;
  uint64_t number = 0;
  std::vector<std::string> lines;
  std::vector<std::string> refusals;  // why the job would be refused here; empty: it would run
  std::string error;                  // there is no answer: why
  bool operator==(const NodeExplained&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("number", self.number);
    field("lines", self.lines);
    field("refusals", self.refusals);
    field("error", self.error);
  }
};

}  // namespace gd

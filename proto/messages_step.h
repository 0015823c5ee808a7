// Steps of a running job, and the way to their streams. See proto/messages.h for the form.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "proto/cpu_bind.h"
#include "proto/ids.h"
#include "proto/job_spec.h"
#include "proto/message_type.h"

namespace gd {

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

// The way to each node of a step.
struct StepAccess {
  std::string node;
  uint32_t tasks = 1;
  StreamAccess access;
  bool operator==(const StepAccess&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("node", self.node);
    field("tasks", self.tasks);
    field("access", self.access);
  }
};

// What a step wants of the processors that its job holds on the step's nodes.
enum class StepSharing : uint8_t {
  whole = 0,    // all of them, for itself
  exact = 1,    // as many as its tasks need, for itself
  overlap = 2,  // those of the other steps
};

// A further step in a running job, or access to one that exists. Answered by StepReply once the
// order is durable; the node holds the client's StreamOpen until the step is there.
struct StepRequest {
  static constexpr MessageType kType = MessageType::step_request;
  RequestId request;
  JobId job;
  std::optional<StepId> attach;   // an existing step; else a new one
  bool attach_any = false;        // the job's own interactive step, or its one session
  std::string name;               // empty: the command's
  std::vector<std::string> argv;  // empty: the user's shell
  std::string programs;           // proto/multi_prog.h; then no argv
  std::string chdir;
  bool pty = false;
  Bytes environment;
  // How much of what the job holds, and where; what is not given follows from the rest.
  std::optional<uint32_t> nodes_min;
  std::optional<uint32_t> nodes_max;
  std::optional<uint32_t> tasks;
  std::optional<uint32_t> tasks_per_node;
  std::optional<uint32_t> cpus_per_task;
  std::optional<uint64_t> memory_mib;  // on each node
  std::optional<uint64_t> memory_per_cpu_mib;
  std::optional<Seconds> time_limit;
  std::string node_list;  // hostlists, folded
  std::string exclude;
  uint32_t relative = 0;  // the first node counts from this one of the job's
  StepSharing sharing = StepSharing::whole;
  bool cyclic = false;
  CpuBindChoice cpu_bind;
  std::string record;  // as JobSpec::record
  // A container of the step's own in place of the job's, from this image; empty: the job's.
  std::optional<ImageSpec> image;
  std::vector<std::string> mounts;  // as JobSpec::mounts, in that container
  bool operator==(const StepRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("job", self.job);
    field("attach", self.attach);
    field("any", self.attach_any);
    field("name", self.name);
    field("argv", self.argv);
    field("programs", self.programs);
    field("chdir", self.chdir);
    field("pty", self.pty);
    field("env", self.environment);
    field("nodes_min", self.nodes_min);
    field("nodes_max", self.nodes_max);
    field("tasks", self.tasks);
    field("tpn", self.tasks_per_node);
    field("cpt", self.cpus_per_task);
    field("mem", self.memory_mib);
    field("mem_cpu", self.memory_per_cpu_mib);
    field("time", self.time_limit);
    field("nodelist", self.node_list);
    field("exclude", self.exclude);
    field("relative", self.relative);
    field("sharing", self.sharing);
    field("cyclic", self.cyclic);
    field("cpu_bind", self.cpu_bind);
    field("record", self.record);
    field("image", self.image);
    field("mounts", self.mounts);
  }
};

struct StepReply {
  static constexpr MessageType kType = MessageType::step_reply;
  JobId job;
  StepId step;
  std::vector<StepAccess> access;  // at least one
  bool operator==(const StepReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("step", self.step);
    field("access", self.access);
  }
};

}  // namespace gd

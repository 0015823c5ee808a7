// What is replayed: a machine, and jobs with the time of their submission and of their run.
// Made from a trace or from a text scenario; a value.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gdsim/swf.h"
#include "proto/limit_values.h"
#include "proto/resources.h"
#include "server/sched/limit_book.h"
#include "server/sched/machine.h"
#include "server/sched/preempt.h"
#include "server/sched/shape.h"

namespace gd::sim {

struct WorkJob {
  int64_t id = 0;  // as its source calls it
  Seconds submit{};
  Seconds run{};      // at most the limit
  uint32_t key = 0;   // index in Workload::keys
  uint32_t cpus = 0;  // of all its tasks
  uint32_t user = 0;
  int32_t nice = 0;
  uint32_t owner = 0;  // index in Workload::owners
};

struct Running {  // since before the beginning
  JobId job;
  sched::NodeIndex node;
  Resources held;
  Seconds until{};  // its limit, and its end
  Seconds began{};  // at most 0
  uint32_t owner = 0;
  uint32_t partition = 0;
  std::vector<sched::LicenceNeed> licences = {};
};

struct Expected {  // of one job, by whoever wrote the scenario; what is empty is not said
  size_t job = 0;  // its place in Workload::jobs
  std::vector<Seconds> starts;  // of each of its lives
  std::vector<Seconds> ends;
  std::string nodes;  // "n1+n2", of the last one
};

struct Workload {
  std::vector<sched::Node> nodes;
  std::vector<sched::Partition> partitions;
  std::vector<sched::ShapeKey> keys;              // each once
  std::vector<WorkJob> jobs;                      // by submission
  std::map<size_t, std::vector<uint32_t>> after;  // who must have ended before, by places in jobs
  std::vector<Running> running;                   // at time 0
  LimitSettings limits;
  std::vector<sched::Reservation> reservations;
  std::vector<std::string> reservation_names;  // likewise
  sched::PreemptPolicy preempt;
  std::vector<sched::PreemptTerms> partition_terms;  // by partition, under partition_prio
  std::vector<sched::Owner> owners{{}};              // each once; the first is of nothing
  std::vector<Expected> expected;

  [[nodiscard]] uint64_t cpus() const;  // of all nodes
};

struct NodeClass {  // equal nodes
  uint32_t count = 1;
  uint32_t cpus = 1;
  uint64_t memory_mib = 0;
};

inline constexpr uint32_t kMaxSimNodes = 1'000'000;

// "64x32" is 64 nodes of 32 cpus; "20x8x32G,48x16x64G" are two classes with memory.
Result<std::vector<NodeClass>> parse_node_classes(std::string_view text);

// The trace's jobs on these nodes, or on one-processor nodes as many as its head says if the
// list is empty. Memory counts where the nodes' is said. A job that is larger than the machine is
// cut to it.
Result<Workload> workload_of(const Trace& trace, const std::vector<NodeClass>& classes);

}  // namespace gd::sim

// The cluster's finished jobs as a workload trace, for gdsim and whoever reads the Standard
// Workload Format (version 2.2): a head of lines with ';', then a job a line, 18 numbers.
//
//   1 job's id  2 when it could have started, seconds from UnixStartTime  3 wait  4 run
//   5 processors held  6 cpu time and 7 KiB at most, a processor  8 processors asked for
//   9 time limit  10 KiB asked for, a processor  11 status: 1 completed, 0 failed, 5 cancelled
//   12 user  13 group  14 job's name, as numbers in the order of the trace  15 queue (partition)
//   16 17 18: -1, as is whatever is not known
//
// Nobody's name is in it, so that it may be given away. NodeClasses in the head is ours: the
// machine as gdsim --nodes takes it. What a job asked for beyond the 18 numbers is lost; notes()
// says of how many jobs.
// Cost: 100 octets a job until it is taken.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "proto/job_record.h"
#include "proto/messages_cluster.h"

namespace gd::cmd {

class SwfExport {
 public:
  void add(const JobRecord& job);  // one that has ended; others are passed over
  // Head and jobs, by the moment at which they could have started. `nodes`: all of the cluster.
  [[nodiscard]] std::string text(const std::string& cluster, std::span<const NodeView> nodes);
  // "2 jobs asked for licences, which a trace cannot say".
  [[nodiscard]] std::vector<std::string> notes() const;
  [[nodiscard]] size_t size() const { return rows_.size(); }

 private:
  enum Lost { gres, licences, named_nodes, node_counts, dependencies, reservations, no_limit };
  static constexpr size_t kLost = 7;
  struct Row {
    TimePoint ready{};
    uint32_t job = 0;
    int64_t wait = -1, run = -1, cpu = -1, memory = -1, limit = -1, asked_memory = -1;
    uint32_t held = 0, asked = 0;  // processors
    int status = 0;
    uint32_t user = 0, group = 0, name = 0, queue = 0;  // places among the names
  };
  // The numbers that stand for names, from 1 in the order of asking.
  class Numbers {
   public:
    uint32_t of(const std::string& name);
    [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

   private:
    std::map<std::string, uint32_t> known_;
    std::vector<std::string> names_;
  };
  void count_lost(const JobRecord& job);

  std::vector<Row> rows_;
  Numbers users_, groups_, job_names_, queues_;
  std::array<uint64_t, kLost> lost_{};
};

// "20x16x64G,4x64x1T": nodes that are alike together, in the order of their first one.
std::string node_classes(std::span<const NodeView> nodes);

}  // namespace gd::cmd

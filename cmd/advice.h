// What jobs of one kind have needed, from what they used: suggestions, never promises. Pure.
//
// A kind is a user's jobs of one name on as many nodes with as many processors. Of each the last
// kMaxRuns runs that are added are kept. Memory is that of the node that used most.
//   what counts    runs that completed; one that was ended by its memory or its time limit
//                  counts as half as much again as the limit, since it wanted more
//   what is told   the 95th percentile of the runs and a margin: a fifth of memory, a quarter of
//                  time; rounded up to 16 MiB and to minutes. From kFewestRuns runs on.
// Cost: 16 octets a run; a kind is sorted when it is asked for.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/job_record.h"

namespace gd::cmd {

inline constexpr size_t kMaxRuns = 1000;
inline constexpr size_t kMaxKinds = 10'000;  // of the jobs of others nothing is taken in
inline constexpr size_t kFewestRuns = 3;
inline constexpr std::chrono::days kAdviceReach{90};  // older runs are not looked at

struct Likeness {  // what makes jobs alike
  std::string user;
  std::string name;
  uint32_t nodes = 1;
  uint32_t cpus = 1;
  auto operator<=>(const Likeness&) const = default;
};
Likeness likeness_of(const JobSpec& spec, const std::string& user);
std::string name_of(const Likeness& like);  // "'fit' on 1 node with 4 cpus"

struct Need {          // of one amount
  size_t runs = 0;     // behind it
  uint64_t asked = 0;  // by the last one; 0: nothing
  uint64_t usual = 0;  // the median
  uint64_t most = 0;
  std::optional<uint64_t> suggested;  // too few runs: nothing
};

struct Advice {
  Likeness of;
  Need memory_mib;  // on a node
  Need minutes;
};

class RunBook {
 public:
  void add(const JobRecord& job);  // one that has ended; in the order of their ends
  [[nodiscard]] std::optional<Advice> about(const Likeness& like) const;
  [[nodiscard]] std::vector<Advice> all() const;  // by user and name

 private:
  struct Runs {
    std::deque<uint64_t> memory_mib;
    std::deque<uint64_t> seconds;
    uint64_t asked_mib = 0;
    uint64_t asked_minutes = 0;
  };
  static Advice advice(const Likeness& like, const Runs& runs);

  std::map<Likeness, Runs> kinds_;
};

// gdacct --advise: a heading and a line for each.
std::string advice_table(const std::vector<Advice>& all);

}  // namespace gd::cmd

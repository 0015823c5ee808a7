// Pieces of the sentences of `gdstat --why`: who, how many, until when.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "proto/job_record.h"
#include "server/core/why.h"

namespace gd::core {

std::string count(uint64_t number, std::string_view one);  // "1 node", "2 nodes"
std::string until(TimePoint at, TimePoint now);            // "in 1:00:00", "any moment now"
std::string ends_text(const JobRecord& job, TimePoint now);
std::string asked_text(const JobRecord& job);

// Who asks for whom: a job of somebody else may have to stay without a name.
struct Asker {
  Uid uid = 0;
  Others others = Others::named;
  [[nodiscard]] std::string whose(const JobRecord& job) const;
};

// Jobs that have so much each of what is missing.
class Holders {
 public:
  Holders(TimePoint now, const Asker& asker) : now_(now), asker_(asker) {}
  void add(const JobRecord& job, uint64_t amount) { all_.push_back({&job, amount}); }
  [[nodiscard]] bool empty() const { return all_.empty(); }

  std::string text();  // "job 5 of bob (2, at its limit in 1:00:00) and 3 more"
  std::optional<TimePoint> back(uint64_t amount);  // when so much is, at the latest

 private:
  struct Row {
    const JobRecord* job;
    uint64_t amount;
  };
  void sort();
  TimePoint now_;
  Asker asker_;
  std::vector<Row> all_;
};

}  // namespace gd::core

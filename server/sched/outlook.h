// What one waiting job meets when its turn comes in a pass: those before it have started or have
// been promised their places. Asked by `gdstat --why`, also with other needs than the job has:
// an answer is what the next pass would do, since it is the same code.
// Cost: a pass up to the job's turn, then one search a question.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "server/sched/plan.h"

namespace gd::sched {

struct Turn {  // a job as it stands in the queue
  Standing standing;
  QueueKey key;
  Seconds limit{kForever};
  uint32_t reservation = 0;  // Reservation::id
};

class Outlook {
 public:
  Outlook(const Policy& policy, const View& view, const Turn& turn);  // the first two outlive it
  ~Outlook();
  Outlook(const Outlook&) = delete;
  Outlook& operator=(const Outlook&) = delete;

  [[nodiscard]] uint64_t before() const { return before_; }            // jobs, elements each
  [[nodiscard]] std::optional<JobId> first() const { return first_; }  // in line, if not itself
  // Jobs before it that are promised their places: what it may not delay.
  [[nodiscard]] const std::vector<Promise>& promises() const;

  // Would it start now, if it asked for this and counted in that claim?
  [[nodiscard]] bool starts(const Shape& shape, ClaimId claim);
  // What limits it, and what then is free.
  [[nodiscard]] std::optional<Shortage> shortage(const Shape& shape, ClaimId claim) const;
  [[nodiscard]] bool has_licences(const Shape& shape) const;
  // The earliest start beside all of them, by the limits of what runs: nothing if there is none.
  [[nodiscard]] std::optional<Promise> earliest(const Shape& shape);

 private:
  class PassUntil;
  std::unique_ptr<struct ReservedView> reserved_;  // of the pass, if it has one
  std::unique_ptr<PassUntil> pass_;
  uint64_t before_ = 0;
  std::optional<JobId> first_;
};

}  // namespace gd::sched

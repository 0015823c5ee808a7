// A decision in the making: the events so far, and the jobs as they will be after
// them, so that one thing can follow from another within a decision.
// Cost: one copy of each job that is touched.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "server/core/cluster.h"
#include "server/core/decide.h"
#include "server/core/event.h"

namespace gd::core {

class Draft {
 public:
  Draft(const Cluster& present, TimePoint at)
      : cluster(present), now(at), numbers_(present.counters()) {}

  const Cluster& cluster;
  const TimePoint now;

  void emit(Event event);
  // As it will be; null if there is none. Valid until the next emit().
  [[nodiscard]] const JobRecord* find(JobId id) const;
  [[nodiscard]] const JobRecord& job(JobId id) const;

  // Jobs that have started, ended or changed since the last call, for those that wait for them.
  std::vector<JobId> take_moved() { return std::exchange(moved_, {}); }
  // What has been touched, as it will be.
  [[nodiscard]] const std::map<JobId, JobRecord>& ahead() const { return ahead_; }

  // The last signal that a step was given, as its node says.
  void note_delivered(const StepKey& step, uint64_t serial) { delivered_[step] = serial; }
  [[nodiscard]] uint64_t delivered(const StepKey& step, std::string_view node) const;

  JobId new_job() { return JobId{numbers_.job++}; }
  LaunchNumber new_launch() { return LaunchNumber{numbers_.launch++}; }
  uint64_t new_session() { return numbers_.session++; }
  uint64_t new_signal() { return numbers_.signal++; }

  Decision done(Reply reply) { return {std::move(events_), std::move(reply)}; }

 private:
  std::vector<Event> events_;
  std::map<JobId, JobRecord> ahead_;
  std::map<StepKey, uint64_t> delivered_;
  std::vector<JobId> moved_;
  Counters numbers_;
};

}  // namespace gd::core

// The window of time that sacct looks into, as Slurm 22.05 has it: "DEFAULT TIME WINDOW" in its
// manual, and what its database does with the two moments. Pure.
//
// Without states a job counts if it was there in the window: could start before its end, and had
// not ended before its begin. With states, Slurm's name means those that were in one of them
// some time in the window; by our own name they are the states of now. Under Slurm's name a job
// that could not have started yet (held, before its begin, with a dependency) counts only if it is
// named.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "proto/job_record.h"

namespace gd::cmd {

enum class AcctRules : uint8_t { own, slurm };

struct AcctMoments {  // as they were asked for
  std::optional<TimePoint> since;
  std::optional<TimePoint> until;
  bool jobs = false;  // --jobs
};

struct AcctWindow {
  std::optional<TimePoint> from;
  std::optional<TimePoint> to;
  std::vector<JobState> states;  // empty: any
  AcctRules rules = AcctRules::own;
  bool jobs = false;
  TimePoint now{};
};

AcctWindow acct_window(const AcctMoments& asked, std::vector<JobState> states, AcctRules rules,
                       TimePoint now, TimePoint midnight);

bool is_in(const AcctWindow& window, const JobRecord& job);

// If jobs that ended later cannot count: they need not be fetched.
std::optional<TimePoint> latest_end(const AcctWindow& window);

}  // namespace gd::cmd

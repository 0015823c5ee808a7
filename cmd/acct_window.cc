#include "cmd/acct_window.h"

#include <algorithm>

namespace gd::cmd {
namespace {

using Moment = std::chrono::time_point<TimePoint::clock, Seconds>;

// Slurm's database has whole seconds.
Moment in_seconds(TimePoint at) {
  return std::chrono::floor<Seconds>(at);
}

struct Span {  // of the window, or of a state; both ends are in it
  Moment from;
  Moment to;
};

bool meet(const Span& one, const Span& other) {
  return one.from <= other.to && other.from <= one.to;
}

Span span_of(const AcctWindow& window) {
  return {window.from ? in_seconds(*window.from) : Moment::min(),
          window.to ? in_seconds(*window.to) : Moment::max()};
}

// Held, before its begin, or behind others: it has not been eligible yet.
bool was_never_eligible(const AcctWindow& window, const JobRecord& job) {
  if (job.state != JobState::pending) return false;
  return job.hold != HoldKind::none || job.eligible_time > window.now ||
         job.dependency.state() != DependencyState::satisfied;
}

bool was_there(const AcctWindow& window, const JobRecord& job) {
  if (ended(job.state) && in_seconds(job.end_time) < span_of(window).from) return false;
  const bool never = was_never_eligible(window, job);
  if (never && window.rules == AcctRules::slurm && !window.jobs) return false;
  const TimePoint since = never ? job.submit_time : job.eligible_time;
  return !window.to || in_seconds(since) < in_seconds(*window.to);
}

bool was_so(const AcctWindow& window, JobState state, const JobRecord& job) {
  const bool began = job.start_time != TimePoint{};
  const Span span = span_of(window);
  if (state == JobState::pending) {
    if (was_never_eligible(window, job)) return false;
    const TimePoint start = began ? job.start_time : job.end_time;
    const bool waits = !began && !ended(job.state);
    return meet(span, {in_seconds(job.eligible_time), waits ? Moment::max() : in_seconds(start)});
  }
  if (state == JobState::running) {
    if (!began) return false;
    const Moment end = ended(job.state) ? in_seconds(job.end_time) : Moment::max();
    return meet(span, {in_seconds(job.start_time), end});
  }
  if (job.state != state) return false;
  if (!ended(state)) return true;
  return meet(span, {in_seconds(job.end_time), in_seconds(job.end_time)});
}

}  // namespace

AcctWindow acct_window(const AcctMoments& asked, std::vector<JobState> states, AcctRules rules,
                       TimePoint now, TimePoint midnight) {
  AcctWindow window{.from = asked.since, .to = asked.until, .states = std::move(states)};
  window.rules = rules;
  window.jobs = asked.jobs;
  window.now = now;
  const bool by_state = rules == AcctRules::slurm && !window.states.empty();
  if (!asked.jobs && !window.from) window.from = by_state ? now : midnight;
  if (by_state && !window.to) window.to = asked.since.value_or(now);
  return window;
}

bool is_in(const AcctWindow& window, const JobRecord& job) {
  if (window.states.empty()) return was_there(window, job);
  if (window.rules == AcctRules::own) {
    return std::ranges::count(window.states, job.state) > 0 && was_there(window, job);
  }
  return std::ranges::any_of(window.states,
                             [&](JobState state) { return was_so(window, state, job); });
}

std::optional<TimePoint> latest_end(const AcctWindow& window) {
  const bool by_end = window.rules == AcctRules::slurm && !window.states.empty() &&
                      std::ranges::all_of(window.states, ended);
  if (!by_end || !window.to) return std::nullopt;
  return *window.to + Seconds{1};
}

}  // namespace gd::cmd

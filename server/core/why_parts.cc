#include "server/core/why_parts.h"

#include <algorithm>

#include "base/duration.h"
#include "base/text.h"
#include "server/sched/shape.h"

namespace gd::core {

std::string count(uint64_t number, std::string_view one) {
  return std::to_string(number) + " " + std::string(one) + (number == 1 ? "" : "s");
}

std::string until(TimePoint at, TimePoint now) {
  const Seconds left = std::chrono::ceil<Seconds>(at - now);
  return left <= Seconds{0} ? "any moment now" : "in " + format_elapsed(left);
}

std::string ends_text(const JobRecord& job, TimePoint now) {
  if (!job.time_limit) return "which has no time limit";
  return "at its limit " + until(job.start_time + *job.time_limit, now);
}

std::string asked_text(const JobRecord& job) {
  const JobSpec& spec = *job.spec;
  const sched::Need need = sched::need_of(spec);
  std::string text = "asks for " + count(uint64_t{need.tasks} * need.cpus_per_task, "cpu");
  if (need.memory_per_node_mib && *need.memory_per_node_mib > 0)
    text += " and " + format_mib(*need.memory_per_node_mib) + " of memory a node";
  else if (need.memory_per_cpu_mib)
    text += " and " + format_mib(*need.memory_per_cpu_mib) + " of memory a cpu";
  for (const GresCount& gres : need.gres_per_node) {
    text += ", " + std::to_string(gres.count) + " " + gres.name +
            (gres.type.empty() ? "" : ":" + gres.type) + " a node";
  }
  if (need.exclusive) text += ", alone";
  text += " on " + (need.nodes_min == 1 ? "a node" : count(need.nodes_min, "node"));
  text += " of partition " + spec.partition;
  if (!spec.licences.empty()) text += ", licences " + format_licences(spec.licences);
  return text + (job.time_limit ? ", for at most " + format_elapsed(*job.time_limit)
                                : std::string(", without a time limit"));
}

std::string Asker::whose(const JobRecord& job) const {
  if (others == Others::hidden && job.uid != uid) return "a job of another user";
  return "job " + job_name_of(job, 64) + " of " + job.user;
}

namespace {

TimePoint end_of(const JobRecord& job) {
  return job.start_time + job.time_limit.value_or(sched::kForever);
}

}  // namespace

std::string Holders::text() {
  sort();
  std::string result;
  for (size_t i = 0; i < std::min(all_.size(), kMostNamedJobs); ++i) {
    result += (i == 0 ? "" : ", ") + asker_.whose(*all_[i].job) + " (" +
              std::to_string(all_[i].amount) + ", " + ends_text(*all_[i].job, now_) + ")";
  }
  if (all_.size() > kMostNamedJobs) {
    result += " and " + std::to_string(all_.size() - kMostNamedJobs) + " more";
  }
  return result;
}

std::optional<TimePoint> Holders::back(uint64_t amount) {
  sort();
  for (const Row& row : all_) {
    if (!row.job->time_limit) return std::nullopt;
    if (row.amount >= amount) return end_of(*row.job);
    amount -= row.amount;
  }
  return std::nullopt;
}

void Holders::sort() {
  std::stable_sort(all_.begin(), all_.end(),
                   [](const Row& a, const Row& b) { return end_of(*a.job) < end_of(*b.job); });
}

}  // namespace gd::core

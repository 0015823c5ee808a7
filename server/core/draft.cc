// Looking ahead by the same function that apply() uses.
#include "server/core/draft.h"

#include "base/check.h"
#include "server/core/apply.h"

namespace gd::core {

namespace {

std::optional<JobId> job_of(const Event& event) {
  return std::visit(
      [](const auto& one) -> std::optional<JobId> {
        if constexpr (requires { JobId{one.job}; })
          return one.job;
        else if constexpr (requires { one.job.id; })
          return one.job.id;
        else
          return std::nullopt;
      },
      event);
}

}  // namespace

void Draft::emit(Event event) {
  if (const JobAdded* added = std::get_if<JobAdded>(&event)) {
    ahead_[added->job.id] = added->job;
  } else if (const std::optional<JobId> id = job_of(event)) {
    auto place = ahead_.find(*id);
    if (place == ahead_.end()) {
      const JobRecord* present = cluster.find_job(*id);
      GD_CHECK(present != nullptr, *id);
      place = ahead_.emplace(*id, *present).first;
    }
    apply_to_job(place->second, event);
    if (const JobSplit* split = std::get_if<JobSplit>(&event)) {
      ahead_[split->part.id] = split->part;
    }
    const bool moves =
        std::holds_alternative<JobEnded>(event) || std::holds_alternative<JobAllocated>(event) ||
        std::holds_alternative<JobUpdated>(event) || std::holds_alternative<JobRequeued>(event);
    if (moves) moved_.push_back(*id);
  }
  events_.push_back(std::move(event));
}

const JobRecord* Draft::find(JobId id) const {
  const auto place = ahead_.find(id);
  return place == ahead_.end() ? cluster.find_job(id) : &place->second;
}

const JobRecord& Draft::job(JobId id) const {
  const JobRecord* job = find(id);
  GD_CHECK(job != nullptr, id);
  return *job;
}

uint64_t Draft::delivered(const StepKey& step, std::string_view node) const {
  if (const auto noted = delivered_.find(step); noted != delivered_.end()) return noted->second;
  const NodeEntry* entry = cluster.find_node(node);
  if (entry == nullptr) return 0;
  const auto reported = entry->link.steps.find(step);
  return reported == entry->link.steps.end() ? 0 : reported->second.signal_serial;
}

}  // namespace gd::core

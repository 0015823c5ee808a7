#include "server/controller/stats.h"

#include <algorithm>
#include <variant>

#include "proto/messages.h"

namespace gd::controller {
namespace {

uint64_t jobs_in(const JobRecord& job) {
  return job.array ? job.array->elements.size() : 1;
}

}  // namespace

void Stats::reset(TimePoint since) {
  sums_ = StatsReply{};
  sums_.since = since;
  by_type_.clear();
  by_user_.clear();
}

void Stats::note(const core::Cluster& cluster, const core::Event& event) {
  if (const auto* added = std::get_if<core::JobAdded>(&event)) {
    sums_.submitted += jobs_in(added->job);
  } else if (std::holds_alternative<core::JobAllocated>(event)) {
    ++sums_.started;
  } else if (const auto* end = std::get_if<core::JobEnded>(&event)) {
    const uint64_t count = jobs_in(*cluster.find_job(end->job));
    if (end->state == JobState::completed)
      sums_.completed += count;
    else if (end->state == JobState::cancelled)
      sums_.cancelled += count;
    else
      sums_.failed += count;
  }
}

void Stats::note_request(MessageType type, Uid uid, const std::string& user,
                         std::chrono::microseconds took) {
  const auto us = static_cast<uint64_t>(took.count());
  Counted& kind = by_type_[type];
  if (kind.name.empty()) kind.name = name(type);
  Counted& person = by_user_[uid];
  if (person.name.empty()) person.name = user;
  for (Counted* counted : {&kind, &person}) {
    ++counted->count;
    counted->total_us += us;
  }
}

void Stats::note_pass(std::chrono::microseconds took, uint64_t depth, uint64_t started) {
  const auto us = static_cast<uint64_t>(took.count());
  ++sums_.passes;
  sums_.last_us = us;
  sums_.max_us = std::max(sums_.max_us, us);
  sums_.total_us += us;
  sums_.last_depth = depth;
  sums_.total_depth += depth;
  sums_.last_started = started;
}

StatsReply Stats::report(const core::Cluster& cluster, TimePoint now) const {
  StatsReply reply = sums_;
  reply.now = now;
  for (const auto& [id, entry] : cluster.jobs()) {
    const JobState state = entry.record.state;
    if (state == JobState::pending) reply.pending += jobs_in(entry.record);
    if (allocated(state)) reply.running += jobs_in(entry.record);
  }
  const auto most_first = [](const RequestCount& a, const RequestCount& b) {
    return a.count > b.count;
  };
  for (const auto& [type, counted] : by_type_) {
    reply.by_type.push_back(
        {counted.name, static_cast<uint32_t>(type), counted.count, counted.total_us});
  }
  for (const auto& [uid, counted] : by_user_) {
    reply.by_user.push_back({counted.name, uid, counted.count, counted.total_us});
  }
  std::ranges::stable_sort(reply.by_type, most_first);
  std::ranges::stable_sort(reply.by_user, most_first);
  return reply;
}

}  // namespace gd::controller

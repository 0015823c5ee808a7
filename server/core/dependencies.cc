#include "server/core/dependencies.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "server/core/life.h"
#include "server/core/select.h"
#include "server/core/verbs.h"

namespace gd::core {

namespace {

struct Verdict {
  DependencyState state = DependencyState::waiting;
  std::optional<TimePoint> due = std::nullopt;
};

constexpr Verdict kSatisfied{DependencyState::satisfied};
constexpr Verdict kFailed{DependencyState::failed};
constexpr Verdict kWaiting{DependencyState::waiting};

Verdict by_end(DependencyKind kind, bool completed) {
  switch (kind) {
    case DependencyKind::ok:
    case DependencyKind::corr: return completed ? kSatisfied : kFailed;
    case DependencyKind::not_ok: return completed ? kFailed : kSatisfied;
    default: return kSatisfied;
  }
}

Verdict by_start(const Draft& draft, const DependencyTerm& term, TimePoint started) {
  const TimePoint due = started + std::chrono::minutes{term.minutes};
  if (due <= draft.now) return kSatisfied;
  return {DependencyState::waiting, due};
}

Verdict judge_job(const Draft& draft, const DependencyTerm& term, const JobRecord& job) {
  if (ended(job.state)) return by_end(term.kind, job.state == JobState::completed);
  const bool started = job.state != JobState::pending;
  if (term.kind == DependencyKind::after && started) return by_start(draft, term, job.start_time);
  return kWaiting;
}

// The records of an array, as they will be.
template <class Use>
void for_each_of(const Draft& draft, JobId array, Use use) {
  const ArrayEntry* entry = draft.cluster.find_array(array);
  if (entry == nullptr) return;
  for (const JobId id : entry->records) use(draft.job(id));
  for (const auto& [id, job] : draft.ahead()) {
    if (array_id_of(job) == array && !entry->records.contains(id)) use(job);
  }
}

struct ArrayCounts {
  int64_t waiting = 0;
  int64_t running = 0;
};

// From the index and what this decision changes: no walk over the array.
ArrayCounts counts_of(const Draft& draft, JobId array) {
  const ArrayEntry& entry = *draft.cluster.find_array(array);
  ArrayCounts counts{entry.waiting, entry.running};
  const auto add = [&](const JobRecord& job, int64_t amount) {
    if (job.state == JobState::pending) counts.waiting += amount;
    if (allocated(job.state)) counts.running += amount;
  };
  for (const auto& [id, job] : draft.ahead()) {
    if (!job.array || job.array->array != array) continue;
    add(job, 1);
    if (const JobRecord* before = draft.cluster.find_job(id)) add(*before, -1);
  }
  return counts;
}

Verdict judge_array(const Draft& draft, const DependencyTerm& term) {
  const ArrayCounts counts = counts_of(draft, term.job);
  if (term.kind == DependencyKind::after) {
    if (counts.waiting > 0) return kWaiting;
    TimePoint last{};
    for_each_of(draft, term.job,
                [&](const JobRecord& job) { last = std::max(last, job.start_time); });
    return by_start(draft, term, last);
  }
  if (counts.waiting > 0 || counts.running > 0) return kWaiting;
  bool completed = true;
  for_each_of(draft, term.job, [&](const JobRecord& job) {
    completed = completed && job.state == JobState::completed;
    if (job.id == term.job) completed = completed && job.array->gone_other == 0;
  });
  return by_end(term.kind, completed);
}

Verdict judge_element(const Draft& draft, DependencyTerm term, uint32_t element) {
  Verdict verdict = kSatisfied;  // nobody has it any more
  for_each_of(draft, term.job, [&](const JobRecord& job) {
    if (job.array->elements.contains(element)) verdict = judge_job(draft, term, job);
  });
  return verdict;
}

Verdict judge_singleton(const Draft& draft, const JobRecord& self) {
  const JobId own = array_id_of(self);
  const auto others = draft.cluster.by_name().find({self.uid, self.spec->name});
  if (others == draft.cluster.by_name().end()) return kSatisfied;
  for (const JobId id : others->second) {
    const JobRecord& other = draft.job(id);
    if (array_id_of(other) >= own) continue;
    if (!ended(other.state) && other.spec->name == self.spec->name) return kWaiting;
  }
  return kSatisfied;
}

Verdict judge(const Draft& draft, const JobRecord& self, const DependencyTerm& term) {
  if (term.kind == DependencyKind::singleton) return judge_singleton(draft, self);
  // Its own id was nobody's when it asked for it; an update to it is refused.
  if (term.job == self.id || term.job == array_id_of(self)) return kSatisfied;
  const bool is_array = draft.cluster.find_array(term.job) != nullptr;
  if (is_array && term.element) return judge_element(draft, term, *term.element);
  if (is_array && term.kind == DependencyKind::corr && self.array) {
    const IndexSet& mine = self.array->elements;
    return mine.size() == 1 ? judge_element(draft, term, mine.front()) : kWaiting;
  }
  if (is_array) return judge_array(draft, term);
  const JobRecord* job = draft.find(term.job);
  return job == nullptr ? kSatisfied : judge_job(draft, term, *job);
}

// What the job's terms together mean for it.
void conclude(Draft& draft, JobId id) {
  const JobRecord& job = draft.job(id);
  const DependencyState state = job.dependency.state();
  if (state == DependencyState::failed && job.spec->kill_on_invalid_dependency) {
    return end_job(draft, id,
                   Ending{.as = JobState::cancelled,
                          .reason = Reason::dependency_never_satisfied,
                          .text = {},
                          .by = {}});
  }
  if (job.hold != HoldKind::none) return;
  JobWaits waits = waiting_again(draft, job);
  if (waits.reason != job.reason) draft.emit(std::move(waits));
}

void judge_terms(Draft& draft, JobId id) {
  const JobRecord& job = draft.job(id);
  Dependency dependency = job.dependency;
  for (DependencyTerm& term : dependency.terms) {
    if (term.state != DependencyState::waiting) continue;
    const Verdict verdict = judge(draft, job, term);
    term.state = verdict.state;
    term.due = verdict.due;
  }
  // Once it may start it waits for nobody any more: what is left of alternatives is forgotten.
  if (dependency.state() == DependencyState::satisfied) dependency = Dependency{};
  if (dependency != job.dependency) {
    const bool ready = dependency.state() == DependencyState::satisfied;
    const TimePoint eligible = ready ? std::max(job.eligible_time, draft.now) : job.eligible_time;
    draft.emit(DependencySet{id, std::move(dependency), eligible});
  }
  conclude(draft, id);
}

// aftercorr of several elements: those whose fellows have ended part from the others, once for
// each of the two ways to end, or for those whose fellow is not there.
void part_by_fellows(Draft& draft, JobId id, JobId array, const std::vector<JobId>* moved) {
  IndexSet completed;
  IndexSet failed;
  IndexSet open;
  const auto sort = [&](const JobRecord& job) {
    if (array_id_of(job) != array || !job.array) return;
    IndexSet& set = !ended(job.state)                  ? open
                    : job.state == JobState::completed ? completed
                                                       : failed;
    set = set.united(job.array->elements);
  };
  if (moved == nullptr) {
    for_each_of(draft, array, sort);
    const IndexSet& mine = draft.job(id).array->elements;
    completed = completed.united(mine.minus(open).minus(failed));
  } else {
    for (const JobId other : *moved) sort(draft.job(other));
  }
  for (const IndexSet* set : {&completed, &failed}) {
    const IndexSet mine = draft.job(id).array->elements.common(*set);
    if (mine.empty()) continue;
    Dependency dependency = draft.job(id).dependency;
    for (DependencyTerm& term : dependency.terms) {
      if (term.kind != DependencyKind::corr || term.job != array) continue;
      term.state = set == &failed ? DependencyState::failed : DependencyState::satisfied;
    }
    const JobId part = split_off(draft, id, mine);
    draft.emit(DependencySet{part, std::move(dependency), draft.job(part).eligible_time});
    judge_terms(draft, part);
    if (part == id) return;
  }
}

// `moved`: only these have changed since it was last judged; null: all is to be looked at.
void reconsider(Draft& draft, JobId id, const std::vector<JobId>* moved) {
  const std::vector<DependencyTerm> terms = draft.job(id).dependency.terms;
  for (const DependencyTerm& term : terms) {
    if (term.kind != DependencyKind::corr || term.element) continue;
    const JobRecord& job = draft.job(id);
    const bool several = job.array && job.array->elements.size() > 1;
    if (!several || draft.cluster.find_array(term.job) == nullptr) continue;
    part_by_fellows(draft, id, term.job, moved);
  }
  if (draft.job(id).state == JobState::pending) judge_terms(draft, id);
}

bool is_waiting_for(const JobRecord& job) {
  return job.state == JobState::pending &&
         std::any_of(job.dependency.terms.begin(), job.dependency.terms.end(),
                     [](const auto& t) { return t.state == DependencyState::waiting; });
}

void add_dependants(const Draft& draft, const JobRecord& job, std::set<JobId>& found) {
  const auto add = [&](const auto& map, const auto& key) {
    const auto place = map.find(key);
    if (place != map.end()) found.insert(place->second.begin(), place->second.end());
  };
  add(draft.cluster.dependants(), job.id);
  add(draft.cluster.dependants(), array_id_of(job));
  add(draft.cluster.singletons(), UserAndName{job.uid, job.spec->name});
}

}  // namespace

namespace {

// Breadth first from the records that are waited for, each once, with the one that led there.
class CircleSearch {
 public:
  CircleSearch(const Draft& draft, const JobRecord& job) : draft_(draft), job_(job) {}

  Result<void> run(const Dependency& asked) {
    add_all(job_, asked);
    for (size_t at = 0; at < order_.size(); ++at) {
      if (order_[at] == job_.id) return circle();
      if (order_.size() > kMaxDependencyWalk) {
        return Error{ErrorCode::exhausted, "dependency: job " + std::to_string(job_.id.value) +
                                               " would wait, by way of others, for more than " +
                                               std::to_string(kMaxDependencyWalk) +
                                               " that wait themselves"};
      }
      const JobRecord& next = draft_.job(order_[at]);
      add_all(next, next.dependency);
    }
    return {};
  }

 private:
  void add_all(const JobRecord& from, const Dependency& dependency) {
    for (const DependencyTerm& term : dependency.terms) {
      if (term.state != DependencyState::waiting) continue;
      if (term.kind == DependencyKind::singleton) {
        add_earlier(from);
      } else if (draft_.cluster.find_array(term.job) != nullptr) {
        for_each_of(draft_, term.job, [&](const JobRecord& part) {
          if (!term.element || part.array->elements.contains(*term.element)) add(from.id, part);
        });
      } else if (const JobRecord* other = draft_.find(term.job)) {
        add(from.id, *other);
      }
    }
  }

  // Those of the same user and name that a singleton waits for.
  void add_earlier(const JobRecord& from) {
    const auto others = draft_.cluster.by_name().find({from.uid, from.spec->name});
    if (others == draft_.cluster.by_name().end()) return;
    for (const JobId id : others->second) {
      const JobRecord& other = draft_.job(id);
      if (array_id_of(other) < array_id_of(from)) add(from.id, other);
    }
  }

  // What has started waits for nothing any more.
  void add(JobId from, const JobRecord& to) {
    if (to.state != JobState::pending) return;
    if (led_by_.emplace(to.id, from).second) order_.push_back(to.id);
  }

  [[nodiscard]] Error circle() const {
    constexpr size_t kMaxShown = 10;
    std::vector<std::string> way{std::to_string(job_.id.value)};
    JobId at = led_by_.at(job_.id);
    while (at != job_.id) {
      way.push_back(std::to_string(at.value));
      at = led_by_.at(at);
    }
    way.push_back(std::to_string(job_.id.value));
    std::reverse(way.begin(), way.end());
    if (way.size() > kMaxShown) {
      way.resize(kMaxShown);
      way.emplace_back("...");
    }
    return Error{ErrorCode::invalid, "dependency: job " + std::to_string(job_.id.value) +
                                         " would wait for itself: " + join(way, " -> ")};
  }

  const Draft& draft_;
  const JobRecord& job_;
  std::vector<JobId> order_;
  std::map<JobId, JobId> led_by_;
};

}  // namespace

Result<void> check_no_circle(const Draft& draft, const JobRecord& job, const Dependency& asked) {
  return CircleSearch(draft, job).run(asked);
}

void settle_dependency(Draft& draft, JobId id) {
  reconsider(draft, id, nullptr);
}

void follow_up(Draft& draft) {
  while (true) {
    const std::vector<JobId> moved = draft.take_moved();
    if (moved.empty()) return;
    std::set<JobId> dependants;
    for (const JobId id : moved) {
      add_dependants(draft, draft.job(id), dependants);
      if (const JobRecord* before = draft.cluster.find_job(id)) {
        add_dependants(draft, *before, dependants);  // under the name that it had
      }
    }
    for (const auto& [id, job] : draft.ahead()) {  // split off by this command: in no index yet
      if (is_waiting_for(job)) dependants.insert(id);
    }
    for (const JobId id : dependants) {
      if (!is_waiting_for(draft.job(id))) continue;
      const bool itself = std::find(moved.begin(), moved.end(), id) != moved.end();
      reconsider(draft, id, itself ? nullptr : &moved);  // requeued: much may have happened
    }
  }
}

}  // namespace gd::core

// Every index against a rebuild from the records.
#include "server/core/invariants.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/cron_schedule.h"
#include "server/core/admission.h"
#include "server/core/image_policy.h"
#include "server/core/life.h"
#include "server/core/step_layout.h"

namespace gd::core {

namespace {

Error broken(std::string text) {
  return Error{ErrorCode::internal, std::move(text)};
}

std::string job_text(const JobRecord& job) {
  return "job " + std::to_string(job.id.value) + " ";
}

Result<void> check_held(const JobRecord& job) {
  const bool holds = std::any_of(job.nodes.begin(), job.nodes.end(),
                                 [](const NodeShare& share) { return !share.released; });
  if (allocated(job.state)) {
    if (!holds) return broken(job_text(job) + "is allocated and holds nothing");
    if (job.launch.value == 0) return broken(job_text(job) + "is allocated without a launch");
    if (job.start_time == TimePoint{}) return broken(job_text(job) + "is allocated at no time");
  }
  if (ended(job.state)) {
    if (holds) return broken(job_text(job) + "has ended and holds a node");
    if (job.end_time == TimePoint{}) return broken(job_text(job) + "has ended at no time");
    if (job.end_as || job.requeue_at_end) return broken(job_text(job) + "has ended and is to end");
  }
  if (job.state == JobState::pending && (!job.nodes.empty() || !job.steps.empty())) {
    return broken(job_text(job) + "is waiting and holds nodes or steps");
  }
  if (!job.receipts.empty() && job.launch.value == 0) {
    return broken(job_text(job) + "got something and was never sent anywhere");
  }
  if (job.state == JobState::pending && !job.receipts.empty()) {
    return broken(job_text(job) + "is waiting and keeps what another life of it got");
  }
  if (job.receipts.size() > 1 || received(job) != bounded(received(job))) {
    return broken(job_text(job) + "keeps more of its receipt than is allowed");
  }
  if (job.end_as.has_value() != (job.state == JobState::completing)) {
    return broken(job_text(job) + "knows how to end, or does not, in the wrong state");
  }
  if (job.hold != HoldKind::none && job.state != JobState::pending &&
      job.state != JobState::completing) {
    return broken(job_text(job) + "is held and not waiting");
  }
  return {};
}

Result<void> check_shares(const JobRecord& job, const StepRecord& step) {
  bool all_ended = true;
  bool all_starting = true;
  std::set<std::string> nodes;
  for (const StepShare& part : step.shares) {
    const auto share = std::find_if(job.nodes.begin(), job.nodes.end(),
                                    [&](const NodeShare& s) { return s.node == part.node; });
    if (share == job.nodes.end()) return broken(job_text(job) + "has a step on a node not its own");
    if (share->released && part.state != StepState::ended) {
      return broken(job_text(job) + "released a node on which a step has not ended");
    }
    if (!nodes.insert(part.node).second || part.tasks == 0) {
      return broken(job_text(job) + "has a step with a node twice, or with no task there");
    }
    all_ended = all_ended && part.state == StepState::ended;
    all_starting = all_starting && part.state == StepState::starting;
  }
  if (step.shares.empty()) return broken(job_text(job) + "has a step on no node");
  const StepState right = all_ended      ? StepState::ended
                          : all_starting ? StepState::starting
                                         : StepState::running;
  if (step.state != right) return broken(job_text(job) + "has a step in another state than it is");
  return {};
}

Result<void> check_steps(const JobRecord& job) {
  std::set<StepId> ids;
  for (const StepRecord& step : job.steps) {
    if (!ids.insert(step.id).second) return broken(job_text(job) + "has a step twice");
    if (step.id < kInteractiveStep && step.id.value >= job.next_step) {
      return broken(job_text(job) + "may give a step number twice");
    }
    TRY(check_shares(job, step));
    const bool own = !step.join_container && !opens_job(step.id);
    if (own != step.image.has_value() || (!own && !step.mounts.empty())) {
      return broken(job_text(job) + "has a step of which nobody knows whose container it is in");
    }
    if (is_saved(job, step) && job.state != JobState::completing) {
      return broken(job_text(job) + "saves its container and does not end");
    }
  }
  for (const NodeRoom& room : rooms_of(job)) {
    if (room.taken_cpus > room.cpus) {
      return broken(job_text(job) + "gave its steps more processors of " + room.node +
                    " than it holds");
    }
  }
  return {};
}

// Who was ended for another job ends or has ended so; only who waits in line has something kept.
Result<void> check_preempted(const JobRecord& job) {
  if (job.preempted) {
    if (job.preempted->by == job.id) return broken(job_text(job) + "was preempted by itself");
    const bool goes = job.state == JobState::completing && job.end_as == JobState::preempted;
    if (!goes && job.state != JobState::preempted) {
      return broken(job_text(job) + "was preempted and does not end so");
    }
  }
  if (job.takeover.empty()) return {};
  if (job.takeover.size() > 1) return broken(job_text(job) + "has two places kept");
  if (!belongs_in_queue(job)) return broken(job_text(job) + "has a place kept and cannot start");
  if (job.takeover.front().shares.empty()) return broken(job_text(job) + "has nothing kept");
  if (job.array && job.array->elements.size() != 1) {
    return broken(job_text(job) + "has one place kept for several elements");
  }
  return {};
}

}  // namespace

struct Auditor {
  const Cluster& c;

  Result<void> crontabs() const;
  Result<void> preemption() const;
  Result<void> kept_is_kept(const std::map<std::string, Resources>& kept,
                            const std::set<JobId>& awaited) const;

  // Every element of an array is in one record, or counted as gone.
  Result<void> arrays() const {
    std::map<JobId, ArrayEntry> entries;
    std::map<JobId, IndexSet> elements;
    for (const auto& [id, entry] : c.jobs_) {
      const JobRecord& job = entry.record;
      if (!job.array) continue;
      const IndexSet& mine = job.array->elements;
      IndexSet& all = elements[job.array->array];
      if (!mine.is_valid() || mine.empty()) return broken(job_text(job) + "has no elements");
      if (allocated(job.state) && mine.size() != 1)
        return broken(job_text(job) + "runs as several");
      if (!all.common(mine).empty()) return broken(job_text(job) + "has another record's element");
      all = all.united(mine);
      ArrayEntry& array = entries[job.array->array];
      array.records.insert(id);
      if (mine.size() == 1)
        array.singles[mine.front()] = id;
      else
        array.groups.insert(id);
      array.waiting += job.state == JobState::pending ? 1 : 0;
      array.running += allocated(job.state) ? 1 : 0;
    }
    if (entries.size() != c.arrays_.size()) return broken("an array is in no index");
    for (const auto& [id, array] : entries) {
      const ArrayEntry* known = c.find_array(id);
      const std::string name = "array " + std::to_string(id.value) + " ";
      if (known == nullptr || known->records != array.records || known->groups != array.groups ||
          known->singles != array.singles || known->waiting != array.waiting ||
          known->running != array.running) {
        return broken(name + "differs from its index");
      }
      const JobRecord* first = c.find_job(id);
      if (first == nullptr) return broken(name + "has lost its first record");
      const Result<ArraySpec> asked = parse_array_spec(first->spec->array);
      if (!asked.ok()) return broken(name + "was asked for in no way");
      if (!asked->elements.contains(elements[id])) return broken(name + "has too many elements");
      if (asked->elements.size() !=
          elements[id].size() + first->array->gone_ok + first->array->gone_other) {
        return broken(name + "has lost elements");
      }
    }
    return {};
  }

  // Who waits for a job waits for one that is there and has not ended.
  Result<void> dependencies() const {
    std::map<JobId, std::set<JobId>> dependants;
    for (const auto& [id, entry] : c.jobs_) {
      const JobRecord& job = entry.record;
      if (job.state != JobState::pending) continue;
      for (const DependencyTerm& term : job.dependency.terms) {
        if (term.state != DependencyState::waiting) continue;
        if (term.kind == DependencyKind::singleton) continue;
        dependants[term.job].insert(id);
        const JobRecord* other = c.find_job(term.job);
        if (other == nullptr) return broken(job_text(job) + "waits for a job that is gone");
        if (!other->array && ended(other->state)) {
          return broken(job_text(job) + "waits for a job that has ended");
        }
        const ArrayEntry* array = c.find_array(term.job);
        if (array != nullptr && array->all_ended()) {
          return broken(job_text(job) + "waits for an array that has ended");
        }
      }
      const bool open = job.dependency.state() != DependencyState::satisfied;
      if (open && belongs_in_queue(job)) return broken(job_text(job) + "does not wait for others");
    }
    if (dependants != c.dependants_) return broken("the index of dependants is wrong");
    return {};
  }

  Result<void> jobs() const {
    std::map<LaunchNumber, JobId> launches;
    std::map<RequestId, JobId> requests;
    for (const auto& [id, entry] : c.jobs_) {
      const JobRecord& job = entry.record;
      if (job.id != id || !job.spec) return broken(job_text(job) + "is filed under another id");
      if (id.value >= c.counters_.job) return broken(job_text(job) + "is above the counter");
      TRY(check_held(job));
      TRY(check_steps(job));
      TRY(queued(entry));
      if (job.launch.value != 0 && !launches.emplace(job.launch, id).second) {
        return broken(job_text(job) + "has another job's launch number");
      }
      if (job.launch.value >= c.counters_.launch) {
        return broken(job_text(job) + "has a launch number above the counter");
      }
      if (job.request.given() && !requests.emplace(job.request, id).second) {
        return broken(job_text(job) + "has another job's request id");
      }
      for (const StepRecord& step : job.steps) {
        if (step.request.given()) requests.emplace(step.request, id);
      }
      for (const PendingSignal& signal : job.signals) {
        if (signal.serial >= c.counters_.signal) return broken(job_text(job) + "signal number");
      }
    }
    if (requests != c.by_request_) return broken("the index of requests differs from a rebuild");
    return {};
  }

  Result<void> queued(const JobEntry& entry) const {
    const JobRecord& job = entry.record;
    const sched::ShapeKey key = shape_key_of(c, job);
    const bool should = belongs_in_queue(job) && !key.partitions.empty();
    if (entry.queued != should) return broken(job_text(job) + "is wrongly in the queue or not");
    if (!should) return {};
    if (job.avoid.empty() && c.shapes_[entry.shape].key != key) {
      return broken(job_text(job) + "is queued with another shape");
    }
    if (!c.queue_.contains(entry.shape, entry.standing, queue_key_of(job))) {
      return broken(job_text(job) + "is not where it should be in the queue");
    }
    return {};
  }

  Result<void> counts() const {
    size_t queued = 0;
    std::set<JobId> allocated_jobs;
    std::set<JobId> refused;
    for (const auto& [id, entry] : c.jobs_) {
      queued += entry.queued ? 1 : 0;
      if (allocated(entry.record.state)) allocated_jobs.insert(id);
      if (entry.record.state == JobState::pending && is_refusal(entry.record.reason)) {
        refused.insert(id);
      }
    }
    if (queued != c.queue_.size()) return broken("the queue has jobs that are not there");
    if (allocated_jobs != c.allocated_) return broken("the set of allocated jobs is wrong");
    if (refused != c.refused_) return broken("the set of refused jobs is wrong");
    for (const auto& [due, id] : c.timers_) {
      if (!c.jobs_.contains(id)) return broken("a timer of a job that is not there");
    }
    return {};
  }

  // What counts in a limit is what the jobs have, no more and no less.
  Result<void> limits() const {
    sched::LimitBook book;
    for (const auto& [name, entry] : c.limits_.ledger().entries()) {
      book.restore(c.limits_.ledger().record_of(name));
    }
    book.configure(c.config_->limits, c.config_->usage_half_life);
    TimePoint now = c.started_;  // as late as anything that runs began, for minutes
    sched::Licences licences;
    licences.configure(c.config_->limits.licences);
    for (const auto& [id, entry] : c.jobs_) {
      const JobRecord& job = entry.record;
      const sched::ClaimId claim = book.claim_of(owner_of(job));
      if (ended(job.state)) continue;
      using enum sched::LimitBook::Sign;
      book.count_submitted(claim, job.array ? job.array->elements.size() : 1, more);
      if (!allocated(job.state)) continue;
      book.count_running(claim, amounts_of(book, job), run_of(*c.config_, job), more);
      now = std::max(now, job.start_time);
      const auto needs = licences.resolve(job.spec->licences);
      if (needs) licences.hold(*needs, job.start_time + job.time_limit.value_or(sched::kForever));
    }
    const std::vector<uint64_t> rebuilt = book.used(now);
    const std::vector<uint64_t> kept = c.limits_.used(now);
    std::map<std::string, uint64_t> counted;
    const auto name_of = [](const sched::Pot& pot, uint32_t dimension) {
      return std::to_string(static_cast<int>(pot.kind)) + " " + pot.name + " " + pot.user + " " +
             std::to_string(dimension);
    };
    for (uint32_t pot = 0; pot < book.pots(); ++pot) {
      for (uint32_t i = 0; i < book.dimensions(); ++i) {
        counted[name_of(book.pot(pot), i)] = rebuilt[pot * book.dimensions() + i];
      }
    }
    for (uint32_t pot = 0; pot < c.limits_.pots(); ++pot) {
      for (uint32_t i = 0; i < c.limits_.dimensions(); ++i) {
        const std::string name = name_of(c.limits_.pot(pot), i);
        const auto right = counted.find(name);
        const uint64_t mine = kept[pot * c.limits_.dimensions() + i];
        const uint64_t its = right == counted.end() ? 0 : right->second;
        // Minutes are added up in another order, and stay when their jobs are gone.
        const bool is_close = c.limits_.minutes_of(i) != nullptr &&
                              (right == counted.end() ||  // of jobs that are gone
                               std::max(mine, its) - std::min(mine, its) <= 1 + its / 1'000'000);
        if (mine == its || is_close) continue;
        return broken("the counter of limit " + name + " is " + std::to_string(mine));
      }
    }
    for (size_t i = 0; i < licences.all().size(); ++i) {
      const sched::Licence& mine = c.licences_.all()[i];
      if (mine.used == licences.all()[i].used && mine.holders == licences.all()[i].holders) {
        continue;
      }
      return broken("licence " + mine.name + " is counted wrongly");
    }
    return {};
  }

  Result<void> nodes() const {
    for (const auto& [name, node] : c.nodes_) {
      const sched::Node& row = c.machine_[node.index.value];
      if (row.name != name || c.node_names_[node.index.value] != name) {
        return broken("node " + name + " has another's row");
      }
      for (const auto& [id, samples] : node.samples) {
        for (const StepSample& sample : samples) {
          const bool own = sample.job == id && sample.node == name;
          if (!own) return broken("node " + name + " keeps another's sample");
        }
      }
      std::set<JobId> jobs;
      Resources held;
      for (const auto& [id, entry] : c.jobs_) {
        if (!allocated(entry.record.state)) continue;
        for (const NodeShare& share : entry.record.nodes) {
          if (share.node != name || share.released) continue;
          jobs.insert(id);
          add(held, share.held);
        }
      }
      if (jobs != node.jobs) return broken("node " + name + " lists other jobs than hold it");
      if (row.shares.size() != jobs.size()) return broken("node " + name + " has other shares");
      if (free_of(row) != row.free) return broken("node " + name + " has another amount free");
      const bool shrunk = row.usable != node.record.info.total;
      if (!shrunk && !fits_in(held, row.usable)) {
        return broken("node " + name + " is over-committed");
      }
    }
    for (const auto& [id, entry] : c.jobs_) {
      if (!allocated(entry.record.state)) continue;
      for (const NodeShare& share : entry.record.nodes) {
        if (!share.released && !c.nodes_.contains(share.node)) {
          return broken(job_text(entry.record) + "holds a node that is not there");
        }
      }
    }
    return {};
  }
};

Result<void> Auditor::preemption() const {
  std::set<JobId> takers;
  std::map<std::string, Resources> kept;
  std::set<JobId> awaited;
  for (const auto& [id, entry] : c.jobs_) {
    const JobRecord& job = entry.record;
    TRY(check_preempted(job));
    const bool is_tenant = c.preempt_rules_ && allocated(job.state);
    if (is_tenant != c.tenants_.contains(id)) return broken(job_text(job) + "is wrongly a tenant");
    if (is_tenant && c.tenants_.at(id).ending != (job.state == JobState::completing)) {
      return broken(job_text(job) + "ends, and its tenant does not know");
    }
    if (job.takeover.empty()) continue;
    if (entry.queued) takers.insert(id);
    for (const NodeShare& share : job.takeover.front().shares) add(kept[share.node], share.held);
    awaited.insert(job.takeover.front().awaits.begin(), job.takeover.front().awaits.end());
  }
  if (takers != c.takers_ || takers.size() != c.takeovers_.size()) {
    return broken("the index of takeovers differs from a rebuild");
  }
  return kept_is_kept(kept, awaited);
}

// Once those have gone that are awaited, what is kept is there: nobody else has got in between.
Result<void> Auditor::kept_is_kept(const std::map<std::string, Resources>& kept,
                                   const std::set<JobId>& awaited) const {
  for (const auto& [name, amount] : kept) {
    const NodeEntry* node = c.find_node(name);
    if (node == nullptr || !c.machine_[node->index.value].open) continue;  // the next pass drops it
    const sched::Node& row = c.machine_[node->index.value];
    if (row.usable != node->record.info.total) continue;
    Resources stays = amount;
    for (const sched::Share& share : row.shares) {
      const bool goes =
          awaited.contains(share.job) && c.find_job(share.job)->state == JobState::completing;
      if (!goes) add(stays, share.held);
    }
    if (!fits_in(stays, row.usable)) return broken("node " + name + " has lost what it kept");
  }
  return {};
}

// A line of a crontab has at most one job, and a job that recurs has its line.
Result<void> Auditor::crontabs() const {
  std::set<std::pair<Uid, uint32_t>> lines;
  std::map<Uid, size_t> entries;
  for (const auto& [id, entry] : c.jobs_) {
    const JobRecord& job = entry.record;
    if (job.spec->cron.empty() || ended(job.state)) continue;
    if (!c.crontabs_.contains(job.uid)) return broken(job_text(job) + "recurs without a crontab");
    if (!parse_cron_schedule(job.spec->cron).ok()) return broken(job_text(job) + "recurs never");
    if (!lines.emplace(job.uid, job.spec->cron_line).second) {
      return broken(job_text(job) + "shares its line of a crontab");
    }
    if (++entries[job.uid] > kMaxCronEntries) return broken(job_text(job) + "is one too many");
  }
  constexpr size_t kMost = kMaxCrontabBytes + kMaxCronEntries * kDisabledLine.size();
  for (const auto& [uid, crontab] : c.crontabs_) {
    if (crontab.uid != uid) return broken("the crontab of " + crontab.user + " is in two places");
    if (crontab.text.size() > kMost) return broken("the crontab of " + crontab.user + " has grown");
  }
  return {};
}

namespace {

// Limits and shares are of one set of accounts, whoever keeps it.
Result<void> check_accounts(const ClusterConfig& config) {
  std::set<std::string> accounts;
  for (const sched::Account& account : config.accounts) {
    if (!account.parent.empty() && !accounts.contains(account.parent)) {
      return broken("account " + account.name + " stands before its parent");
    }
    accounts.insert(account.name);
  }
  for (const UserLimits& user : config.limits.users) {
    const size_t slash = user.name.find('/');
    const bool known = slash == std::string::npos || accounts.contains(user.name.substr(0, slash));
    if (!known) return broken("limits of user " + user.name + " are of no account");
    if (!user.default_account.empty() && !accounts.contains(user.default_account)) {
      return broken("the default account of user " + user.name + " is not there");
    }
  }
  return {};
}

// A node has been told of nothing that is not wished for, and of few at a time.
Result<void> check_fetches(const Cluster& cluster) {
  for (const auto& [name, node] : cluster.nodes()) {
    const auto wanted = cluster.fetches_ahead().find(name);
    for (const ImageFetch& sent : node.link.fetches_sent) {
      if (wanted != cluster.fetches_ahead().end() && wanted->second.contains(sent)) continue;
      return broken("node " + name + " fetches " + sent.name + ", which nobody wants");
    }
  }
  for (const auto& [name, fetches] : cluster.fetches_ahead()) {
    if (fetches.size() > kMaxFetchesAhead) return broken("too many fetches ahead on " + name);
  }
  return {};
}

}  // namespace

Result<void> check_all(const Cluster& cluster) {
  const Auditor auditor{cluster};
  TRY(check_accounts(cluster.config()));
  TRY(check_fetches(cluster));
  TRY(auditor.jobs());
  TRY(auditor.counts());
  TRY(auditor.limits());
  TRY(auditor.arrays());
  TRY(auditor.dependencies());
  TRY(auditor.preemption());
  TRY(auditor.crontabs());
  return auditor.nodes();
}

}  // namespace gd::core

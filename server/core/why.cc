// One function for each kind of waiting; what could be asked for instead is in why_hints.cc.
#include "server/core/why.h"

#include <algorithm>
#include <set>

#include "base/duration.h"
#include "base/hostlist.h"
#include "base/text.h"
#include "server/core/admission.h"
#include "server/core/why_hints.h"
#include "server/core/why_parts.h"
#include "server/sched/explain.h"
#include "server/sched/node_set.h"
#include "server/sched/outlook.h"

namespace gd::core {

namespace {

class Explainer {
 public:
  Explainer(const Cluster& cluster, const JobRecord& job, TimePoint now, Others others)
      : cluster_(cluster),
        job_(job),
        now_(now),
        asker_{job.uid, others},
        entry_(cluster.jobs().at(job.id)) {
    reply_.job = job.id;
    reply_.name = job_name_of(job, 64);
  }

  WhyReply run() {
    if (job_.state != JobState::pending) return not_waiting();
    say("Job " + reply_.name + " of " + job_.user + " " + asked_text(job_));
    if (job_.hold != HoldKind::none) return held();
    switch (job_.reason) {
      case Reason::begin_time: return begins_later();
      case Reason::dependency:
      case Reason::dependency_never_satisfied: return depends();
      default: break;
    }
    const Obstacle obstacle = obstacle_of(cluster_, job_);
    if (obstacle.reason != Reason::priority) return never(obstacle);
    if (!entry_.queued) return kind("partition", "No partition takes it as they are");
    return in_line();
  }

 private:
  void say(std::string sentence) { reply_.sentences.push_back(std::move(sentence)); }
  WhyReply kind(std::string_view word, std::string sentence) {
    reply_.kind = word;
    say(std::move(sentence));
    return std::move(reply_);
  }

  WhyReply not_waiting() {
    const std::string name = "Job " + reply_.name + " of " + job_.user;
    if (ended(job_.state)) {
      return kind("ended", name + " does not wait: it is " + std::string(long_name(job_.state)));
    }
    std::vector<std::string> nodes;
    for (const NodeShare& share : job_.nodes) nodes.push_back(share.node);
    sort_hosts(nodes);
    const std::string where = " on " + fold_hostlist(nodes);
    if (job_.reason == Reason::image_pull) {
      return kind("image", name + " has its place" + where + ", and waits for its image " +
                               printable(job_.spec->image.name) +
                               " to be fetched: " + printable(job_.reason_text));
    }
    if (job_.state == JobState::starting) {
      return kind("starting", name + " has its place" + where + " and is being started");
    }
    return kind("running",
                name + " does not wait: it is " + std::string(long_name(job_.state)) + where);
  }

  WhyReply held() {
    const bool by_admin = job_.hold == HoldKind::administrator;
    const std::string text = job_.reason_text.empty() ? "" : ": " + printable(job_.reason_text);
    if (by_admin) {
      return kind("held", "An administrator holds it" + text +
                              "; only an administrator can "
                              "release it");
    }
    reply_.suggestions.push_back("gdctl release " + std::to_string(job_.id.value));
    return kind("held", "Its user holds it" + text);
  }

  WhyReply begins_later() {
    reply_.expected_start = job_.eligible_time;
    return kind("begin",
                "It was asked to begin " + until(job_.eligible_time, now_) + ", not earlier");
  }

  std::string term_text(const DependencyTerm& term) const {
    if (term.kind == DependencyKind::singleton) {
      return "for all earlier jobs of " + job_.user + " called " + printable(job_.spec->name) +
             " to end";
    }
    const JobRecord* other = cluster_.find_job(term.job);
    std::string text = "for job " + std::to_string(term.job.value);
    if (term.element) text += "_" + std::to_string(*term.element);
    if (other != nullptr) {
      text = "for " + asker_.whose(*other) + ", which is " + std::string(long_name(other->state));
      if (allocated(other->state)) text += " and " + ends_text(*other, now_);
      text += ",";
    }
    switch (term.kind) {
      case DependencyKind::after: return text + " to start";
      case DependencyKind::any: return text + " to end";
      case DependencyKind::ok:
      case DependencyKind::corr: return text + " to complete";
      default: return text + " to fail";
    }
  }

  WhyReply depends() {
    const bool never = job_.reason == Reason::dependency_never_satisfied;
    std::string text;
    for (const DependencyTerm& term : job_.dependency.terms) {
      if (never ? term.state != DependencyState::failed : term.state != DependencyState::waiting) {
        continue;
      }
      text += (text.empty() ? "" : job_.dependency.any ? ", or " : ", and ") + term_text(term);
    }
    if (!never) return kind("dependency", "It waits " + text);
    reply_.suggestions.push_back("gdctl update " + std::to_string(job_.id.value) + " Dependency=");
    return kind("never", "It waited " + text +
                             "; that can no longer happen, so it never starts "
                             "as it is");
  }

  // What keeps it from ever starting, whatever else ends.
  WhyReply never(const Obstacle& obstacle) {
    reply_.kind = obstacle.reason == Reason::partition_config ? "too-large" : "job-limit";
    say("As it is it can never start: " + obstacle.text);
    reply_.suggestions = hints(cluster_, job_, now_);
    return std::move(reply_);
  }

  // Others are being ended for it.
  WhyReply takes_over() {
    const Takeover& kept = job_.takeover.front();
    std::vector<std::string> nodes;
    for (const NodeShare& share : kept.shares) nodes.push_back(share.node);
    std::vector<std::string> leaving;
    TimePoint gone_by = now_;
    for (const JobId id : kept.awaits) {
      const JobRecord* other = cluster_.find_job(id);
      if (other == nullptr || other->state != JobState::completing) continue;
      const auto tenant = cluster_.tenants().find(id);
      if (tenant != cluster_.tenants().end()) gone_by = std::max(gone_by, tenant->second.gone_by);
      if (leaving.size() < kMostNamedJobs) leaving.push_back(asker_.whose(*other));
    }
    reply_.expected_start = gone_by;
    const std::string who = leaving.empty() ? "those that were ended" : join(leaving, ", ");
    return kind("preempting", "Its place is kept for it on " + list(nodes) + ": it starts when " +
                                  who + " can be gone, " + until(gone_by, now_) + " at the latest");
  }

  // Who holds what it could have, and could be ended for it: now, or later.
  void preemptable(const sched::Shape& shape) {
    const sched::PreemptRules* rules = cluster_.preempt_rules();
    if (rules == nullptr) return;
    std::set<JobId> now;
    std::set<JobId> later;
    std::optional<TimePoint> first;
    for (const sched::Candidates& candidates : shape.candidates) {
      const uint32_t tier = cluster_.partitions()[candidates.partition.value].tier;
      for (const sched::NodeIndex node : candidates.nodes()) {
        for (const sched::Share& share : cluster_.machine()[node.value].shares) {
          const sched::Tenant& tenant = cluster_.tenants().at(share.job);
          const bool may = rules->allows(entry_.standing.preempts, tier, tenant);
          if (!may || tenant.ending) continue;
          (tenant.safe_until > now_ ? later : now).insert(share.job);
          if (tenant.safe_until > now_) {
            first = std::min(first.value_or(tenant.safe_until), tenant.safe_until);
          }
        }
      }
    }
    if (!now.empty()) {
      say("It may end " + named(now) + ", and does so as soon as that lets it start");
    }
    if (!later.empty()) {
      say("It may end " + named(later) +
          " later: they are left alone for a time, the first of "
          "them " +
          (first ? until(*first, now_) + " no longer" : ""));
    }
  }

  // "job 5 of bob, job 6 of bob and 2 more"
  [[nodiscard]] std::string named(const std::set<JobId>& jobs) const {
    std::vector<std::string> names;
    for (const JobId id : jobs) {
      if (names.size() == kMostNamedJobs) break;
      names.push_back(asker_.whose(*cluster_.find_job(id)));
    }
    const size_t more = jobs.size() - names.size();
    return join(names, ", ") + (more > 0 ? " and " + std::to_string(more) + " more" : "");
  }

  WhyReply in_line() {
    if (!job_.takeover.empty()) return takes_over();
    const sched::Policy& policy = cluster_.config().policy;
    const sched::View view = cluster_.view(now_);
    sched::Outlook outlook(
        policy, view,
        {entry_.standing, queue_key_of(job_), job_.time_limit.value_or(sched::kForever),
         cluster_.shapes()[entry_.shape].key.reservation});
    const sched::Shape& shape = cluster_.shapes()[entry_.shape];
    blocker(outlook, shape);
    rank(outlook);
    expectation(outlook, shape);
    reply_.suggestions = hints(cluster_, job_, now_);
    return std::move(reply_);
  }

  // The windows that it has to stay out of, or its own.
  void reservations(const sched::Shape& shape) {
    for (const auto& [name, entry] : cluster_.reservations()) {
      const ReservationRecord& row = entry.record;
      const std::string when =
          row.start > now_ ? "begins " + until(row.start, now_) : "ends " + until(row.end, now_);
      const std::string what = "reservation " + name + (row.maintenance ? " (maintenance)" : "");
      if (entry.id == shape.key.reservation) {
        if (row.start > now_) reply_.kind = "reservation";
        say("It runs in " + what + " on " + count(row.nodes.size(), "node") + ", which " + when);
        continue;
      }
      const auto& candidates = shape.candidates;
      const bool concerned = std::any_of(row.nodes.begin(), row.nodes.end(), [&](const auto& node) {
        const NodeEntry* known = cluster_.find_node(node);
        return known != nullptr &&
               std::any_of(candidates.begin(), candidates.end(),
                           [&](const auto& one) { return one.set->contains(known->index); });
      });
      const Seconds limit = job_.time_limit.value_or(sched::kForever);
      if (!concerned || now_ + limit <= row.start) continue;
      reply_.kind = "reservation";
      say(count(row.nodes.size(), "node") + (row.nodes.size() == 1 ? " is" : " are") +
          " kept for " + what + ", which " + when +
          ": only jobs that end before it begins may "
          "use them");
    }
  }

  void blocker(sched::Outlook& outlook, const sched::Shape& shape) {
    if (const std::optional<uint32_t> room = array_room(); room && *room == 0) {
      const uint32_t limit = cluster_.find_job(array_id_of(job_))->array->limit;
      (void)kind_only("array",
                      count(limit, "element") + " of its array may run at once, and as many do");
    } else if (const auto shortage = outlook.shortage(shape, entry_.claim)) {
      over_limit(*shortage);
    } else if (!outlook.has_licences(shape)) {
      licences();
    } else {
      nodes(outlook, shape);
      preemptable(shape);
      reservations(shape);
    }
  }

  void kind_only(std::string_view word, std::string sentence) {
    reply_.kind = word;
    say(std::move(sentence));
  }

  [[nodiscard]] std::optional<uint32_t> array_room() const {
    if (!job_.array) return std::nullopt;
    const auto* rooms = cluster_.view(now_).array_room;
    const auto found = rooms->find(job_.array->array);
    return found == rooms->end() ? std::nullopt : std::optional(found->second);
  }

  void over_limit(const sched::Shortage& lack) {
    const sched::LimitBook& book = cluster_.limits();
    const sched::Minutes* minutes = book.minutes_of(lack.dimension);
    const uint32_t of = minutes == nullptr ? lack.dimension : minutes->of;
    Holders holders(now_, asker_);
    for (const JobId id : cluster_.allocated_jobs()) {
      const JobEntry& other = cluster_.jobs().at(id);
      const auto pots = book.pots_of(other.claim);
      if (std::find(pots.begin(), pots.end(), lack.pot) == pots.end()) continue;
      const uint64_t amount = amounts_of(book, other.record)[of];
      if (amount > 0) holders.add(other.record, amount);
    }
    const std::string what = book.dimension_name(lack.dimension);
    std::string text = "A limit stands against it, " + book.limit_text(lack) + ": " + what + " " +
                       book.amount_text(lack.dimension, lack.used) +
                       (minutes == nullptr ? " in use, " : " used or kept for what runs, ") +
                       book.amount_text(lack.dimension, lack.asked) + " asked";
    if (!holders.empty()) {
      text += (minutes == nullptr ? "; in use by " : "; what runs there is ") + holders.text();
    }
    if (minutes != nullptr) return kind_only("limit", text + when_back(lack));
    if (const auto back = holders.back(lack.used + lack.asked - lack.limit)) {
      text += ". Enough is back " + until(*back, now_) + " at the latest";
    }
    kind_only("limit", text);
  }

  // Of minutes, as far as it is known.
  [[nodiscard]] std::string when_back(const sched::Shortage& lack) const {
    const sched::LimitBook& book = cluster_.limits();
    if (lack.asked > lack.limit) {
      return ". It asks for more than there ever is; a shorter time limit or fewer " +
             book.dimension_name(book.minutes_of(lack.dimension)->of) + " ask for less";
    }
    if (book.minutes_of(lack.dimension)->ahead_only) return ". They come back while jobs run";
    const Seconds half_life = book.ledger().half_life();
    if (half_life <= Seconds{0}) {
      return ". What was used does not fade; an administrator may take it back";
    }
    return ". What was used loses half of its weight in " + format_time_limit(half_life);
  }

  void licences() {
    std::string text;
    for (const GresCount& asked : job_.spec->licences) {
      const auto index = cluster_.licences().find(asked.name);
      if (!index) continue;
      const sched::Licence& licence = cluster_.licences().all()[*index];
      Holders holders(now_, asker_);
      for (const JobId id : cluster_.allocated_jobs()) {
        const JobRecord& other = *cluster_.find_job(id);
        for (const GresCount& held : other.spec->licences) {
          if (held.name == asked.name) holders.add(other, held.count);
        }
      }
      text += (text.empty() ? "" : "; ") + ("licence " + licence.name) + ": " +
              std::to_string(asked.count) + " asked, " + std::to_string(licence.free()) + " of " +
              std::to_string(licence.total) + " free";
      if (asked.count <= licence.free()) continue;
      if (!holders.empty()) text += ", in use by " + holders.text();
    }
    kind_only("licence", "It lacks a licence, or others that wait are promised it: " + text);
  }

  struct NodeCounts {
    std::vector<std::string> down, drained;
    size_t all = 0, small = 0, full = 0, free = 0;
    std::optional<TimePoint> first_end;
    JobId first_job;
  };

  void look_at(const sched::Node& node, const sched::Shape& shape, NodeCounts& counts) const {
    ++counts.all;
    const NodeEntry* entry = cluster_.find_node(node.name);
    if (!node.open) {
      const bool drained = entry != nullptr && entry->record.drained;
      (drained ? counts.drained : counts.down).push_back(node.name);
      return;
    }
    if (sched::tasks_that_fit(shape.key.need, node, node.usable) == 0) {
      ++counts.small;
      return;
    }
    const bool has_room = sched::tasks_that_fit(shape.key.need, node, node.free) > 0;
    ++(has_room ? counts.free : counts.full);
    if (has_room) return;
    for (const sched::Share& share : node.shares) {
      if (counts.first_end && *counts.first_end <= share.until) continue;
      counts.first_end = share.until;
      counts.first_job = share.job;
    }
  }

  static std::string list(const std::vector<std::string>& names) {
    std::vector<std::string> sorted = names;
    sort_hosts(sorted);
    return printable(fold_hostlist(sorted), 120);
  }

  std::string nodes_text(const sched::Partition& partition, const NodeCounts& counts) const {
    std::string text = "Of " + count(counts.all, "node") + " of partition " + partition.name;
    std::vector<std::string> parts;
    const auto are = [](size_t n) { return n == 1 ? " is " : " are "; };
    const auto add = [&](size_t n, const std::string& what) {
      if (n > 0) parts.push_back(std::to_string(n) + are(n) + what);
    };
    add(counts.free, "free for at least a task of it");
    add(counts.full, "in use by others");
    add(counts.small, "too small for a task of it");
    add(counts.down.size(), "down (" + list(counts.down) + ")");
    add(counts.drained.size(), "drained (" + list(counts.drained) + ")");
    text += " that it could have by name and feature, " + join(parts, ", ");
    if (counts.first_end) {
      const JobRecord* other = cluster_.find_job(counts.first_job);
      if (other != nullptr) {
        text += "; the first to give something back is " + asker_.whose(*other) + ", " +
                ends_text(*other, now_);
      }
    }
    return text;
  }

  void nodes(sched::Outlook& outlook, const sched::Shape& shape) {
    bool any_up = false;
    bool any_open = false;
    for (const sched::Candidates& candidates : shape.candidates) {
      const sched::Partition& partition = cluster_.partitions()[candidates.partition.value];
      if (!partition.up) {
        say("Partition " + partition.name + " is down: it starts no jobs");
        continue;
      }
      any_up = true;
      NodeCounts counts;
      for (const sched::NodeIndex node : candidates.nodes()) {
        look_at(cluster_.machine()[node.value], shape, counts);
      }
      any_open = any_open || counts.free + counts.full > 0;
      say(nodes_text(partition, counts));
    }
    if (!any_up) {
      reply_.kind = "partition-down";
    } else if (!any_open || !outlook.earliest(shape)) {
      reply_.kind = "nodes-down";
      say("It cannot start until nodes come back");
    } else {
      promised(outlook);
    }
  }

  // Free nodes may be kept for those before it.
  void promised(const sched::Outlook& outlook) {
    reply_.kind = outlook.before() == 0 ? "resources" : "priority";
    if (outlook.promises().empty()) return;
    const sched::Promise& first = outlook.promises().front();
    const JobRecord* other = cluster_.find_job(first.job);
    if (other == nullptr) return;
    say("What is free is kept for " + asker_.whose(*other) + ", which is promised " +
        count(first.placement.uses.size(), "node") + " " + until(first.at, now_) +
        ": only jobs that end before then may take them");
  }

  void rank(const sched::Outlook& outlook) {
    if (outlook.before() == 0) return say("It is the first in line");
    std::string text = count(outlook.before(), "job") + (outlook.before() == 1 ? " is" : " are") +
                       " before it in line";
    const JobRecord* first = outlook.first() ? cluster_.find_job(*outlook.first()) : nullptr;
    if (first != nullptr) text += ", the first of them " + asker_.whose(*first);
    say(std::move(text));
  }

  void expectation(sched::Outlook& outlook, const sched::Shape& shape) {
    if (reply_.kind == "limit" || reply_.kind == "array") return;
    const auto promised = cluster_.promises().find(job_.id);
    std::optional<sched::Promise> soonest = outlook.earliest(shape);
    if (!soonest) return;
    const bool is_promised = promised != cluster_.promises().end();
    const TimePoint at = is_promised ? promised->second : std::max(soonest->at, now_);
    reply_.expected_start = at;
    std::vector<std::string> names;
    for (const sched::NodeUse& use : soonest->placement.uses) {
      names.push_back(cluster_.machine()[use.node.value].name);
    }
    say((is_promised ? "It is promised a start " : "As things stand it starts no earlier than ") +
        until(at, now_) + (is_promised ? " at the latest, on " : ", on ") + list(names));
  }

  const Cluster& cluster_;
  const JobRecord& job_;
  const TimePoint now_;
  const Asker asker_;
  const JobEntry& entry_;
  WhyReply reply_;
};

}  // namespace

Result<WhyReply> answer_why(const Cluster& cluster, const WhyQuery& query, TimePoint now,
                            Others others) {
  if (const JobRecord* job = record_of(cluster, query)) return why(cluster, *job, now, others);
  std::string name = std::to_string(query.job.value);
  if (query.element) name += "_" + std::to_string(*query.element);
  return Error{ErrorCode::not_found, "job " + name + ": it does not wait, or there is none"};
}

const JobRecord* record_of(const Cluster& cluster, const WhyQuery& query) {
  const ArrayEntry* array = query.element ? cluster.find_array(query.job) : nullptr;
  if (array == nullptr) return query.element ? nullptr : cluster.find_job(query.job);
  for (const JobId id : array->records) {
    const JobRecord* job = cluster.find_job(id);
    if (!job->array->elements.common(IndexSet::of(*query.element)).empty()) return job;
  }
  return nullptr;
}

WhyReply why(const Cluster& cluster, const JobRecord& job, TimePoint now, Others others) {
  return Explainer(cluster, job, now, others).run();
}

}  // namespace gd::core

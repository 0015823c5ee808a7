// Reservations: what administrators ask of them, and what happens as their time comes and goes.
#include <algorithm>
#include <set>

#include "base/duration.h"
#include "base/hostlist.h"
#include "base/text.h"
#include "server/core/query.h"
#include "server/core/verbs.h"

namespace gd::core {

namespace {

constexpr size_t kMaxReservations = 10'000;
constexpr Seconds kMaxReservationLength{10LL * 365 * 24 * 3600};
constexpr size_t kMaxReservationName = 64;

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

std::vector<std::string> names_of(const std::string& text) {
  std::vector<std::string> names;
  for (const std::string_view part : split(text, ',')) {
    if (!trim(part).empty()) names.emplace_back(trim(part));
  }
  return names;
}

bool overlap(const ReservationRecord& a, const ReservationRecord& b) {
  return a.start < b.end && b.start < a.end;
}

// The last end of what runs there now, by its limit.
std::optional<TimePoint> busy_until(const Draft& draft, const std::string& node, JobId* holder) {
  const NodeEntry* entry = draft.cluster.find_node(node);
  std::optional<TimePoint> last;
  for (const JobId id : entry->jobs) {
    const JobRecord& job = draft.job(id);
    const TimePoint end = job.start_time + job.time_limit.value_or(sched::kForever);
    if (last && *last >= end) continue;
    last = end;
    *holder = id;
  }
  return last;
}

class Maker {
 public:
  Maker(Draft& draft, const ReservationRequest& request, ReservationRecord record)
      : draft_(draft), request_(request), record_(std::move(record)) {}

  Result<ReservationRecord> run() {
    TRY(times());
    whom();
    TRY(nodes());
    TRY(check());
    return std::move(record_);
  }

 private:
  Result<void> times() {
    const Seconds before = std::chrono::duration_cast<Seconds>(record_.end - record_.start);
    if (request_.start) record_.start = std::max(*request_.start, draft_.now);
    if (request_.end)
      record_.end = *request_.end;
    else if (request_.duration)
      record_.end = record_.start + *request_.duration;
    else if (request_.start && before > Seconds{0})
      record_.end = record_.start + before;
    if (record_.end == TimePoint{}) return invalid("say EndTime or Duration");
    if (record_.end <= record_.start || record_.end <= draft_.now) {
      return invalid("it would end before it begins, or has ended");
    }
    if (record_.end - record_.start > kMaxReservationLength) {
      return invalid("it would last for longer than 10 years");
    }
    return {};
  }

  void whom() {
    if (request_.users) record_.users = names_of(*request_.users);
    if (request_.accounts) record_.accounts = names_of(*request_.accounts);
    if (request_.comment) record_.comment = *request_.comment;
    if (request_.maintenance) record_.maintenance = *request_.maintenance;
    if (request_.ignore_jobs) record_.ignore_jobs = *request_.ignore_jobs;
    if (request_.repeat) record_.repeat = *request_.repeat;
  }

  // Nobody else has it in that time; maintenance may lie over others.
  const ReservationRecord* other_on(const std::string& node) const {
    for (const auto& [name, entry] : draft_.cluster.reservations()) {
      const ReservationRecord& other = entry.record;
      if (name == record_.name || other.maintenance || record_.maintenance) continue;
      const bool there = std::binary_search(other.nodes.begin(), other.nodes.end(), node);
      if (there && overlap(other, record_)) return &other;
    }
    return nullptr;
  }

  Result<void> nodes() {
    const bool asked = request_.nodes || request_.node_count;
    if (!asked && record_.nodes.empty()) return invalid("say Nodes or NodeCnt");
    if (request_.partition) record_.partition = *request_.partition;
    if (request_.node_count) return choose(*request_.node_count);
    if (!request_.nodes) return {};
    record_.nodes.clear();
    if (equal_no_case(*request_.nodes, "ALL")) {
      record_.nodes = TRY(of_partition());
    } else {
      record_.nodes = TRY(expand_hostlist(*request_.nodes));
    }
    std::sort(record_.nodes.begin(), record_.nodes.end());
    record_.nodes.erase(std::unique(record_.nodes.begin(), record_.nodes.end()),
                        record_.nodes.end());
    return {};
  }

  Result<std::vector<std::string>> of_partition() const {
    std::vector<std::string> names;
    if (record_.partition.empty()) {
      for (const auto& [name, node] : draft_.cluster.nodes()) names.push_back(name);
      return names;
    }
    const auto index = draft_.cluster.find_partition(record_.partition);
    if (!index) {
      return Error{ErrorCode::not_found,
                   "partition " + printable(record_.partition) + ": no such partition"};
    }
    for (const sched::NodeIndex node : draft_.cluster.partitions()[index->value].nodes) {
      names.push_back(draft_.cluster.machine()[node.value].name);
    }
    return names;
  }

  // The first that are up and free by then.
  Result<void> choose(uint32_t wanted) {
    std::vector<std::string> free;
    for (const std::string& name : TRY(of_partition())) {
      const NodeEntry* node = draft_.cluster.find_node(name);
      if (!draft_.cluster.machine()[node->index.value].open || other_on(name) != nullptr) continue;
      JobId holder;
      const auto until = busy_until(draft_, name, &holder);
      if (until && *until > record_.start && !record_.ignore_jobs) continue;
      free.push_back(name);
    }
    if (free.size() < wanted) {
      return Error{ErrorCode::conflict, std::to_string(wanted) + " nodes asked, " +
                                            std::to_string(free.size()) +
                                            " are up and free in that time"};
    }
    free.resize(wanted);
    std::sort(free.begin(), free.end());
    record_.nodes = std::move(free);
    return {};
  }

  Result<void> check() const {
    if (record_.nodes.empty()) return invalid("it would have no node");
    if (record_.users.empty() && record_.accounts.empty() && !record_.maintenance) {
      return invalid("say Users or Accounts, or Flags=MAINT if nobody is to run there");
    }
    for (const std::string& name : record_.nodes) {
      if (draft_.cluster.find_node(name) == nullptr) {
        return Error{ErrorCode::not_found, "node " + printable(name) + ": no such node"};
      }
      if (const ReservationRecord* other = other_on(name)) {
        return Error{ErrorCode::conflict,
                     "node " + name + " is in reservation " + other->name + " in that time"};
      }
      JobId holder;
      const auto until = busy_until(draft_, name, &holder);
      if (record_.ignore_jobs || !until || *until <= record_.start) continue;
      return Error{ErrorCode::conflict,
                   "node " + name + " is in use by job " + std::to_string(holder.value) +
                       " until after it begins; let it begin later, or say Flags=IGNORE_JOBS"};
    }
    return {};
  }

  Draft& draft_;
  const ReservationRequest& request_;
  ReservationRecord record_;
};

Result<std::string> new_name(const Draft& draft, const ReservationRequest& request,
                             const std::string& user) {
  const auto& all = draft.cluster.reservations();
  if (request.name.empty()) {
    for (size_t i = 1;; ++i) {
      const std::string name = user + "_" + std::to_string(i);
      if (!all.contains(name)) return name;
    }
  }
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  if (request.name.size() > kMaxReservationName ||
      request.name.find_first_not_of(kAllowed) != std::string::npos) {
    return invalid("reservation '" + printable(request.name) +
                   "': a name has 1 to 64 letters, digits, '-', '_' and '.'");
  }
  if (all.contains(request.name)) {
    return Error{ErrorCode::exists, "reservation " + request.name + ": it is there already"};
  }
  return request.name;
}

// Who waited for it waits for nothing any more, until the job is changed.
void remove(Draft& draft, const std::string& name) {
  draft.emit(ReservationRemoved{name});
  for (const auto& [id, entry] : draft.cluster.jobs()) {
    const JobRecord& job = entry.record;
    if (job.state != JobState::pending || job.spec->reservation != name) continue;
    if (job.hold != HoldKind::none || !belongs_in_queue(job)) continue;
    draft.emit(
        JobWaits{id, Reason::reservation_deleted, "reservation " + name + " is no longer there"});
  }
}

Result<Reply> remove_asked(Draft& draft, const ChangeReservation& command) {
  const ReservationEntry* entry = draft.cluster.find_reservation(command.request.name);
  for (const JobId id : draft.cluster.allocated_jobs()) {
    if (draft.job(id).spec->reservation != command.request.name) continue;
    return Error{ErrorCode::conflict, "reservation " + command.request.name + ": job " +
                                          std::to_string(id.value) + " runs in it"};
  }
  Reserved reply{entry->record};
  remove(draft, command.request.name);
  audit(draft, command.actor, "delete reservation " + command.request.name);
  return Reply{std::move(reply)};
}

}  // namespace

Result<Reply> reserve(Draft& draft, const ChangeReservation& command) {
  const ReservationRequest& request = command.request;
  if (!command.actor.administrator) {
    return Error{ErrorCode::denied, "user " + command.actor.user + " is not an administrator"};
  }
  const auto& all = draft.cluster.reservations();
  const bool create = request.action == ReservationAction::create;
  if (!create && !all.contains(request.name)) {
    return Error{ErrorCode::not_found,
                 "reservation " + printable(request.name) + ": no such reservation"};
  }
  if (request.action == ReservationAction::remove) return remove_asked(draft, command);
  ReservationRecord record;
  if (create) {
    if (all.size() >= kMaxReservations) {
      return Error{ErrorCode::exhausted, "there are 10000 reservations, which is the most"};
    }
    record.name = TRY(new_name(draft, request, command.actor.user));
    record.start = draft.now;
    record.made = draft.now;
    record.made_by = command.actor.uid;
  } else {
    record = all.at(request.name).record;
  }
  const std::string name = record.name;
  Result<ReservationRecord> made = Maker(draft, request, std::move(record)).run();
  if (!made.ok()) return std::move(made).error().in("reservation " + name);
  Reserved reply{*made};
  draft.emit(ReservationSet{std::move(made).take()});
  audit(draft, command.actor, (create ? "create reservation " : "update reservation ") + name);
  return Reply{std::move(reply)};
}

void watch_reservations(Draft& draft) {
  for (const auto& [name, entry] : draft.cluster.reservations()) {
    ReservationRecord record = entry.record;
    if (record.end > draft.now) {
      if (!entry.begun && record.start <= draft.now) draft.emit(ReservationBegan{name});
      continue;
    }
    if (record.repeat == ReservationRepeat::never) {
      remove(draft, name);
      continue;
    }
    const Seconds step{record.repeat == ReservationRepeat::daily ? 24 * 3600 : 7 * 24 * 3600};
    while (record.end <= draft.now) {
      record.start += step;
      record.end += step;
    }
    draft.emit(ReservationSet{std::move(record)});
  }
}

}  // namespace gd::core

// Between the hub and the store: what a start loads, and what a batch writes.
//
// meta: next_job, next_launch, next_session, next_signal as decimal text.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "proto/codec.h"
#include "server/controller/hub.h"
#include "server/core/query.h"
#include "server/store/tables.h"

namespace gd::controller {
namespace {

using store::Table;

// A text of the meta table as a number; what is not there keeps its default.
template <class T>
Result<void> load_counter(store::Snapshot& snapshot, std::string_view name, T& counter) {
  const std::optional<std::string_view> text = TRY(snapshot.find(Table::meta, name));
  if (!text) return {};
  Result<T> number = parse_number<T>(*text);
  if (!number.ok()) return std::move(number).error().in("store: counter " + std::string(name));
  counter = *number;
  return {};
}

Result<core::Counters> load_counters(store::Snapshot& snapshot) {
  core::Counters counters;
  TRY(load_counter(snapshot, "next_job", counters.job));
  TRY(load_counter(snapshot, "next_launch", counters.launch));
  TRY(load_counter(snapshot, "next_session", counters.session));
  TRY(load_counter(snapshot, "next_signal", counters.signal));
  return counters;
}

// Every record of a table to `use`; a record that does not decode stops the start
// with its key: guessing would lose a job.
template <class Record, class Use>
Result<void> load_records(store::Snapshot& snapshot, Table table, const Use& use) {
  Result<void> failed;
  TRY(snapshot.scan(table, "", [&](std::string_view key, std::string_view value) {
    Result<Record> record = decode_record<Record>(value);
    if (!record.ok()) {
      failed = std::move(record).error().in("store: table " + std::string(table_name(table)) +
                                            ", key " + to_hex(key));
      return store::Visit::stop;
    }
    use(key, std::move(record).take());
    return store::Visit::next;
  }));
  return failed;
}

Result<void> load_keys(store::Snapshot& snapshot, Hub& hub) {
  Result<void> failed;
  TRY(snapshot.scan(Table::keys, "", [&](std::string_view key, std::string_view value) {
    if (key.starts_with(auth::kJobKeyPrefix)) {
      Result<JobKeyRecord> record = decode_record<JobKeyRecord>(value);
      if (!record.ok())
        failed = std::move(record).error().in("store: the key of a job");
      else
        hub.job_keys.emplace(record->job, std::move(record).take());
    } else if (key.starts_with(auth::kJoinTokenPrefix)) {
      Result<JoinTokenRecord> token = decode_record<JoinTokenRecord>(value);
      if (!token.ok())
        failed = std::move(token).error().in("store: a join token");
      else
        hub.tokens.emplace(std::string(key), std::move(token).take());
    } else {
      Result<KeyRecord> record = decode_record<KeyRecord>(value);
      if (!record.ok())
        failed = std::move(record).error().in("store: key " + std::string(key));
      else
        hub.keys.put(std::move(record).take());
    }
    return failed.ok() ? store::Visit::next : store::Visit::stop;
  }));
  return failed;
}

Result<void> load_vouching(store::Snapshot& snapshot, Hub& hub) {
  const std::string_view prefix = kVouchPrefix;
  return snapshot.scan(Table::meta, prefix, [&](std::string_view key, std::string_view) {
    if (!key.starts_with(prefix)) return store::Visit::stop;
    hub.vouch_when_known.emplace(key.substr(prefix.size()));
    return store::Visit::next;
  });
}

void write_job(Hub& hub, JobId id, store::Batch& batch) {
  const JobRecord* job = hub.cluster.find_job(id);
  hub.blobs.job_stored(id, job);
  if (job == nullptr) {
    batch.push_back({Table::jobs, store::job_key(id), std::nullopt});
    return;
  }
  Bytes record = encode_record(*job);
  if (job->array) {
    batch.push_back({Table::arrays, store::array_key(job->array->array, id), Bytes{}});
  }
  if (ended(job->state)) {
    batch.push_back({Table::jobs, store::job_key(id), std::nullopt});
    batch.push_back({Table::finished, store::job_key(id), std::move(record)});
    batch.push_back({Table::finished_by_end, store::time_key(job->end_time, id.value), Bytes{}});
  } else {
    batch.push_back({Table::jobs, store::job_key(id), std::move(record)});
  }
}

// The jobs that have ended less than min_job_age ago: of age to be asked for, and known by
// their request ids.
Result<void> load_recent(store::Snapshot& snapshot, Hub& hub) {
  Result<void> failed;
  const TimePoint since = hub.now - hub.cluster.config().min_job_age;
  TRY(store::scan_finished(snapshot, since, std::nullopt, [&](std::string_view bytes) {
    Result<JobRecord> job = decode_record<JobRecord>(bytes);
    if (!job.ok()) {
      failed = std::move(job).error().in("store: a finished job");
      return store::Visit::stop;
    }
    hub.blobs.job_stored(job->id, &*job);
    hub.cluster.restore(std::move(job).take());
    return store::Visit::next;
  }));
  return failed;
}

// The records of arrays of which something is live: the first one, which answers for all, and
// those that were not yet counted as gone when the controller stopped. These are the ones that
// ended last, since what is live leaves in the order of its end.
Result<void> load_arrays(store::Snapshot& snapshot, Hub& hub) {
  std::set<JobId> arrays;
  for (const auto& [id, entry] : hub.cluster.jobs()) {
    if (entry.record.array) arrays.insert(entry.record.array->array);
  }
  for (const JobId array : arrays) {
    std::vector<JobRecord> gone;
    const Bytes prefix = store::job_key(array);
    Result<void> failed;
    TRY(snapshot.scan(Table::arrays, prefix, [&](std::string_view key, std::string_view) {
      const Result<JobId> id = store::parse_array_key(key);
      if (!key.starts_with(prefix) || !id.ok()) return store::Visit::stop;
      if (hub.cluster.find_job(*id) != nullptr) return store::Visit::next;
      const auto found = snapshot.find(Table::finished, store::job_key(*id));
      if (!found.ok()) failed = found.error();
      if (!found.ok() || !*found) return failed.ok() ? store::Visit::next : store::Visit::stop;
      Result<JobRecord> job = decode_record<JobRecord>(**found);
      if (job.ok())
        gone.push_back(std::move(job).take());
      else
        failed = std::move(job).error().in("store: a finished job");
      return failed.ok() ? store::Visit::next : store::Visit::stop;
    }));
    TRY(failed);
    for (JobRecord& job : core::not_counted(hub.cluster, array, std::move(gone))) {
      hub.blobs.job_stored(job.id, &job);
      hub.cluster.restore(std::move(job));
    }
  }
  return {};
}

// The sections that sacctmgr made, and the settings with them.
Result<core::AccountSections> load_accounts(store::Snapshot& snapshot, Settings& settings) {
  core::AccountSections sections;
  std::vector<AccountSection> list;
  TRY(load_records<AccountSection>(snapshot, Table::accounts, [&](auto, AccountSection&& section) {
    list.push_back(section);
    sections.emplace(core::SectionName{section.kind, section.name}, std::move(section));
  }));
  settings = TRY(with_accounts(settings, list));
  return sections;
}

void write_counters(const core::Counters& counters, store::Batch& batch) {
  batch.push_back({Table::meta, "next_job", std::to_string(counters.job)});
  batch.push_back({Table::meta, "next_launch", std::to_string(counters.launch)});
  batch.push_back({Table::meta, "next_session", std::to_string(counters.session)});
  batch.push_back({Table::meta, "next_signal", std::to_string(counters.signal)});
}

}  // namespace

Result<std::unique_ptr<Hub>> load_hub(Parts parts, TimePoint now) {
  const std::unique_ptr<store::Snapshot> snapshot = TRY(parts.store->snapshot());
  core::AccountSections accounts = TRY(load_accounts(*snapshot, parts.settings));
  auto config = cluster_config(parts.settings);
  auto hub = std::make_unique<Hub>(std::move(parts), std::move(config), now);
  hub->accounts = std::move(accounts);
  hub->administrators =
      TRY(auth::resolve_administrators(hub->settings().administrators, hub->parts.own_uid));
  hub->cluster.restore(TRY(load_counters(*snapshot)));
  TRY(load_records<NodeRecord>(*snapshot, Table::nodes, [&](auto, NodeRecord&& node) {
    hub->cluster.restore(std::move(node));
  }));
  TRY(load_records<UsageRecord>(*snapshot, Table::usage,
                                [&](auto, UsageRecord&& usage) { hub->cluster.restore(usage); }));
  TRY(load_records<ReservationRecord>(
      *snapshot, Table::reservations,
      [&](auto, ReservationRecord&& record) { hub->cluster.restore(std::move(record)); }));
  TRY(load_records<CrontabRecord>(
      *snapshot, Table::crontabs,
      [&](auto, CrontabRecord&& record) { hub->cluster.restore(std::move(record)); }));
  TRY(load_records<JobRecord>(*snapshot, Table::jobs, [&](auto, JobRecord&& job) {
    hub->blobs.job_stored(job.id, &job);
    hub->cluster.restore(std::move(job));
  }));
  TRY(load_recent(*snapshot, *hub));
  TRY(load_arrays(*snapshot, *hub));
  TRY(load_keys(*snapshot, *hub));
  TRY(load_vouching(*snapshot, *hub));
  TRY(hub->blobs.load_fading(*snapshot));
  TRY(hub->blobs.sweep(*snapshot, hub->turn.writes));
  hub->parts.directory->publish(hub->keys.snapshot());
  return hub;
}

store::Batch make_batch(Hub& hub) {
  store::Batch batch = std::move(hub.turn.writes);
  hub.turn.writes.clear();
  const core::Changes changes = hub.cluster.take_changes();
  for (const core::FinishedKey& key : changes.unfinished) {
    batch.push_back({Table::finished, store::job_key(key.job), std::nullopt});
    batch.push_back(
        {Table::finished_by_end, store::time_key(key.end, key.job.value), std::nullopt});
  }
  for (const JobId id : changes.jobs) write_job(hub, id, batch);
  for (const std::string& name : changes.nodes) {
    const core::NodeEntry* node = hub.cluster.find_node(name);
    batch.push_back({Table::nodes, name,
                     node == nullptr ? std::optional<Bytes>{} : encode_record(node->record)});
  }
  for (const sched::UsageName& name : changes.usage) {
    const std::string key =
        name.qos.empty() ? name.share.account + "/" + name.share.user : name.qos;
    batch.push_back({Table::usage, key, encode_record(hub.cluster.usage_of(name))});
  }
  for (const std::string& name : changes.reservations) {
    const core::ReservationEntry* entry = hub.cluster.find_reservation(name);
    batch.push_back({Table::reservations, name,
                     entry == nullptr ? std::optional<Bytes>{} : encode_record(entry->record)});
  }
  for (const Uid uid : changes.crontabs) {
    const CrontabRecord* crontab = hub.cluster.find_crontab(uid);
    batch.push_back({Table::crontabs, std::to_string(uid),
                     crontab == nullptr ? std::optional<Bytes>{} : encode_record(*crontab)});
  }
  if (changes.counters) write_counters(hub.cluster.counters(), batch);
  for (const core::AuditEntry& entry : changes.audit) {
    batch.push_back({Table::events, store::time_key(entry.at, ++hub.audit_serial),
                     std::to_string(entry.uid) + "\t" + entry.user + "\t" + entry.text});
  }
  // No longer than the job itself is remembered.
  const Seconds history = hub.settings().history_age;
  const Seconds replay =
      history > 0s ? std::min(history, hub.settings().replay_age) : hub.settings().replay_age;
  hub.blobs.settle(batch, replay > 0s ? std::optional(hub.now + replay) : std::nullopt);
  return batch;
}

}  // namespace gd::controller

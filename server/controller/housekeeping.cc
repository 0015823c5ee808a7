// History and audit lines past their age go, oldest first, a bounded number a run,
// in the batch of the turn.
#include "proto/codec.h"
#include "server/controller/controller.h"
#include "server/store/tables.h"

namespace gd::controller {
namespace {

using store::Table;
using store::Visit;

// Its entry among its array's records.
Result<void> forget_array(Hub& hub, store::Snapshot& snapshot, JobId id) {
  const auto found = TRY(snapshot.find(Table::finished, store::job_key(id)));
  if (!found) return {};
  const Result<JobRecord> job = decode_record<JobRecord>(*found);
  if (!job.ok() || !job->array) return {};
  hub.turn.writes.push_back({Table::arrays, store::array_key(job->array->array, id), std::nullopt});
  return {};
}

Result<void> forget(Hub& hub, store::Snapshot& snapshot, Table table, Seconds age) {
  if (age == 0s) return {};
  const std::string end = store::time_prefix(hub.now - age);
  size_t count = 0;
  Result<void> failed;
  TRY(snapshot.scan(table, "", [&](std::string_view key, std::string_view) {
    if (key >= std::string_view(end) || ++count > kMaxForgotten) return Visit::stop;
    const Result<store::TimeKey> parsed = store::parse_time_key(key);
    if (table == Table::finished_by_end && parsed.ok()) {
      failed = forget_array(hub, snapshot, JobId{parsed->number});
      if (!failed.ok()) return Visit::stop;
      hub.turn.writes.push_back(
          {Table::finished, store::job_key(JobId{parsed->number}), std::nullopt});
    }
    hub.turn.writes.push_back({table, Bytes(key), std::nullopt});
    return Visit::next;
  }));
  return failed;
}

}  // namespace

Result<void> forget_old(Hub& hub) {
  const std::unique_ptr<store::Snapshot> snapshot = TRY(hub.parts.store->snapshot());
  // Never what is still live: its record is there and nowhere else.
  const Seconds history = hub.settings().history_age;
  const Seconds kept = history == 0s ? 0s : std::max(history, hub.settings().min_job_age);
  TRY(forget(hub, *snapshot, Table::finished_by_end, kept));
  TRY(forget(hub, *snapshot, Table::events, hub.settings().audit_age));
  hub.blobs.expire(hub.turn.writes, hub.now);
  hub.change_keys(auth::sweep_keys(hub.keys, hub.now));
  return {};
}

}  // namespace gd::controller

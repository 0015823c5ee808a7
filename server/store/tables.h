// What stands in the tables, and how keys are spelt. Numbers in keys are big
// endian, so that the order of the bytes is the order of the numbers.
//
//   jobs             job (4)                    JobRecord, not ended
//   finished         job (4)                    JobRecord, ended; the last min_job_age are live
//   finished_by_end  end time ms (8) job (4)    nothing
//   blobs            digest (32)                script or environment as it came
//   nodes            name                       NodeRecord
//   keys             public key, Z85 (40)       KeyRecord
//                    "~join~" digest            JoinTokenRecord
//                    "~job~" job                JobKeyRecord, of jobs that hold nodes
//   meta             name                       counters as decimal text, "format", ...
//   events           time ms (8) serial (4)     audit line
//   arrays           array (4) job (4)          nothing; a record of an array, live or finished
//   usage            account "/" user, or QOS   UsageRecord
//   reservations     name                       ReservationRecord
//   accounts         kind "/" name               AccountSection, of those that sacctmgr made
//   crontabs         uid as decimal text        CrontabRecord
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "proto/ids.h"
#include "server/store/store.h"

namespace gd::store {

Bytes job_key(JobId job);
Bytes time_key(TimePoint time, uint32_t number);  // finished_by_end, events
Bytes time_prefix(TimePoint time);                // where a scan from this moment on begins

Bytes array_key(JobId array, JobId job);
Result<JobId> parse_array_key(std::string_view key);  // begins with job_key(array)

Result<JobId> parse_job_key(std::string_view key);
struct TimeKey {
  TimePoint time{};
  uint32_t number = 0;
};
Result<TimeKey> parse_time_key(std::string_view key);

// Records of jobs that ended in [since, until], the newest end first; either may be open.
Result<void> scan_finished(Snapshot& snapshot, std::optional<TimePoint> since,
                           std::optional<TimePoint> until,
                           const std::function<Visit(std::string_view record)>& visit);

}  // namespace gd::store

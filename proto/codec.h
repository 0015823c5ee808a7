// Messages and records <-> msgpack. Hostile input is expected in decode: sizes,
// depth and counts are limited, and every failure is an Error, never a throw.
#pragma once

#include <optional>
#include <span>

#include "base/fd.h"
#include "base/result.h"
#include "proto/messages.h"

namespace gd {

Bytes encode(const Message& message);
Result<Message> decode(std::string_view bytes);

// Records, as the store keeps them: the same fields without version and type.
// Defined for JobRecord, NodeRecord, KeyRecord, JobKeyRecord, JoinTokenRecord, StepStatus,
// StepLaunch, Ticket, UsageRecord, ReservationRecord, AccountSection.
template <class Record>
Bytes encode_record(const Record& record);
template <class Record>
Result<Record> decode_record(std::string_view bytes);

// A page of jobs from records as the store keeps them: what encode(JobQueryReply{...})
// gives, without taking the records apart and packing them again.
struct StoredJobView {
  std::string_view record;  // encode_record(JobRecord)
  std::optional<double> priority;
  std::optional<TimePoint> expected_start;
  std::optional<PriorityParts> terms;
  const std::vector<StepSample>* samples = nullptr;  // none, or not empty
};
Bytes encode_job_page(std::span<const StoredJobView> jobs, bool more);

// One message as text, for debugging and test failures: "cancel_request{filter={jobs=[3]}}".
std::string describe(const Message& message);

}  // namespace gd

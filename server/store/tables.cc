// Keys to bytes and back: fixed lengths, big endian.
#include "server/store/tables.h"

#include <string>

namespace gd::store {
namespace {

void put_big_endian(Bytes& out, uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<uint8_t>(value >> shift)));
  }
}

uint64_t get_big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

Error wrong_length(std::string_view what, size_t is, size_t should) {
  return {ErrorCode::internal, std::string(what) + " has " + std::to_string(is) +
                                   " bytes when it should have " + std::to_string(should)};
}

}  // namespace

Bytes job_key(JobId job) {
  Bytes key;
  put_big_endian(key, job.value, 4);
  return key;
}

// Times before 1970 do not occur; one would sort after all others, and that is all.
Bytes time_prefix(TimePoint time) {
  Bytes key;
  put_big_endian(key, static_cast<uint64_t>(time.time_since_epoch().count()), 8);
  return key;
}

Bytes time_key(TimePoint time, uint32_t number) {
  Bytes key = time_prefix(time);
  put_big_endian(key, number, 4);
  return key;
}

Bytes array_key(JobId array, JobId job) {
  Bytes key = job_key(array);
  put_big_endian(key, job.value, 4);
  return key;
}

Result<JobId> parse_array_key(std::string_view key) {
  if (key.size() != 8) return wrong_length("array key", key.size(), 8);
  return JobId{static_cast<uint32_t>(get_big_endian(key.substr(4)))};
}

Result<JobId> parse_job_key(std::string_view key) {
  if (key.size() != 4) return wrong_length("job key", key.size(), 4);
  return JobId{static_cast<uint32_t>(get_big_endian(key))};
}

Result<TimeKey> parse_time_key(std::string_view key) {
  if (key.size() != 12) return wrong_length("time key", key.size(), 12);
  const auto time = static_cast<int64_t>(get_big_endian(key.substr(0, 8)));
  return TimeKey{TimePoint{Milliseconds{time}},
                 static_cast<uint32_t>(get_big_endian(key.substr(8)))};
}

Result<void> scan_finished(Snapshot& snapshot, std::optional<TimePoint> since,
                           std::optional<TimePoint> until,
                           const std::function<Visit(std::string_view record)>& visit) {
  const Bytes before = until ? time_prefix(*until + 1ms) : Bytes{};
  Result<void> failed;
  TRY(snapshot.scan_back(Table::finished_by_end, before, [&](std::string_view key, auto) {
    const auto one = [&]() -> Result<Visit> {
      const TimeKey end = TRY(parse_time_key(key));
      if (since && end.time < *since) return Visit::stop;
      const auto record = TRY(snapshot.find(Table::finished, job_key(JobId{end.number})));
      return record ? visit(*record) : Visit::next;
    }();
    if (one.ok()) return *one;
    failed = one.error();
    return Visit::stop;
  }));
  return failed;
}

}  // namespace gd::store

// Records: a map of fields, as the store keeps them.
#include "proto/account_section.h"
#include "proto/codec.h"
#include "proto/codec_detail.h"
#include "proto/usage_record.h"

namespace gd {

template <class Record>
Bytes encode_record(const Record& record) {
  msgpack::sbuffer buffer(512);
  codec::Packer packer(buffer);
  codec::pack_fields(packer, record);
  return Bytes(buffer.data(), buffer.size());
}

template <class Record>
Result<Record> decode_record(std::string_view bytes) {
  Record record;
  const Result<void> done =
      codec::with_unpacked(bytes, [&](const msgpack::object& object) -> Result<void> {
        codec::unpack_fields(object, record);
        return {};
      });
  if (!done.ok()) return done.error();
  return record;
}

// By hand, but of the same parts: names and order are JobQueryReply's and JobView's
// visit(); a test compares it with encode().
Bytes encode_job_page(std::span<const StoredJobView> jobs, bool more) {
  size_t size = 64;
  for (const StoredJobView& job : jobs) size += job.record.size() + 32;
  msgpack::sbuffer buffer(size);
  codec::Packer packer(buffer);
  packer.pack_array(3);
  packer.pack(kProtocolVersion);
  packer.pack(static_cast<uint16_t>(JobQueryReply::kType));
  packer.pack_map((jobs.empty() ? 0 : 1) + (more ? 1 : 0));
  if (!jobs.empty()) {
    packer.pack("jobs");
    packer.pack_array(static_cast<uint32_t>(jobs.size()));
  }
  for (const StoredJobView& job : jobs) {
    packer.pack_map(1 + (job.priority ? 1 : 0) + (job.expected_start ? 1 : 0) +
                    (job.terms ? 1 : 0) + (job.samples != nullptr ? 1 : 0));
    packer.pack("job");
    buffer.write(job.record.data(), job.record.size());
    if (job.priority) {
      packer.pack("prio");
      packer.pack(*job.priority);
    }
    if (job.expected_start) {
      packer.pack("start");
      codec::pack(packer, *job.expected_start);
    }
    if (job.terms) {
      packer.pack("terms");
      codec::pack(packer, *job.terms);
    }
    if (job.samples != nullptr) {
      packer.pack("samples");
      codec::pack(packer, *job.samples);
    }
  }
  if (more) {
    packer.pack("more");
    packer.pack(true);
  }
  return Bytes(buffer.data(), buffer.size());
}

#define GD_RECORD(Type)                            \
  template Bytes encode_record<Type>(const Type&); \
  template Result<Type> decode_record<Type>(std::string_view)

GD_RECORD(JobRecord);
GD_RECORD(JobSpec);
GD_RECORD(NodeRecord);
GD_RECORD(KeyRecord);
GD_RECORD(JobKeyRecord);
GD_RECORD(JoinTokenRecord);
GD_RECORD(StepStatus);
GD_RECORD(StepLaunch);
GD_RECORD(Ticket);
GD_RECORD(UsageRecord);
GD_RECORD(ReservationRecord);
GD_RECORD(AccountSection);
GD_RECORD(CrontabRecord);

}  // namespace gd

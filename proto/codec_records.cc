// Records: a map of fields, as the store keeps them.
#include "proto/codec.h"

#include "proto/codec_detail.h"

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

#define GD_RECORD(Type)                             \
  template Bytes encode_record<Type>(const Type&); \
  template Result<Type> decode_record<Type>(std::string_view)

GD_RECORD(JobRecord);
GD_RECORD(JobSpec);
GD_RECORD(NodeRecord);
GD_RECORD(KeyRecord);
GD_RECORD(JoinTokenRecord);
GD_RECORD(StepStatus);
GD_RECORD(StepLaunch);
GD_RECORD(Ticket);

}  // namespace gd

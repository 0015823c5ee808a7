// Messages: [version, type, {field: value}].
#include "proto/codec.h"

#include "proto/codec_detail.h"

namespace gd {

namespace {

// Folds over the variant: the alternative whose kType is `type` is unpacked.
template <size_t index = 0>
Result<Message> unpack_as(uint16_t type, const msgpack::object& body) {
  if constexpr (index == std::variant_size_v<MessageVariant>) {
    return Error{ErrorCode::invalid, "unknown message type " + std::to_string(type)};
  } else {
    using Candidate = std::variant_alternative_t<index, MessageVariant>;
    if (type != static_cast<uint16_t>(Candidate::kType)) return unpack_as<index + 1>(type, body);
    Message message{std::in_place_index<index>};
    codec::unpack(body, std::get<index>(message));
    return message;
  }
}

Result<Message> unpack_message(const msgpack::object& object) {
  if (object.type != msgpack::type::ARRAY || object.via.array.size != 3) {
    return Error{ErrorCode::invalid, "malformed message: not [version, type, fields]"};
  }
  const auto version = object.via.array.ptr[0].as<uint16_t>();
  if (version != kProtocolVersion) {
    return Error{ErrorCode::unavailable, "protocol version " + std::to_string(version) +
                                             ", this is version " +
                                             std::to_string(kProtocolVersion)};
  }
  return unpack_as<>(object.via.array.ptr[1].as<uint16_t>(), object.via.array.ptr[2]);
}

}  // namespace

namespace codec {

const Object* find_field(const msgpack::object_map& map, std::string_view name, uint32_t& next) {
  for (uint32_t tried = 0; tried < map.size; ++tried) {
    const uint32_t at = (next + tried) % map.size;
    const Object& key = map.ptr[at].key;
    if (key.type != msgpack::type::STR) continue;
    if (std::string_view(key.via.str.ptr, key.via.str.size) != name) continue;
    next = at + 1;
    return &map.ptr[at].val;
  }
  return nullptr;
}

}  // namespace codec

Bytes encode(const Message& message) {
  msgpack::sbuffer buffer(512);
  codec::Packer packer(buffer);
  std::visit(
      [&](const auto& body) {
        packer.pack_array(3);
        packer.pack(kProtocolVersion);
        packer.pack(static_cast<uint16_t>(body.kType));
        codec::pack_fields(packer, body);
      },
      message);
  return Bytes(buffer.data(), buffer.size());
}

Result<Message> decode(std::string_view bytes) {
  Message message;
  const Result<void> done =
      codec::with_unpacked(bytes, [&](const msgpack::object& object) -> Result<void> {
        message = TRY(unpack_message(object));
        return {};
      });
  if (!done.ok()) return done.error();
  return message;
}

MessageType type_of(const Message& message) {
  return std::visit([](const auto& body) { return body.kType; }, message);
}

}  // namespace gd

// How a struct with a visit() becomes a msgpack map and comes back. Included by
// the codec's two files only: it and they are the home of msgpack.
//
// Packing leaves out what equals a default-constructed struct; the member of the
// default that belongs to a field is found by the field's offset, so that one
// list of fields does for comparing, packing and unpacking.
#pragma once

#define MSGPACK_NO_BOOST
#include <array>
#include <limits>
#include <memory>
#include <msgpack.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/digest.h"
#include "proto/messages.h"
#include "proto/ticket.h"

namespace gd::codec {

inline constexpr size_t kMaxFields = 64;  // of one struct; checked when it is first used

using Packer = msgpack::packer<msgpack::sbuffer>;
using Object = msgpack::object;

template <class T>
concept HasFields = requires(T& value) {
  T::visit(value, [](const char*, auto&) {});
};

template <class T>
struct IsId : std::false_type {};
template <class Tag, class Value>
struct IsId<Id<Tag, Value>> : std::true_type {};

// The highest value of each enum on the wire; a higher one is malformed.
constexpr uint64_t last_of(CpuBind) {
  return static_cast<uint64_t>(CpuBind::sockets);
}
constexpr uint64_t last_of(StepSharing) {
  return static_cast<uint64_t>(StepSharing::overlap);
}
constexpr uint64_t last_of(ErrorCode) {
  return uint64_t(ErrorCode::unauthenticated);
}
constexpr uint64_t last_of(JobState) {
  return uint64_t(JobState::boot_fail);
}
constexpr uint64_t last_of(Reason) {
  return uint64_t(Reason::qos_max_gres_minutes_per_job);
}
constexpr uint64_t last_of(NodeState) {
  return uint64_t(NodeState::down);
}
constexpr uint64_t last_of(JobKind) {
  return uint64_t(JobKind::allocation);
}
constexpr uint64_t last_of(OpenMode) {
  return uint64_t(OpenMode::append);
}
constexpr uint64_t last_of(StepState) {
  return uint64_t(StepState::ended);
}
constexpr uint64_t last_of(HoldKind) {
  return uint64_t(HoldKind::administrator);
}
constexpr uint64_t last_of(DependencyKind) {
  return uint64_t(DependencyKind::singleton);
}
constexpr uint64_t last_of(DependencyState) {
  return uint64_t(DependencyState::failed);
}
constexpr uint64_t last_of(KeyKind) {
  return uint64_t(KeyKind::job);
}
constexpr uint64_t last_of(JobAction) {
  return uint64_t(JobAction::finish);
}
constexpr uint64_t last_of(WaitUntil) {
  return uint64_t(WaitUntil::ended);
}
constexpr uint64_t last_of(NodeReserved) {
  return uint64_t(NodeReserved::maintenance);
}
constexpr uint64_t last_of(NodeAction) {
  return uint64_t(NodeAction::no_vouch);
}
constexpr uint64_t last_of(PromptKind) {
  return uint64_t(PromptKind::error);
}
constexpr uint64_t last_of(StepPhase) {
  return uint64_t(StepPhase::ended);
}
constexpr uint64_t last_of(EndCause) {
  return uint64_t(EndCause::idle);
}
constexpr uint64_t last_of(ReservationAction) {
  return uint64_t(ReservationAction::remove);
}
constexpr uint64_t last_of(SectionAction) {
  return uint64_t(SectionAction::remove);
}
constexpr uint64_t last_of(EntryAction) {
  return uint64_t(EntryAction::merge);
}
constexpr uint64_t last_of(PreemptMode) {
  return static_cast<uint64_t>(PreemptMode::requeue);
}
constexpr uint64_t last_of(ReservationRepeat) {
  return uint64_t(ReservationRepeat::weekly);
}
constexpr uint64_t last_of(StreamId) {
  return uint64_t(StreamId::error);
}

// ---- packing

template <class T>
void pack(Packer& packer, const T& value);

template <class T>
bool same(const T& a, const T& b) {
  return a == b;
}
inline bool same(const std::shared_ptr<const JobSpec>& a, const std::shared_ptr<const JobSpec>& b) {
  return a == b || (a && b && *a == *b);
}

template <class T>
const T& default_value() {
  static const T defaults{};
  return defaults;
}

template <class T, class M>
const M& default_of(const T& self, const M& member) {
  const auto offset = reinterpret_cast<const char*>(&member) - reinterpret_cast<const char*>(&self);
  return *reinterpret_cast<const M*>(reinterpret_cast<const char*>(&default_value<T>()) + offset);
}

// Which fields differ from their default is found once: the count stands in front.
template <HasFields T>
void pack_fields(Packer& packer, const T& value) {
  uint64_t given = 0;
  uint32_t count = 0;
  uint32_t index = 0;
  T::visit(value, [&](const char*, const auto& member) {
    if (!same(member, default_of(value, member))) {
      given |= uint64_t{1} << index;
      ++count;
    }
    ++index;
  });
  packer.pack_map(count);
  T::visit(value, [&](const char* name, const auto& member) {
    const bool is_given = (given & 1) != 0;
    given >>= 1;
    if (!is_given) return;
    packer.pack(name);
    pack(packer, member);
  });
}

template <class T>
void pack_one(Packer& packer, const std::optional<T>& value) {
  if (value)
    pack(packer, *value);
  else
    packer.pack_nil();
}
template <class T>
void pack_one(Packer& packer, const std::vector<T>& values) {
  packer.pack_array(static_cast<uint32_t>(values.size()));
  for (const T& value : values) pack(packer, value);
}
inline void pack_one(Packer& packer, const std::shared_ptr<const JobSpec>& spec) {
  if (spec)
    pack_fields(packer, *spec);
  else
    packer.pack_nil();
}
inline void pack_one(Packer& packer, const Digest& digest) {
  packer.pack(std::string(digest.bytes()));
}
inline void pack_one(Packer& packer, const TimePoint& time) {
  packer.pack(int64_t{time.time_since_epoch().count()});
}
inline void pack_one(Packer& packer, const Seconds& time) {
  packer.pack(int64_t{time.count()});
}

template <class T>
void pack(Packer& packer, const T& value) {
  if constexpr (HasFields<T>) {
    pack_fields(packer, value);
  } else if constexpr (IsId<T>::value) {
    packer.pack(value.value);
  } else if constexpr (std::is_enum_v<T>) {
    packer.pack(static_cast<uint64_t>(value));
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    packer.pack(value);
  } else {
    pack_one(packer, value);
  }
}

// ---- unpacking; a value of the wrong kind throws msgpack::type_error, caught in codec.cc

template <class T>
void unpack(const Object& object, T& value);

// The names of a struct's fields, in the order of visit().
template <HasFields T>
const std::vector<std::string_view>& field_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    const T defaults{};
    T::visit(defaults, [&](const char* name, const auto&) { all.emplace_back(name); });
    GD_CHECK(all.size() <= kMaxFields, all.size());
    return all;
  }();
  return names;
}

// Each entry of the map finds its field going on from the last hit: our own encoder
// keeps the order of visit(), so this is one walk over the names; for others it is
// never wrong, only slower. Of doubles the first counts.
template <HasFields T>
void unpack_fields(const Object& object, T& value) {
  if (object.type != msgpack::type::MAP) throw msgpack::type_error();
  const std::vector<std::string_view>& names = field_names<T>();
  std::array<const Object*, kMaxFields> found{};
  size_t at = 0;
  for (uint32_t i = 0; i < object.via.map.size && !names.empty(); ++i) {
    const Object& key = object.via.map.ptr[i].key;
    if (key.type != msgpack::type::STR) continue;
    const std::string_view wanted(key.via.str.ptr, key.via.str.size);
    for (size_t tried = 0; tried < names.size(); ++tried) {
      const size_t candidate = at;
      at = at + 1 == names.size() ? 0 : at + 1;
      if (names[candidate] != wanted) continue;
      if (found[candidate] == nullptr) found[candidate] = &object.via.map.ptr[i].val;
      break;
    }
  }
  size_t index = 0;
  T::visit(value, [&](const char*, auto& member) {
    if (const Object* given = found[index++]; given != nullptr) unpack(*given, member);
  });
}

template <class T>
void unpack_one(const Object& object, std::optional<T>& value) {
  if (object.type == msgpack::type::NIL) {
    value.reset();
    return;
  }
  unpack(object, value.emplace());
}
template <class T>
void unpack_one(const Object& object, std::vector<T>& values) {
  if (object.type != msgpack::type::ARRAY) throw msgpack::type_error();
  values.clear();
  values.reserve(object.via.array.size);
  for (uint32_t i = 0; i < object.via.array.size; ++i) {
    unpack(object.via.array.ptr[i], values.emplace_back());
  }
}
inline void unpack_one(const Object& object, std::shared_ptr<const JobSpec>& spec) {
  if (object.type == msgpack::type::NIL) {
    spec.reset();
    return;
  }
  auto fresh = std::make_shared<JobSpec>();
  unpack_fields(object, *fresh);
  spec = std::move(fresh);
}
inline void unpack_one(const Object& object, Digest& digest) {
  if (object.type != msgpack::type::STR || object.via.str.size != digest.octets.size()) {
    throw msgpack::type_error();
  }
  std::copy_n(object.via.str.ptr, digest.octets.size(), digest.octets.begin());
}
inline void unpack_one(const Object& object, TimePoint& time) {
  time = TimePoint{Milliseconds{object.as<int64_t>()}};
}
inline void unpack_one(const Object& object, Seconds& time) {
  time = Seconds{object.as<int64_t>()};
}

template <class T>
void unpack(const Object& object, T& value) {
  if constexpr (HasFields<T>) {
    unpack_fields(object, value);
  } else if constexpr (IsId<T>::value) {
    value.value = object.as<typename T::value_type>();
  } else if constexpr (std::is_enum_v<T>) {
    const auto number = object.as<uint64_t>();
    if (number > last_of(T{})) throw msgpack::type_error();
    value = static_cast<T>(number);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (object.type != msgpack::type::STR) throw msgpack::type_error();
    value.assign(object.via.str.ptr, object.via.str.size);
  } else if constexpr (std::is_arithmetic_v<T>) {
    value = object.as<T>();
  } else {
    unpack_one(object, value);
  }
}

// ---- both ends, with msgpack's exceptions turned into errors

inline bool refer_to_buffer(msgpack::type::object_type, std::size_t, void*) {
  return true;
}

inline msgpack::unpack_limit limits() {
  return {kMaxListEntries, 256, kMaxMessageBytes, 0, 0, 16};
}

// `use` gets the root object; what it throws of msgpack's comes back as an Error.
template <class Use>
Result<void> with_unpacked(std::string_view bytes, Use use) try {
  if (bytes.size() > kMaxMessageBytes) {
    return Error{ErrorCode::invalid, "message of " + std::to_string(bytes.size()) +
                                         " bytes, at most " + std::to_string(kMaxMessageBytes)};
  }
  std::size_t offset = 0;
  const msgpack::object_handle handle =
      msgpack::unpack(bytes.data(), bytes.size(), offset, refer_to_buffer, nullptr, limits());
  if (offset != bytes.size())
    return Error{ErrorCode::invalid, "malformed message: octets after its end"};
  return use(handle.get());
} catch (const msgpack::unpack_error& e) {
  return Error{ErrorCode::invalid, std::string("malformed message: ") + e.what()};
} catch (const msgpack::type_error&) {
  return Error{ErrorCode::invalid, "malformed message: a field of the wrong kind"};
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::exhausted, "malformed message: no memory for it"};
}

}  // namespace gd::codec

// FNV-1a over the fields.
#include "server/core/spec_hash.h"

#include <concepts>
#include <string_view>
#include <type_traits>

namespace gd::core {

namespace {

struct Hasher {
  uint64_t state = 0xcbf29ce484222325;

  void octet(uint8_t value) { state = (state ^ value) * 0x100000001b3; }

  void number(uint64_t value) {
    for (int i = 0; i < 8; ++i) octet(static_cast<uint8_t>(value >> (8 * i)));
  }

  template <class T>
  void add(const T& value) {
    if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      number(static_cast<uint64_t>(value));
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      const std::string_view text = value;
      number(text.size());
      for (const char c : text) octet(static_cast<uint8_t>(c));
    } else if constexpr (requires { value.has_value(); }) {
      octet(value.has_value() ? 1 : 0);
      if (value.has_value()) add(*value);
    } else if constexpr (requires { value.time_since_epoch(); }) {
      number(static_cast<uint64_t>(value.time_since_epoch().count()));
    } else if constexpr (requires { value.count(); }) {
      number(static_cast<uint64_t>(value.count()));
    } else if constexpr (requires { value.begin(); }) {
      number(value.size());
      for (const auto& one : value) add(one);
    } else {
      T::visit(value, [this](const char*, const auto& member) { this->add(member); });
    }
  }
};

}  // namespace

uint64_t hash_of(const JobSpec& spec) {
  Hasher hasher;
  hasher.add(spec);
  return hasher.state;
}

}  // namespace gd::core

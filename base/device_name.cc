#include "base/device_name.h"

#include <algorithm>

#include "base/text.h"

namespace gd {
namespace {

bool is_word(std::string_view text, std::string_view more) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [more](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

}  // namespace

bool is_device_kind(std::string_view text) {
  const size_t slash = text.find('/');
  return slash != std::string_view::npos && is_word(text.substr(0, slash), ".-_") &&
         is_word(text.substr(slash + 1), "-_");
}

Result<DeviceName> parse_device_name(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || !is_device_kind(text.substr(0, equals)) ||
      !is_word(text.substr(equals + 1), ".-_:")) {
    return Error{ErrorCode::invalid,
                 "device '" + printable(text, 200) + "' is not VENDOR/CLASS=NAME"};
  }
  return DeviceName{.kind = std::string(text.substr(0, equals)),
                    .device = std::string(text.substr(equals + 1))};
}

}  // namespace gd

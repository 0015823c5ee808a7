#include "proto/container_name.h"

#include <algorithm>

#include "base/text.h"

namespace gd {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

Result<void> check_container_name(std::string_view name) {
  const auto fits = [](char c) { return is_word(c) || c == '.' || c == '_' || c == '-'; };
  if (name.size() > kMaxContainerNameBytes) {
    return Error{ErrorCode::invalid, "container name of " + std::to_string(name.size()) +
                                         " bytes, at most " +
                                         std::to_string(kMaxContainerNameBytes) + " are allowed"};
  }
  if (!name.empty() && is_word(name[0]) && std::ranges::all_of(name, fits)) return {};
  return Error{ErrorCode::invalid,
               "container name '" + printable(name) + "': expected letters, digits, '.', '_', '-'"};
}

Result<ContainerName> parse_container_name(std::string_view text) {
  const size_t colon = text.find(':');
  ContainerName out{.name = std::string(text.substr(0, colon))};
  TRY(check_container_name(out.name));
  const std::string_view how = colon == std::string_view::npos ? "auto" : text.substr(colon + 1);
  if (how == "exec") {
    return Error{ErrorCode::invalid,
                 "container '" + out.name +
                     "': exec: steps are in their job's container as it is, and 'gdsh JOB' enters "
                     "that of another job"};
  }
  if (how != "auto" && how != "create" && how != "no_exec") {
    return Error{ErrorCode::invalid, "container '" + out.name + "': expected auto, create or " +
                                         "no_exec, not '" + printable(how) + "'"};
  }
  out.only_new = how == "create";
  return out;
}

}  // namespace gd

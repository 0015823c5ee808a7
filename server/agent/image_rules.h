// What the administrator of a node says about images from registries. Pure.
//
// Patterns are those of is_among() (base/image_name.h), "docker.io/library/*"; a name is refused if
// one of `deny` matches, or if there are patterns in `allow` and none of them does.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/image_name.h"
#include "base/result.h"

namespace gd::agent {

struct ImageRules {
  std::string folder;  // of the store (server/image/store.h)
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  std::vector<std::string> plain_http;  // registries that are asked without TLS
  std::vector<std::string> mirrors;     // "docker.io=mirror.lab:5000"
  Seconds timeout{1800};                // of one fetch
  bool operator==(const ImageRules&) const = default;
};

Result<void> check_allowed(const ImageName& name, const ImageRules& rules);
// The host that is asked instead; empty: the name's own.
std::string mirror_of(const ImageName& name, const ImageRules& rules);
// Of the host that is asked.
bool is_plain_http(const ImageName& name, const ImageRules& rules);

}  // namespace gd::agent

#include "server/agent/image_rules.h"

#include <algorithm>

#include "base/text.h"

namespace gd::agent {
Result<void> check_allowed(const ImageName& name, const ImageRules& rules) {
  const std::string text = render(name);
  if (is_among(rules.deny, name, "")) {
    return Error{ErrorCode::denied, "image " + text + " is among this node's image_deny"};
  }
  if (rules.allow.empty() || is_among(rules.allow, name, "")) return {};
  return Error{ErrorCode::denied, "image " + text + " is not among this node's image_allow (" +
                                      join(rules.allow, ", ") + ")"};
}

std::string mirror_of(const ImageName& name, const ImageRules& rules) {
  for (const std::string& mirror : rules.mirrors) {
    const size_t equals = mirror.find('=');
    if (equals != std::string::npos && mirror.substr(0, equals) == name.registry) {
      return mirror.substr(equals + 1);
    }
  }
  return {};
}

bool is_plain_http(const ImageName& name, const ImageRules& rules) {
  const std::string mirror = mirror_of(name, rules);
  return std::ranges::find(rules.plain_http, mirror.empty() ? name.registry : mirror) !=
         rules.plain_http.end();
}

}  // namespace gd::agent

// Resource limits: the table of names, and the clamp.
#include "server/container/rlimits.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace gd::container {
namespace {

struct Name {
  int resource;
  std::string_view name;
};
constexpr std::array<Name, 16> kNames = {{
    {RLIMIT_AS, "as"},
    {RLIMIT_CORE, "core"},
    {RLIMIT_CPU, "cpu"},
    {RLIMIT_DATA, "data"},
    {RLIMIT_FSIZE, "fsize"},
    {RLIMIT_LOCKS, "locks"},
    {RLIMIT_MEMLOCK, "memlock"},
    {RLIMIT_MSGQUEUE, "msgqueue"},
    {RLIMIT_NICE, "nice"},
    {RLIMIT_NOFILE, "nofile"},
    {RLIMIT_NPROC, "nproc"},
    {RLIMIT_RSS, "rss"},
    {RLIMIT_RTPRIO, "rtprio"},
    {RLIMIT_RTTIME, "rttime"},
    {RLIMIT_SIGPENDING, "sigpending"},
    {RLIMIT_STACK, "stack"},
}};

std::string text_of(uint64_t value) {
  return value == kUnlimited ? "unlimited" : std::to_string(value);
}

}  // namespace

std::optional<int> rlimit_of(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string_view key = lower;
  if (key.starts_with("rlimit_")) key.remove_prefix(7);
  for (const Name& entry : kNames) {
    if (entry.name == key) return entry.resource;
  }
  return std::nullopt;
}

std::string_view rlimit_name(int resource) {
  for (const Name& entry : kNames) {
    if (entry.resource == resource) return entry.name;
  }
  return {};
}

ClampedLimits clamp(const std::vector<ResourceLimit>& asked, uint64_t (*own_hard)(int resource)) {
  ClampedLimits result;
  for (ResourceLimit limit : asked) {
    const uint64_t most = own_hard(limit.resource);
    if (limit.hard > most || limit.soft > most) {
      result.warnings.push_back("rlimit " + std::string(rlimit_name(limit.resource)) + ": " +
                                text_of(std::max(limit.hard, limit.soft)) + " asked, " +
                                text_of(most) + " is the most here");
      limit.hard = std::min(limit.hard, most);
      limit.soft = std::min(limit.soft, most);
    }
    result.limits.push_back(limit);
  }
  return result;
}

uint64_t own_hard_limit(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return 0;
  return limit.rlim_max == RLIM_INFINITY ? kUnlimited : limit.rlim_max;
}

}  // namespace gd::container

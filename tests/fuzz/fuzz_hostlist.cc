// Host lists from anywhere: bounded, and what is accepted survives a round trip.
#include <cstdint>

#include "base/check.h"
#include "base/hostlist.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<std::vector<std::string>> hosts = gd::expand_hostlist(text);
  if (!hosts.ok()) {
    GD_CHECK(!hosts.error().text.empty() && hosts.error().text.find('\n') == std::string::npos);
    return 0;
  }
  GD_CHECK(hosts->size() <= gd::kMaxHosts, hosts->size());
  const std::string folded = gd::fold_hostlist(*hosts);
  const gd::Result<std::vector<std::string>> again = gd::expand_hostlist(folded);
  GD_CHECK(again.ok() && *again == *hosts, folded);
  std::vector<std::string> sorted = *hosts;
  gd::sort_hosts(sorted);
  return 0;
}

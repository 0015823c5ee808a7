// Capabilities: all are given up but a keep set, which is empty unless a plan says so.
//
// The kept ones are of the container's user namespace: they mean nothing on the node.
// With an empty set the securebits are locked too, so that no exec gives any back.
// This is the one file that includes libcap's header.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace gd::container {

struct CapabilitySet {
  uint64_t bits = 0;  // 1 << CAP_*
  bool operator==(const CapabilitySet&) const = default;
};

Result<CapabilitySet> parse_capabilities(const std::vector<std::string>& names);
std::string render(CapabilitySet set);  // "cap_chown,cap_setuid", or "none"
int last_capability();                  // of this kernel

// In the child; allocates nothing. 0, or an errno.
int give_up_capabilities(CapabilitySet keep, int last);

}  // namespace gd::container

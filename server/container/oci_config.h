// A bundle's config.json (OCI runtime specification 1.0), from a plan and its tree of mounts.
// Pure.
//
// The description is short because most is done before the runtime starts: the tree stands, the
// groups are entered. It names the namespaces, the id maps, who the process is, what it may
// (nothing but the kept capabilities), the kernel's file systems, and what of them is hidden.
#pragma once

#include <string>

#include "server/container/idmap.h"
#include "server/container/mounts.h"

namespace gd::container {

inline constexpr const char* kInitPath = "/run/gd/init";  // of gdinit, inside

// `root`: where the tree stands in the runtime's mount namespace.
std::string oci_config(const LaunchPlan& plan, const MountTree& tree, const IdMaps& maps,
                       const std::string& root);

}  // namespace gd::container

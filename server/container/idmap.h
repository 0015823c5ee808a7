// Which ids of the container are which ids of the node, and user namespaces that say so.
//
// As user: she and her groups are themselves, every other id below 65536 is the id at
// the same offset of the subordinate range. Root inside: 0 is she, her own number and
// everything else subordinate. The kernel takes at most 340 extents a map; groups that no
// longer fit stay held by the process but have no name inside: they are listed.
//
// Cost of a user namespace: a throw-away child, about 0.3 ms; it may be used for many
// containers of one identity.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "server/container/launch_plan.h"

namespace gd::container {

inline constexpr size_t kMaxExtents = 340;

struct Extent {
  uint32_t inside = 0;
  uint32_t outside = 0;
  uint32_t count = 0;
  bool operator==(const Extent&) const = default;
};

struct IdMaps {
  std::vector<Extent> uids;
  std::vector<Extent> gids;
  std::vector<gid_t> unmapped_groups;
  bool operator==(const IdMaps&) const = default;
};

Result<IdMaps> compute_maps(const Identity& identity, const SubordinateRange& range, RootMode mode);

// The kernel's text of a map: "inside outside count\n" a line.
std::string render(const std::vector<Extent>& extents);

// For the mount of an image whose id N is shift + N on disk: the same ids outside.
IdMaps shifted(IdMaps maps, uint32_t shift);

// What an id inside is outside; nothing when it is not mapped.
std::optional<uint32_t> to_outside(const std::vector<Extent>& extents, uint32_t inside);

// REQUIRES: root of the initial user namespace, one thread.
Result<UniqueFd> make_user_namespace(const IdMaps& maps);

}  // namespace gd::container

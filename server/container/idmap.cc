// Extents of the id maps, and the throw-away child that carries a new user namespace.
#include "server/container/idmap.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>

#include "server/container/syscalls.h"

namespace gd::container {
namespace {

// Ids 0..65535 inside, in order, each either itself (or the user, for 0) or subordinate.
constexpr uint32_t kIdsInside = 65536;

// `fixed`: inside -> outside, the ids that are not subordinate. Runs between them are the
// range's, at the same offset, so that the map does not depend on the holes.
std::vector<Extent> extents_of(const std::map<uint32_t, uint32_t>& fixed,
                               const SubordinateRange& range) {
  std::vector<Extent> result;
  const auto add = [&result](const Extent& next) {
    if (next.count == 0) return;
    if (!result.empty()) {
      Extent& last = result.back();
      if (last.inside + last.count == next.inside && last.outside + last.count == next.outside) {
        last.count += next.count;
        return;
      }
    }
    result.push_back(next);
  };
  uint32_t at = 0;
  for (const auto& [inside, outside] : fixed) {
    const uint32_t until = std::min(inside, kIdsInside);
    if (at < until) add({at, range.start + at, until - at});
    add({inside, outside, 1});
    at = std::min(inside, kIdsInside - 1) + 1;
  }
  if (at < kIdsInside) add({at, range.start + at, kIdsInside - at});
  return result;
}

Result<void> write_maps(pid_t child, const IdMaps& maps) {
  const std::string folder = "/proc/" + std::to_string(child) + "/";
  TRY(write_file(folder + "uid_map", render(maps.uids)));
  TRY(write_file(folder + "gid_map", render(maps.gids)));
  return {};
}

}  // namespace

Result<IdMaps> compute_maps(const Identity& identity, const SubordinateRange& range,
                            RootMode mode) {
  IdMaps maps;
  std::map<uint32_t, uint32_t> uids;
  std::map<uint32_t, uint32_t> gids;
  if (mode == RootMode::root_inside) {
    uids[0] = identity.uid;
    gids[0] = identity.gid;
  } else {
    uids[identity.uid] = identity.uid;
    gids[identity.gid] = identity.gid;
  }
  maps.uids = extents_of(uids, range);
  maps.gids = extents_of(gids, range);
  for (const Group& group : identity.groups) {
    if (group.gid == identity.gid || gids.contains(group.gid)) continue;
    gids[group.gid] = group.gid;
    std::vector<Extent> more = extents_of(gids, range);
    if (more.size() > kMaxExtents) {
      gids.erase(group.gid);
      maps.unmapped_groups.push_back(group.gid);
      continue;
    }
    maps.gids = std::move(more);
  }
  return maps;
}

std::string render(const std::vector<Extent>& extents) {
  std::string text;
  for (const Extent& extent : extents) {
    text += std::to_string(extent.inside) + " " + std::to_string(extent.outside) + " " +
            std::to_string(extent.count) + "\n";
  }
  return text;
}

IdMaps shifted(IdMaps maps, uint32_t shift) {
  for (std::vector<Extent>* extents : {&maps.uids, &maps.gids}) {
    std::erase_if(*extents,
                  [](const Extent& extent) { return extent.inside >= kMinSubordinateIds; });
    for (Extent& extent : *extents) {
      extent.count = std::min(extent.count, kMinSubordinateIds - extent.inside);
      extent.inside += shift;
    }
  }
  return maps;
}

std::optional<uint32_t> to_outside(const std::vector<Extent>& extents, uint32_t inside) {
  for (const Extent& extent : extents) {
    if (inside >= extent.inside && inside - extent.inside < extent.count) {
      return extent.outside + (inside - extent.inside);
    }
  }
  return std::nullopt;
}

Result<UniqueFd> make_user_namespace(const IdMaps& maps) {
  clone_args args{};
  args.flags = CLONE_NEWUSER;  // no exit signal: the caller's SIGCHLD is not disturbed
  Pipe gate = TRY(make_pipe());
  const pid_t child = sys_clone3(&args);
  if (child < 0) return os_error("clone3 for a user namespace");
  if (child == 0) {
    ::close(gate.write.get());
    char byte = 0;
    while (::read(gate.read.get(), &byte, 1) < 0 && errno == EINTR) {
    }
    ::_exit(0);
  }
  Result<void> mapped = write_maps(child, maps);
  Result<UniqueFd> ns = open_file("/proc/" + std::to_string(child) + "/ns/user", O_RDONLY);
  gate.write.reset();  // the child leaves by itself
  int status = 0;
  while (::waitpid(child, &status, __WALL) < 0 && errno == EINTR) {
  }
  if (!mapped.ok()) return std::move(mapped).error().in("user namespace");
  return ns;
}

}  // namespace gd::container

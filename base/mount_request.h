// Mounts as a job asks for them: the grammar of --container-mounts and --volume. Pure.
//
//   SRC:DST[:FLAGS]      a file or folder of the node; SRC alone stands for SRC:SRC
//   tmpfs:DST[:FLAGS]    an empty folder in memory
//   umount:DST           without what would be mounted at DST and below
//   volume:NAME[:FLAGS]  one that the administrator has named
//
// FLAGS are joined by '+': ro, rw, exec, noexec; bind and rbind (without and with what is mounted
// below SRC; rbind is the default); size=SIZE of a tmpfs. What holds for every mount may be said
// too: nosuid, nodev, private, rprivate, x-create=auto. What is never granted is refused by name.
//
// Whether a source exists, and whether the user may have it, is for the node to judge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gd {

inline constexpr size_t kMaxMountPathBytes = 4095;
inline constexpr size_t kMaxVolumeNameBytes = 64;
inline constexpr uint64_t kMaxTmpfsBytes = uint64_t{1} << 50;

enum class MountSource : uint8_t { path, tmpfs, umount, volume };
enum class MountMode : uint8_t { as_offered, read_only, read_write };

struct MountRequest {
  MountSource source = MountSource::path;
  std::string from;    // the path, or the name of the volume; else empty
  std::string target;  // absolute, inside; empty for a volume, which says itself where it goes
  MountMode mode = MountMode::as_offered;  // a path's is read_write then
  bool no_exec = false;
  bool recursive = true;
  std::optional<uint64_t> size_bytes;  // tmpfs only; empty: the node's size of /tmp
  bool operator==(const MountRequest&) const = default;
};

// Errors (invalid) name the mount, what is wrong with it, and what was expected.
Result<MountRequest> parse_mount_request(std::string_view text);

// The canonical text; parses to the same.
std::string render(const MountRequest& request);

// Absolute, without empty parts, "." and "..", control characters; slashes at the end are cut.
Result<std::string> plain_path(std::string_view text);

// Refuses the root, and what is the container's own: /proc, /sys, /dev (but /dev/shm), /run and
// /run/gd. The lists of an image's symlinks are not known here: see mounts.h.
Result<void> check_mount_target(std::string_view path);

// 1 to kMaxVolumeNameBytes letters, digits, '-', '_' and '.'.
bool is_volume_name(std::string_view name);

}  // namespace gd

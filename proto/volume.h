// Volumes: folders that the administrator has named, with where they go and who may have them.
//
// A [volume NAME] of gd.conf; jobs ask by --volume NAME[:ro]. Path and target are patterns: %u is
// the user, %U her number, %g her group, %G its number, %h her home, %% a percent sign. The node
// opens the path with the user's own rights, so a volume never gives more than she has. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"
#include "base/mount_request.h"
#include "base/result.h"

namespace gd {

struct Volume {
  std::string name;
  std::string path;
  std::string target;
  bool read_only = false;
  std::vector<std::string> allow_users;  // both empty: everybody
  std::vector<std::string> allow_groups;
  bool operator==(const Volume&) const = default;
};

struct VolumeUser {
  std::string user;
  uint32_t uid = 0;
  std::string group;
  uint32_t gid = 0;
  std::string home;
};

// The sections of a configuration, checked; and of a file, where a missing one has none.
Result<std::vector<Volume>> read_volumes(const Config& config);
Result<std::vector<Volume>> load_volumes(const std::string& path);

// A plain path (see plain_path), or why there is none.
Result<std::string> expand_volume_path(std::string_view pattern, const VolumeUser& who);

// The volume that a request means, if `user`, a member of `groups`, may have it so.
Result<const Volume*> find_volume(std::span<const Volume> volumes, const MountRequest& request,
                                  const std::string& user, std::span<const std::string> groups);

// One line of a file of settings, and back; names and lists hold no tab.
std::string volume_line(const Volume& volume);
Result<Volume> parse_volume_line(std::string_view line);

}  // namespace gd

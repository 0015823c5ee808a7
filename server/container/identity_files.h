// Files by which an image knows the user and the network: passwd, group, hosts, resolv.conf.
//
// Nothing is asked of an image: no shell, no useradd. Its own entries stay, the user's come
// first, so that her uid has her name even where the image gives it to somebody else. With
// root inside the user is root, whom the image knows already.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/container/launch_plan.h"

namespace gd::container {

inline constexpr size_t kMaxImageTextBytes = size_t{8} << 20;  // one such file of an image

// The new text, or nothing if `text` serves as it is.
std::optional<std::string> with_user(std::string_view text, const Identity& identity);
std::optional<std::string> with_groups(std::string_view text, const Identity& identity);

// Reads the image's files (symlinks resolved inside it) and the node's.
Result<std::vector<FileSpec>> identity_files(const LaunchPlan& plan);

}  // namespace gd::container

#include "base/mount_request.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace gd {
namespace {

constexpr std::array<std::string_view, 6> kAlways = {"nosuid",   "nodev",         "private",
                                                     "rprivate", "x-create=auto", "exec"};
constexpr std::array<std::string_view, 8> kNever = {"suid",   "dev",   "shared",  "rshared",
                                                    "rslave", "slave", "remount", "unbindable"};
constexpr std::array<std::string_view, 11> kKnown = {"ro",      "rw",       "bind",         "rbind",
                                                     "exec",    "noexec",   "nosuid",       "nodev",
                                                     "private", "rprivate", "x-create=auto"};

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

bool has(const auto& list, std::string_view one) {
  return std::ranges::find(list, one) != list.end();
}

bool is_below(std::string_view path, std::string_view tree) {
  return path.starts_with(tree) && (path.size() == tree.size() || path[tree.size()] == '/');
}

Result<void> set_mode(MountRequest& request, MountMode mode) {
  if (request.mode != MountMode::as_offered && request.mode != mode) {
    return invalid("ro and rw exclude each other");
  }
  if (request.source == MountSource::tmpfs && mode == MountMode::read_only) {
    return invalid("an empty folder that is read-only is of no use");
  }
  request.mode = mode;
  return {};
}

Result<void> take_flag(MountRequest& request, std::string_view flag) {
  if (flag == "ro") return set_mode(request, MountMode::read_only);
  if (flag == "rw") return set_mode(request, MountMode::read_write);
  if (has(kAlways, flag)) return {};
  if (flag == "noexec") {
    request.no_exec = true;
    return {};
  }
  if (flag == "bind" || flag == "rbind") {
    if (request.source != MountSource::path)
      return invalid("only a path takes " + std::string(flag));
    request.recursive = flag == "rbind";
    return {};
  }
  if (take_prefix(flag, "size=")) {
    if (request.source != MountSource::tmpfs) return invalid("only a tmpfs takes size=");
    Result<uint64_t> size = parse_bytes(flag);
    if (!size.ok()) return std::move(size).error().in("size");
    if (*size == 0 || *size > kMaxTmpfsBytes) {
      return invalid("size " + std::string(flag) + " is not between 1 and " +
                     std::to_string(kMaxTmpfsBytes) + " bytes");
    }
    request.size_bytes = *size;
    return {};
  }
  if (has(kNever, flag)) {
    return invalid("flag '" + std::string(flag) +
                   "' is never granted: mounts are nosuid, nodev and private");
  }
  return invalid("flag '" + printable(flag, 40) + "' is not known; known are " +
                 join(std::span(kKnown), ", ") + " and size= of a tmpfs" +
                 did_you_mean(flag, kKnown));
}

Result<void> take_flags(MountRequest& request, std::string_view flags) {
  if (request.source == MountSource::umount) return invalid("umount takes no flags");
  for (const std::string_view flag : split(flags, '+')) TRY(take_flag(request, flag));
  return {};
}

Result<std::string> target_of(std::string_view text) {
  Result<std::string> path = plain_path(text);
  if (!path.ok()) return std::move(path).error().in("target");
  TRY(check_mount_target(*path));
  return path;
}

Result<MountRequest> parse(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  MountRequest request;
  if (parts.size() > 3) {
    return invalid("has " + std::to_string(parts.size()) + " parts, at most 3 are allowed");
  }
  if (parts[0] == "tmpfs") request.source = MountSource::tmpfs;
  if (parts[0] == "umount") request.source = MountSource::umount;
  if (parts[0] == "volume") request.source = MountSource::volume;
  if (request.source != MountSource::path && parts.size() < 2) {
    return invalid("names nothing behind " + std::string(parts[0]));
  }
  if (request.source == MountSource::volume) {
    if (!is_volume_name(parts[1])) {
      return invalid("'" + printable(parts[1], 80) + "' is no name of a volume");
    }
    request.from = parts[1];
  } else if (request.source == MountSource::path) {
    Result<std::string> from = plain_path(parts[0]);
    if (!from.ok()) return std::move(from).error().in("source");
    request.from = std::move(from).take();
    request.target = TRY(target_of(parts.size() > 1 ? parts[1] : parts[0]));
  } else {
    request.target = TRY(target_of(parts[1]));
  }
  if (parts.size() == 3) TRY(take_flags(request, parts[2]));
  return request;
}

}  // namespace

Result<MountRequest> parse_mount_request(std::string_view text) {
  Result<MountRequest> request = parse(text);
  if (request.ok()) return request;
  return invalid(
      "mount '" + printable(text) + "': " + request.error().text +
      "; expected SRC:DST[:FLAGS], tmpfs:DST[:FLAGS], umount:DST or volume:NAME[:FLAGS]");
}

std::string render(const MountRequest& request) {
  std::string text;
  switch (request.source) {
    case MountSource::path: text = request.from + ":" + request.target; break;
    case MountSource::tmpfs: text = "tmpfs:" + request.target; break;
    case MountSource::umount: text = "umount:" + request.target; break;
    case MountSource::volume: text = "volume:" + request.from; break;
  }
  char gap = ':';
  const auto flag = [&](const std::string& word) {
    text += gap + word;
    gap = '+';
  };
  if (request.mode == MountMode::read_only) flag("ro");
  if (request.mode == MountMode::read_write) flag("rw");
  if (request.no_exec) flag("noexec");
  if (!request.recursive) flag("bind");
  if (request.size_bytes) flag("size=" + std::to_string(*request.size_bytes));
  return text;
}

Result<std::string> plain_path(std::string_view text) {
  const std::string shown = "'" + printable(text) + "'";
  if (!text.starts_with('/')) return invalid(shown + " is not an absolute path");
  if (text.size() > kMaxMountPathBytes) {
    return invalid("a path of " + std::to_string(text.size()) + " bytes, at most " +
                   std::to_string(kMaxMountPathBytes) + " are allowed");
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(text, is_control)) return invalid(shown + " has a control character");
  const size_t end = text.find_last_not_of('/');
  if (end == std::string_view::npos) return std::string("/");
  text = text.substr(0, end + 1);
  for (const std::string_view part : split(text.substr(1), '/')) {
    if (part.empty()) return invalid(shown + " has an empty part");
    if (part == "." || part == "..")
      return invalid(shown + " has the part '" + std::string(part) + "'");
  }
  return std::string(text);
}

Result<void> check_mount_target(std::string_view path) {
  const bool own = path == "/" || path == "/run" || is_below(path, "/proc") ||
                   is_below(path, "/sys") || is_below(path, "/run/gd") ||
                   (is_below(path, "/dev") && !is_below(path, "/dev/shm"));
  if (!own) return {};
  return invalid("target " + std::string(path) + " is the container's own");
}

bool is_volume_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= kMaxVolumeNameBytes && std::ranges::all_of(name, plain);
}

}  // namespace gd

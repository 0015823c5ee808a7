#include "proto/volume.h"

#include <algorithm>

#include "base/text.h"
#include "proto/settings.h"

namespace gd {
namespace {

bool contains(std::span<const std::string> list, std::string_view one) {
  return std::ranges::find(list, one) != list.end();
}

bool admits(const Volume& volume, const std::string& user, std::span<const std::string> groups) {
  if (volume.allow_users.empty() && volume.allow_groups.empty()) return true;
  if (contains(volume.allow_users, user)) return true;
  return std::ranges::any_of(
      groups, [&](const std::string& group) { return contains(volume.allow_groups, group); });
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : split(text, ',')) {
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

Error at(const ConfigView& view, std::string_view key, const std::string& text) {
  return {ErrorCode::invalid, view.where(key) + ": " + std::string(key) + ": " + text};
}

// Any user will do: what stands beside the patterns is what is judged.
Result<void> check_volume_path(const ConfigView& view, std::string_view key,
                               const std::string& pattern) {
  const VolumeUser anyone{.user = "u", .uid = 1, .group = "g", .gid = 1, .home = "/h"};
  Result<std::string> path = expand_volume_path(pattern, anyone);
  if (path.ok() && key == "target") {
    const Result<void> good = check_mount_target(*path);
    if (!good.ok()) return at(view, key, good.error().text);
  }
  if (!path.ok()) return at(view, key, path.error().text);
  if (*path == "/") return at(view, key, "is the root");
  return {};
}

}  // namespace

Result<std::vector<Volume>> read_volumes(const Config& config) {
  std::vector<Volume> out;
  for (const ConfigView& view : config.all("volume")) {
    Volume volume{.name = view.name()};
    if (!is_volume_name(volume.name)) {
      return Error{ErrorCode::invalid,
                   config.file() + ": [volume " + printable(volume.name) + "]: a name has 1 to " +
                       std::to_string(kMaxVolumeNameBytes) + " letters, digits, '-', '_' and '.'"};
    }
    if (!view.has("path")) {
      return Error{ErrorCode::invalid,
                   config.file() + ": [volume " + volume.name + "] has no path"};
    }
    volume.path = view.text("path");
    volume.target = view.has("target") ? view.text("target") : volume.path;
    TRY(check_volume_path(view, "path", volume.path));
    TRY(check_volume_path(view, "target", volume.target));
    volume.read_only = view.text("access") == "ro";
    volume.allow_users = view.list("allow_users");
    volume.allow_groups = view.list("allow_groups");
    out.push_back(std::move(volume));
  }
  return out;
}

Result<std::vector<Volume>> load_volumes(const std::string& path) {
  return read_volumes(TRY(Config::load_file(settings_schema(), path)));
}

Result<std::string> expand_volume_path(std::string_view pattern, const VolumeUser& who) {
  std::string path;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      path += pattern[i];
      continue;
    }
    const char letter = ++i < pattern.size() ? pattern[i] : '\0';
    switch (letter) {
      case 'u': path += who.user; break;
      case 'U': path += std::to_string(who.uid); break;
      case 'g': path += who.group; break;
      case 'G': path += std::to_string(who.gid); break;
      case 'h': path += who.home; break;
      case '%': path += '%'; break;
      default:
        return Error{
            ErrorCode::invalid,
            "'" + printable(pattern) + "' has an unknown pattern; known are %u %U %g %G %h %%"};
    }
  }
  return plain_path(path);
}

Result<const Volume*> find_volume(std::span<const Volume> volumes, const MountRequest& request,
                                  const std::string& user, std::span<const std::string> groups) {
  const auto found = std::ranges::find(volumes, request.from, &Volume::name);
  if (found == volumes.end()) {
    std::vector<std::string_view> known;
    for (const Volume& volume : volumes) {
      if (admits(volume, user, groups)) known.emplace_back(volume.name);
    }
    const std::string list = known.empty() ? "there are none" : "known are: " + join(known, ",");
    return Error{ErrorCode::not_found, "no such volume: " + printable(request.from) + "; " + list +
                                           did_you_mean(request.from, known)};
  }
  if (!admits(*found, user, groups)) {
    return Error{ErrorCode::denied, "user " + user + " may not use volume " + found->name};
  }
  if (found->read_only && request.mode == MountMode::read_write) {
    return Error{ErrorCode::denied, "volume " + found->name + " is read-only; rw was asked"};
  }
  return &*found;
}

std::string volume_line(const Volume& volume) {
  return volume.name + "\t" + volume.path + "\t" + volume.target + "\t" +
         (volume.read_only ? "ro" : "rw") + "\t" + join(volume.allow_users, ",") + "\t" +
         join(volume.allow_groups, ",");
}

Result<Volume> parse_volume_line(std::string_view line) {
  const std::vector<std::string_view> parts = split(line, '\t');
  if (parts.size() != 6) {
    return Error{ErrorCode::invalid, "volume '" + printable(line) + "' has " +
                                         std::to_string(parts.size()) + " fields, expected 6"};
  }
  return Volume{.name = std::string(parts[0]),
                .path = std::string(parts[1]),
                .target = std::string(parts[2]),
                .read_only = parts[3] == "ro",
                .allow_users = words_of(parts[4]),
                .allow_groups = words_of(parts[5])};
}

}  // namespace gd

// Lines of passwd(5) and group(5), put together.
#include "server/container/identity_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "base/fd.h"
#include "server/container/syscalls.h"

namespace gd::container {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Field `index` of a line of colon-separated fields; empty if there is none.
std::string_view field(std::string_view line, size_t index) {
  for (; index > 0; --index) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return {};
    line.remove_prefix(colon + 1);
  }
  return line.substr(0, line.find(':'));
}

// The first line with `value` in field `index`: what a lookup would find.
std::string_view lookup(const std::vector<std::string_view>& lines, size_t index,
                        std::string_view value) {
  for (const std::string_view line : lines) {
    if (field(line, index) == value) return line;
  }
  return {};
}

bool knows(const std::vector<std::string_view>& lines, std::string_view name,
           std::string_view number) {
  const std::string_view by_name = lookup(lines, 0, name);
  return !by_name.empty() && field(by_name, 2) == number &&
         field(lookup(lines, 2, number), 0) == name;
}

// `mine` before the lines that do not bear one of its names.
std::string merge(const std::string& mine, const std::vector<std::string_view>& lines) {
  const std::vector<std::string_view> own = lines_of(mine);
  std::string text = mine;
  for (const std::string_view line : lines) {
    if (!lookup(own, 0, field(line, 0)).empty()) continue;
    text += std::string(line) + "\n";
  }
  return text;
}

// A file of the image, or nothing if it has none. `path` is below `root`.
Result<std::optional<std::string>> read_inside(const std::string& root, const char* path) {
  const UniqueFd folder = TRY(open_file(root, O_PATH | O_DIRECTORY));
  const UniqueFd file(sys_openat2(folder.get(), path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0,
                                  RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS));
  if (!file.valid() && (errno == ENOENT || errno == ENOTDIR)) return {std::nullopt};
  if (!file.valid()) return os_error("open " + root + "/" + path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return os_error("stat " + root + "/" + path);
  if (!S_ISREG(status.st_mode)) return {std::nullopt};
  return {std::optional(TRY(read_all(file.get(), path, kMaxImageTextBytes)))};
}

// In the host image /etc/resolv.conf may be a link into /run, which is private inside.
bool is_link(const char* path) {
  struct stat status {};
  return ::lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

}  // namespace

std::optional<std::string> with_user(std::string_view text, const Identity& identity) {
  const std::vector<std::string_view> lines = lines_of(text);
  const std::string uid = std::to_string(identity.uid);
  if (knows(lines, identity.user, uid)) return std::nullopt;
  const std::string shell = identity.shell.empty() ? "/bin/sh" : identity.shell;
  return merge(identity.user + ":x:" + uid + ":" + std::to_string(identity.gid) +
                   "::" + identity.home + ":" + shell + "\n",
               lines);
}

std::optional<std::string> with_groups(std::string_view text, const Identity& identity) {
  const std::vector<std::string_view> lines = lines_of(text);
  std::map<gid_t, std::string> wanted;
  for (const Group& group : identity.groups) wanted[group.gid] = group.name;
  wanted[identity.gid] = identity.group;
  std::string mine;
  for (const auto& [gid, name] : wanted) {
    if (name.empty() || knows(lines, name, std::to_string(gid))) continue;
    const std::string member = gid == identity.gid ? "" : identity.user;
    mine += name + ":x:" + std::to_string(gid) + ":" + member + "\n";
  }
  if (mine.empty()) return std::nullopt;
  return merge(mine, lines);
}

Result<std::vector<FileSpec>> identity_files(const LaunchPlan& plan) {
  std::vector<FileSpec> files;
  const auto add = [&files](const char* path, std::string content) {
    files.push_back({path, std::move(content), 0644, FileSpec::Owner::image_root});
  };
  const bool host = plan.image.kind == ImageKind::host;
  const std::string root = host ? "/" : plan.image.path;
  if (plan.root_mode == RootMode::as_user) {
    const std::string passwd = TRY(read_inside(root, "etc/passwd")).value_or("");
    if (auto text = with_user(passwd, plan.identity)) add("/etc/passwd", *std::move(text));
    const std::string group = TRY(read_inside(root, "etc/group")).value_or("");
    if (auto text = with_groups(group, plan.identity)) add("/etc/group", *std::move(text));
  }
  for (const char* path : {"/etc/hosts", "/etc/resolv.conf"}) {
    if (host && !is_link(path)) continue;
    if (auto text = TRY(read_inside("/", path + 1))) add(path, *std::move(text));
  }
  const auto given = [&plan](const FileSpec& file) {
    return std::any_of(plan.files.begin(), plan.files.end(),
                       [&file](const FileSpec& own) { return own.path == file.path; });
  };
  std::erase_if(files, given);
  return files;
}

}  // namespace gd::container

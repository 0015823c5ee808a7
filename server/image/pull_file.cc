#include "server/image/pull_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/process.h"
#include "base/text.h"
#include "server/image/build.h"
#include "server/image/sif.h"
#include "server/image/tool.h"

namespace gd::image {
namespace {

constexpr size_t kMaxEnvironmentFile = size_t{64} << 10;
constexpr size_t kMaxVariables = 1024;

constexpr Tool kSqfs2tar{"sqfs2tar", "squashfs-tools-ng"};
constexpr Tool kFsckErofs{"fsck.erofs", "erofs-utils"};

uid_t nobody_of(const IdRange& ids) {
  return ids.start + ids.count - 1;
}

// ---- The copy.

Result<std::string> read_range(int file, const FileRange& range) {
  std::string bytes(range.size, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::pread(file, bytes.data() + done, bytes.size() - done,
                                  static_cast<off_t>(range.offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("read");
    if (count == 0) return Error{ErrorCode::invalid, "it ends before its end"};
    done += static_cast<size_t>(count);
  }
  return bytes;
}

// Which part of the file is the file system, if it is one at all.
Result<FileRange> file_system_in(int file, ImageSource source, uint64_t size) {
  const auto starts = [&](uint64_t at, std::string_view magic) -> Result<bool> {
    if (size < at + magic.size()) return false;
    return TRY(read_range(file, {.offset = at, .size = magic.size()})) == magic;
  };
  if (source == ImageSource::squashfs) {
    if (TRY(starts(0, "hsqs"))) return FileRange{.offset = 0, .size = size};
    return Error{ErrorCode::invalid, "it is no squashfs"};
  }
  if (source == ImageSource::erofs) {
    if (TRY(starts(1024, "\xe2\xe1\xf5\xe0"))) return FileRange{.offset = 0, .size = size};
    return Error{ErrorCode::invalid, "it is no erofs"};
  }
  if (size < kSifHeaderBytes) return Error{ErrorCode::invalid, "it is no SIF file"};
  const std::string header = TRY(read_range(file, {.offset = 0, .size = kSifHeaderBytes}));
  const FileRange table = TRY(parse_sif_header(header, size));
  return find_sif_squashfs(TRY(read_range(file, table)), size);
}

Result<void> copy_range(int from, const FileRange& range, int to, const Progress& on_progress) {
  constexpr uint64_t kTellEvery = uint64_t{64} << 20;
  auto at = static_cast<off_t>(range.offset);
  uint64_t left = range.size;
  while (left > 0) {
    const ssize_t count = ::copy_file_range(from, &at, to, nullptr, std::min(left, kTellEvery), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("copy into the store");
    if (count == 0) return Error{ErrorCode::invalid, "it became shorter while it was read"};
    left -= static_cast<uint64_t>(count);
    if (on_progress) on_progress(range.size - left, range.size);
  }
  return {};
}

// For nobody, in a folder of its own that nobody may write.
Result<std::string> copy_file(const PullOrder& order, const std::string& folder) {
  struct stat about {};
  if (::fstat(order.file, &about) != 0) return os_error("stat");
  if (!S_ISREG(about.st_mode)) return Error{ErrorCode::invalid, "it is no plain file"};
  const auto size = static_cast<uint64_t>(about.st_size);
  if (size > kMaxBlobBytes) {
    return Error{ErrorCode::invalid, "it has " + std::to_string(size) + " bytes, at most " +
                                         std::to_string(kMaxBlobBytes) + " are allowed"};
  }
  const FileRange range = TRY(file_system_in(order.file, order.name.source, size));
  TRY(make_directories(folder, 0711));
  const std::string path = folder + "/file";
  const UniqueFd copy = TRY(open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0400));
  const uid_t nobody = nobody_of(order.ids);
  if (::fchown(copy.get(), nobody, nobody) != 0) return os_error("chown " + path);
  TRY(copy_range(order.file, range, copy.get(), order.on_progress));
  return path;
}

// ---- The tools.

struct Running {
  Pidfd child;
  UniqueFd said;  // its complaints, a memory file
};

// As nobody, in no network, with an end to its memory, its time and its complaints.
Result<Running> start_tool(const std::vector<std::string>& words, const PullOrder& order, int out) {
  const std::string nobody = std::to_string(nobody_of(order.ids));
  const auto seconds = std::max<int64_t>(order.timeout / Milliseconds(1000), 1);
  std::vector<std::string> argv = {TRY(find_program("unshare", kToolPath)),
                                   "--net",
                                   "--ipc",
                                   "--uts",
                                   "prlimit",
                                   "--as=" + std::to_string(uint64_t{2} << 30),
                                   "--core=0",
                                   "--cpu=" + std::to_string(seconds),
                                   "setpriv",
                                   "--reuid=" + nobody,
                                   "--regid=" + nobody,
                                   "--clear-groups",
                                   "--no-new-privs",
                                   "--pdeathsig=KILL",
                                   "--"};
  argv.insert(argv.end(), words.begin(), words.end());
  Running running;
  running.said.reset(::memfd_create("said", MFD_CLOEXEC));
  if (!running.said.valid()) return os_error("memory file");
  const SpawnOptions options{.env = {"PATH=" + std::string(kToolPath), "LC_ALL=C"},
                             .fds = {{out, 1}, {running.said.get(), 2}},
                             .cwd = "/",
                             .group = ProcessGroup::own_session};
  running.child = TRY(spawn(argv, options));
  return running;
}

// The last line that it said is why. One that we have stopped listening to has not failed.
Result<void> end_tool(const Running& running, const std::string& name) {
  const WaitStatus status = TRY(running.child.wait());
  if (status.ok() || status.signal == SIGPIPE) return {};
  const std::string said = last_words(running.said.get());
  return Error{ErrorCode::invalid, name + ": " + (said.empty() ? status.text() : said)};
}

// erofs has no tool that makes a tar stream: it is laid out in a folder of nobody's first, and
// its owners are lost: all is the image's root's.
Result<std::vector<std::string>> lay_out_erofs(const PullOrder& order, const std::string& file,
                                               const std::string& folder) {
  const std::string program = TRY(find_tool(kFsckErofs));
  const std::string out = folder + "/out";
  TRY(make_directories(out, 0700));
  const uid_t nobody = nobody_of(order.ids);
  if (::chown(out.c_str(), nobody, nobody) != 0) return os_error("chown " + out);
  const UniqueFd null = TRY(open_file("/dev/null", O_WRONLY));
  const Running running = TRY(start_tool(
      {program, "--extract=" + out + "/tree", "--preserve-perms", "--no-preserve-owner", file},
      order, null.get()));
  TRY(end_tool(running, "fsck.erofs"));
  return std::vector<std::string>{TRY(find_program("tar", kToolPath)),
                                  "--create",
                                  "--file=-",
                                  "--directory=" + out + "/tree",
                                  "--owner=0",
                                  "--group=0",
                                  "--numeric-owner",
                                  "."};
}

// ---- The image.

std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
      text.back() == text.front()) {
    return std::string(text.substr(1, text.size() - 2));
  }
  return std::string(text);
}

// A plain file of the tree itself, whatever links lie on the way.
std::vector<std::string> environment_of(int tree) {
  open_how how{};
  how.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const UniqueFd file(
      static_cast<int>(::syscall(SYS_openat2, tree, "etc/environment", &how, sizeof how)));
  struct stat about {};
  if (!file.valid() || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) return {};
  const Result<Bytes> text = read_all(file.get(), "environment", kMaxEnvironmentFile);
  return text.ok() ? parse_environment_file(*text) : std::vector<std::string>{};
}

std::string digest_of_text(const std::string& text) {
  Sha256Stream digest;
  digest.add(text);
  return "sha256:" + digest.finish();
}

// What a registry would say of an image with this one layer.
Result<std::string> describe(const Store& store, const std::string& made, const Blob& layer,
                             const std::vector<std::string>& environment) {
  using Json = nlohmann::json;
  const auto replace = Json::error_handler_t::replace;  // of what is no UTF-8
  const Json config = {{"os", "linux"},
                       {"config", {{"Env", environment}}},
                       {"rootfs", {{"type", "layers"}, {"diff_ids", {layer.digest}}}}};
  const std::string config_text = config.dump(-1, ' ', false, replace);
  const std::string type = "application/vnd.oci.image.";
  const Json manifest = {
      {"schemaVersion", 2},
      {"mediaType", type + "manifest.v1+json"},
      {"config",
       {{"mediaType", type + "config.v1+json"},
        {"digest", digest_of_text(config_text)},
        {"size", config_text.size()}}},
      {"layers",
       {{{"mediaType", type + "layer.v1.tar"}, {"digest", layer.digest}, {"size", layer.size}}}}};
  const std::string manifest_text = manifest.dump();
  const std::string digest = digest_of_text(manifest_text);
  TRY(finish_image(store, made, digest, manifest_text, config_text));
  return digest;
}

}  // namespace

std::vector<std::string> parse_environment_file(std::string_view text) {
  std::vector<std::string> entries;
  for (const std::string_view whole : split(text, '\n')) {
    std::string_view line = trim(whole);
    take_prefix(line, "export ");
    line = trim(line);
    const size_t equals = line.find('=');
    const std::string_view name = line.substr(0, equals);
    const bool named = equals != std::string_view::npos && !name.empty() &&
                       name.find_first_not_of(
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                           "0123456789_") == std::string_view::npos;
    if (!named || line.find('\0') != std::string_view::npos) continue;
    if (entries.size() == kMaxVariables) break;
    entries.push_back(std::string(name) + "=" + unquoted(line.substr(equals + 1)));
  }
  return entries;
}

std::string add_environment(const std::string& there, const std::vector<std::string>& variables) {
  std::string text = there;
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  const std::vector<std::string> known = parse_environment_file(there);
  for (const std::string& variable : variables) {
    const size_t equals = variable.find('=');
    if (equals == std::string::npos || variable.find('\n') != std::string::npos) continue;
    const std::string name = variable.substr(0, equals + 1);
    if (std::ranges::any_of(known, [&](const auto& one) { return one.starts_with(name); })) {
      continue;
    }
    text += name + "\"" + variable.substr(equals + 1) + "\"\n";
  }
  return text;
}

Result<std::string> build_from_file(const Store& store, const PullOrder& order,
                                    const std::string& stage) {
  const std::string folder = stage + "/fetched";
  const bool erofs = order.name.source == ImageSource::erofs;
  std::vector<std::string> words;
  if (!erofs) words = {TRY(find_tool(kSqfs2tar)), "--root-becomes", "."};
  const std::string file = TRY(copy_file(order, folder));
  if (erofs) {
    words = TRY(lay_out_erofs(order, file, folder));
  } else {
    words.push_back(file);
  }
  Pipe pipe = TRY(make_pipe());
  const Running running = TRY(start_tool(words, order, pipe.write.get()));
  pipe.write.reset();
  const std::string made = stage + "/image";
  const UniqueFd root = TRY(begin_tree(made, order.ids));
  const Result<Unpacked> done =
      unpack_in_sandbox(pipe.read.get(), Blob{.digest = {}, .size = kMaxBlobBytes}, root.get(),
                        order.ids, order.limits);
  pipe.read.reset();  // a tool that still writes ends by that
  const Result<void> ended = end_tool(running, erofs ? "tar" : "sqfs2tar");
  TRY(ended);
  if (!done.ok()) return done.error();
  return describe(store, made, done->archive, environment_of(root.get()));
}

}  // namespace gd::image

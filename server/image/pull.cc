#include "server/image/pull.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/digest.h"
#include "base/process.h"
#include "base/text.h"
#include "server/image/build.h"
#include "server/image/image_size.h"
#include "server/image/pull_file.h"

namespace gd::image {
namespace {

constexpr size_t kMaxSaidBytes = size_t{64} << 10;
constexpr int kProgressMs = 1000;
// It lets an address ask for so many manifests in some hours: none is spent on a percentage.
constexpr std::string_view kCountingRegistry = "docker.io";

std::string source_of(const ImageName& name, const std::string& mirror) {
  const std::string text = render(name);
  if (name.source != ImageSource::registry) return text;
  const std::string tag = name.digest.empty() ? ":" + name.tag : "@" + name.digest;
  return "docker://" + (mirror.empty() ? name.registry : mirror) + "/" + name.repository + tag;
}

// What has come so far; it changes under our eyes.
uint64_t bytes_below(const std::string& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  using std::filesystem::recursive_directory_iterator;
  for (recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    const uintmax_t size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

struct Fetch {
  Skopeo copy;
  std::optional<ImageSize> size;  // of registries that do not count questions
  std::string folder;             // that fills
};

// What it said, the end of it; empty when it did what it should.
Result<std::string> await(Fetch& fetch, Milliseconds timeout, const Progress& on_progress) {
  std::string said;
  const Milliseconds end = boot_time() + timeout;
  std::pair<uint64_t, uint64_t> told;
  for (;;) {
    std::array ready{pollfd{fetch.copy.fd(), POLLIN, 0},
                     pollfd{fetch.size ? fetch.size->fd() : -1, POLLIN, 0}};
    const Milliseconds left = end - boot_time();
    if (left <= 0ms) {
      fetch.copy.stop();
      return Error{ErrorCode::unavailable,
                   "not there within " + std::to_string(timeout / Milliseconds(1000)) + " s"};
    }
    const int wait_ms = static_cast<int>(std::min<int64_t>(left.count(), kProgressMs));
    if (::poll(ready.data(), ready.size(), wait_ms) <= 0) {
      if (fetch.size) fetch.size->ask();
      const std::pair now{bytes_below(fetch.folder), fetch.size ? fetch.size->total() : 0};
      if (on_progress && now != told) on_progress(now.first, now.second);
      told = now;
      continue;
    }
    if (ready[1].revents != 0) fetch.size->on_ready();
    if (ready[0].revents == 0) continue;
    if (!fetch.copy.read(said)) break;
    if (said.size() > kMaxSaidBytes) said.erase(0, said.size() - kMaxSaidBytes / 2);
  }
  const WaitStatus status = TRY(fetch.copy.wait());
  if (status.ok()) return std::string();
  return said.empty() ? "skopeo ended with " + status.text() : said;
}

Result<void> fetch(const PullOrder& order, const std::string& folder) {
  const bool registry = order.name.source == ImageSource::registry;
  SkopeoUser user{.uid = order.uid,
                  .gid = order.gid,
                  .groups = order.groups,
                  .folder = folder,
                  .credentials = {}};
  if (registry) {
    user.uid = user.gid = order.ids.start + order.ids.count - 1;
    user.groups.clear();
    user.credentials = order.credentials;
  }
  TRY(make_directories(folder, 0700));
  if (::chown(folder.c_str(), user.uid, user.gid) != 0) return os_error("chown " + folder);
  std::vector<std::string> words = {"copy", "--quiet", "--retry-times=1"};
  std::vector<std::string> of_size = {"--retry-times=1"};
  if (registry) {
    const bool open = order.credentials.empty();
    const std::string file = std::string("authfile=") + kSkopeoAuthFile;
    words.push_back(open ? "--src-no-creds" : "--src-" + file);
    of_size.push_back(open ? "--no-creds" : "--" + file);
  }
  if (order.plain_http) {
    words.emplace_back("--src-tls-verify=false");
    of_size.emplace_back("--tls-verify=false");
  }
  words.push_back(source_of(order.name, order.mirror));
  words.push_back("oci:" + folder + "/layout:image");
  Fetch all{.copy = TRY(Skopeo::start(user, std::move(words))), .size = {}, .folder = folder};
  const std::string& host = order.mirror.empty() ? order.name.registry : order.mirror;
  if (registry && host != kCountingRegistry) all.size.emplace(user, of_size, order.name, host);
  const std::string complaint = TRY(await(all, order.timeout, order.on_progress));
  if (complaint.empty()) return {};
  return explain_failure(render(order.name), complaint);
}

// Whoever fetched it could have put anything there: a plain file, of at most this size.
Result<UniqueFd> open_fetched(const std::string& layout, const std::string& name, uint64_t limit) {
  UniqueFd fd = TRY(open_file(layout + "/" + name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return os_error(name);
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::invalid, name + " is no plain file"};
  if (static_cast<uint64_t>(status.st_size) > limit) {
    return Error{ErrorCode::invalid, name + " has " + std::to_string(status.st_size) +
                                         " bytes, at most " + std::to_string(limit) +
                                         " are expected"};
  }
  return fd;
}

std::string blob_name(const Blob& blob) {
  return "blobs/sha256/" + blob.digest.substr(7);
}

Result<Bytes> verified(const std::string& layout, const Blob& blob) {
  const UniqueFd fd = TRY(open_fetched(layout, blob_name(blob), kMaxManifestBytes));
  Bytes text = TRY(read_all(fd.get(), blob.digest, kMaxManifestBytes));
  Sha256Stream digest;
  digest.add(text);
  const std::string is = "sha256:" + digest.finish();
  if (is == blob.digest) return text;
  return Error{ErrorCode::invalid, blob.digest + " has other content: its digest is " + is};
}

Result<std::string> build(const Store& store, const PullOrder& order, const std::string& stage) {
  const std::string layout = stage + "/fetched/layout";
  const UniqueFd index_fd = TRY(open_fetched(layout, "index.json", kMaxManifestBytes));
  const Blob index = TRY(parse_index(TRY(read_all(index_fd.get(), "index", kMaxManifestBytes))));
  const Bytes manifest_text = TRY(verified(layout, index));
  const Manifest manifest = TRY(parse_manifest(manifest_text));
  if (store.has(index.digest)) return index.digest;
  const Bytes config = TRY(verified(layout, manifest.config));
  (void)TRY(parse_config(config));

  const std::string made = stage + "/image";
  const UniqueFd root = TRY(begin_tree(made, order.ids));
  UnpackLimits left = order.limits;
  for (const Blob& layer : manifest.layers) {
    const UniqueFd blob = TRY(open_fetched(layout, blob_name(layer), layer.size));
    const Unpacked done = TRY(unpack_in_sandbox(blob.get(), layer, root.get(), order.ids, left));
    left.bytes -= std::min(left.bytes, done.bytes);
  }
  TRY(finish_image(store, made, index.digest, manifest_text, config));
  return index.digest;
}

}  // namespace

Result<void> pull(const Store& store, const PullOrder& order) {
  const std::string name = render(order.name);
  TRY(store.prepare());
  const UniqueFd mine = TRY(store.lock(name, order.uid));
  if (TRY(store.find(name, order.uid, order.stamp))) return {};
  TRY(store.sweep());
  const Store::Stage stage = TRY(store.make_stage());
  const bool file = is_file_system(order.name.source);
  if (!file) TRY(fetch(order, stage.path + "/fetched"));
  Result<std::string> digest =
      file ? build_from_file(store, order, stage.path) : build(store, order, stage.path);
  if (!digest.ok()) return std::move(digest).error().in("image " + name);
  const bool open = order.name.source == ImageSource::registry && order.credentials.empty();
  TRY(store.name_it(name, open ? Store::Owner::everybody : Store::Owner::user, order.uid, *digest,
                    order.stamp));
  return store.drop_stage(stage);
}

Error explain_failure(const std::string& name, std::string_view said) {
  const std::string text = to_lower(said);
  const auto has = [&text](std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](auto w) { return text.find(w) != std::string::npos; });
  };
  // Its last line has the cause, behind the last "msg=".
  std::string_view last = trim(said);
  last = last.substr(last.rfind('\n') == std::string_view::npos ? 0 : last.rfind('\n') + 1);
  if (const size_t at = last.find("msg="); at != std::string_view::npos) last = last.substr(at + 4);
  const std::string tail = " (" + printable(last, 240) + ")";
  const std::string what = "image " + name + ": ";
  if (has({"no space left"})) return {ErrorCode::exhausted, what + "no space on this node" + tail};
  if (has({"unauthorized", "authentication required", "denied", "permission"})) {
    return {ErrorCode::denied, what + "denied" + tail};
  }
  if (has({"manifest unknown", "name unknown", "not found", "no such file", "does not exist"})) {
    return {ErrorCode::not_found, what + "not found" + tail};
  }
  if (has({"connection refused", "no such host", "timeout", "unreachable", "connection reset",
           "temporary failure", "eof", "cannot be started"})) {
    return {ErrorCode::unavailable, what + "cannot be fetched from here" + tail};
  }
  return {ErrorCode::invalid, what + "cannot be fetched" + tail};
}

}  // namespace gd::image

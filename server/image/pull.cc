#include "server/image/pull.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/process.h"
#include "base/text.h"
#include "server/image/build.h"
#include "server/image/pull_file.h"

namespace gd::image {
namespace {

constexpr size_t kMaxSaidBytes = size_t{64} << 10;
constexpr int kCredentialsFd = 3;
constexpr int kProgressMs = 1000;

std::string source_of(const ImageName& name, const std::string& mirror) {
  const std::string text = render(name);
  if (name.source != ImageSource::registry) return text;
  const std::string tag = name.digest.empty() ? ":" + name.tag : "@" + name.digest;
  return "docker://" + (mirror.empty() ? name.registry : mirror) + "/" + name.repository + tag;
}

Result<UniqueFd> memory_file(const std::string& text) {
  UniqueFd fd(::memfd_create("auth", MFD_CLOEXEC));
  if (!fd.valid() || ::fchmod(fd.get(), 0444) != 0) return os_error("memory file");
  TRY(write_all(fd.get(), text, "memory file"));
  return fd;
}

struct Runner {  // who skopeo is, and what it may touch
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
};

[[noreturn]] void become_skopeo(const std::vector<char*>& argv, const std::vector<char*>& env,
                                const Runner& who, int credentials, int out,
                                const std::string& folder) {
  const rlimit none{0, 0};
  const bool ready =
      ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::setrlimit(RLIMIT_CORE, &none) == 0 &&
      ::setgroups(who.groups.size(), who.groups.data()) == 0 &&
      ::setresgid(who.gid, who.gid, who.gid) == 0 && ::setresuid(who.uid, who.uid, who.uid) == 0 &&
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
      ::chdir(folder.c_str()) == 0 && ::dup2(out, 1) == 1 && ::dup2(out, 2) == 2 &&
      (credentials < 0 || credentials == kCredentialsFd
           ? credentials < 0 || ::fcntl(credentials, F_SETFD, 0) == 0
           : ::dup2(credentials, kCredentialsFd) == kCredentialsFd);
  if (ready) ::execve(argv[0], argv.data(), env.data());
  const std::string text = std::string("skopeo cannot be started: ") + ::strerror(errno) + "\n";
  (void)!::write(out, text.data(), text.size());
  ::_exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
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

// What it said, the end of it; empty when it did what it should.
Result<std::string> await(pid_t child, int said_fd, Milliseconds timeout, const std::string& folder,
                          const std::function<void(uint64_t)>& on_progress) {
  std::string said;
  const Milliseconds end = boot_time() + timeout;
  uint64_t told = 0;
  bool late = false;
  std::array<char, 4096> block;
  for (;;) {
    pollfd ready{said_fd, POLLIN, 0};
    const Milliseconds left = end - boot_time();
    if (left <= 0ms) {
      late = true;
      ::kill(child, SIGKILL);
      break;
    }
    const int wait_ms = static_cast<int>(std::min<int64_t>(left.count(), kProgressMs));
    if (::poll(&ready, 1, wait_ms) <= 0) {
      const uint64_t bytes = bytes_below(folder);
      if (on_progress && bytes != told) on_progress(told = bytes);
      continue;
    }
    const ssize_t count = ::read(said_fd, block.data(), block.size());
    if (count <= 0) break;
    said.append(block.data(), static_cast<size_t>(count));
    if (said.size() > kMaxSaidBytes) said.erase(0, said.size() - kMaxSaidBytes / 2);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) {
    return Error{ErrorCode::unavailable,
                 "not there within " + std::to_string(timeout / Milliseconds(1000)) + " s"};
  }
  if (WaitStatus::from_wait(status).ok()) return std::string();
  return said.empty() ? "skopeo ended with " + WaitStatus::from_wait(status).text() : said;
}

Result<void> fetch(const PullOrder& order, const std::string& folder) {
  const bool registry = order.name.source == ImageSource::registry;
  Runner who{.uid = order.uid, .gid = order.gid, .groups = order.groups};
  if (registry) {
    const uid_t nobody = order.ids.start + order.ids.count - 1;
    who = {.uid = nobody, .gid = nobody, .groups = {}};
  }
  TRY(make_directories(folder, 0700));
  if (::chown(folder.c_str(), who.uid, who.gid) != 0) return os_error("chown " + folder);
  std::vector<std::string> words = {TRY(find_program("skopeo", "/usr/local/bin:/usr/bin:/bin")),
                                    "copy", "--quiet", "--retry-times=1"};
  UniqueFd credentials;
  if (registry && !order.credentials.empty()) {
    credentials = TRY(memory_file(order.credentials));
    words.push_back("--src-authfile=/proc/self/fd/" + std::to_string(kCredentialsFd));
  } else if (registry) {
    words.emplace_back("--src-no-creds");
  }
  if (order.plain_http) words.emplace_back("--src-tls-verify=false");
  words.push_back(source_of(order.name, order.mirror));
  words.push_back("oci:" + folder + "/layout:image");
  std::vector<std::string> env = {"PATH=/usr/bin:/bin", "HOME=" + folder, "TMPDIR=" + folder,
                                  "XDG_RUNTIME_DIR=" + folder};
  const std::vector<char*> argv = pointers(words), environment = pointers(env);
  Pipe said = TRY(make_pipe());
  const pid_t child = ::fork();
  if (child < 0) return os_error("fork");
  if (child == 0) {
    become_skopeo(argv, environment, who, credentials.get(), said.write.get(), folder);
  }
  said.write.reset();
  const std::string complaint =
      TRY(await(child, said.read.get(), order.timeout, folder, order.on_progress));
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

std::string credentials_for(std::string_view auth_file, const std::string& registry) {
  using Json = nlohmann::json;
  const Json json = Json::parse(auth_file, nullptr, false);
  if (!json.is_object() || !json.contains("auths") || !json["auths"].is_object()) return {};
  Json kept = Json::object();
  for (const auto& [key, value] : json["auths"].items()) {
    std::string_view host = key;
    take_prefix(host, "https://");
    if (host.substr(0, host.find('/')) == registry ||
        (registry == "docker.io" && host.starts_with("index.docker.io"))) {
      kept[key] = value;
    }
  }
  return kept.empty() ? std::string() : Json{{"auths", kept}}.dump();
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

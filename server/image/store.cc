#include "server/image/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/digest.h"
#include "base/text.h"

namespace gd::image {
namespace {

constexpr size_t kMaxNameFileBytes = 4096;

std::string hash_of(const std::string& name, const std::string& owner) {
  return digest_of(name + "\n" + owner).hex();
}

Result<UniqueFd> locked(const std::string& path, int how) {
  UniqueFd fd = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  while (::flock(fd.get(), how) != 0) {
    if (errno != EINTR) return os_error("lock " + path);
  }
  return fd;
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

Result<void> Store::prepare() const {
  for (const char* name : {"/locks", "/stage", "/images", "/names"}) {
    TRY(make_directories(folder_ + name, 0711));
  }
  return {};
}

std::string Store::name_file(const std::string& name, const std::string& owner) const {
  return folder_ + "/names/" + hash_of(name, owner);
}

std::string Store::image_folder(const std::string& digest) const {
  return folder_ + "/images/" + digest.substr(7);
}

bool Store::has(const std::string& digest) const {
  return is_folder(image_folder(digest));
}

Result<std::optional<StoredImage>> Store::find(const std::string& name, uid_t user,
                                               const std::string& stamp) const {
  for (const std::string& owner : {std::string("everybody"), std::to_string(user)}) {
    const Result<Bytes> text = read_file(name_file(name, owner), kMaxNameFileBytes);
    if (!text.ok()) {
      if (text.error().code == ErrorCode::not_found) continue;
      return text.error();
    }
    StoredImage image;
    std::string seen;
    for (const std::string_view line : split(*text, '\n')) {
      std::string_view rest = line;
      if (take_prefix(rest, "digest ")) image.digest = rest;
      rest = line;
      if (take_prefix(rest, "stamp ")) seen = rest;
    }
    if (!is_sha256(image.digest) || seen != stamp || !has(image.digest)) continue;
    const std::string folder = image_folder(image.digest);
    image.tree = folder + "/tree";
    image.config = TRY(parse_config(TRY(read_file(folder + "/config.json", kMaxManifestBytes))));
    return {std::move(image)};
  }
  return {std::nullopt};
}

Result<void> Store::name_it(const std::string& name, Owner owner, uid_t user,
                            const std::string& digest, const std::string& stamp) const {
  const std::string whose = owner == Owner::everybody ? "everybody" : std::to_string(user);
  return replace_file(name_file(name, whose), "digest " + digest + "\nstamp " + stamp + "\n", 0600);
}

Result<UniqueFd> Store::lock(const std::string& name, uid_t user) const {
  // Of one name, whoever asks: the second asker finds what the first one fetched.
  (void)user;
  return locked(folder_ + "/locks/" + hash_of(name, "lock"), LOCK_EX);
}

Result<Store::Stage> Store::make_stage() const {
  Stage stage;
  // Held shared by each who makes one, exclusively by who sweeps: no stage is swept unlocked.
  const UniqueFd gate = TRY(locked(folder_ + "/locks/stages", LOCK_SH));
  stage.path = folder_ + "/stage/" + to_hex(random_bytes(12));
  stage.held = TRY(locked(stage.path + ".lock", LOCK_EX));
  TRY(make_directories(stage.path, 0711));
  return stage;
}

Result<void> Store::sweep() const {
  const UniqueFd gate = TRY(locked(folder_ + "/locks/stages", LOCK_EX));
  std::error_code error;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/stage", error)) {
    const std::string path = entry.path();
    if (path.ends_with(".lock")) found.push_back(path);
  }
  for (const std::string& path : found) {
    const UniqueFd held = TRY(open_file(path, O_RDWR));
    if (::flock(held.get(), LOCK_EX | LOCK_NB) != 0) continue;
    TRY(remove_tree(path.substr(0, path.size() - 5)));
    if (::unlink(path.c_str()) != 0) return os_error(path);
  }
  return {};
}

Result<void> Store::publish(const std::string& made, const std::string& digest) const {
  if (has(digest)) return {};
  const UniqueFd folder = TRY(open_file(made, O_RDONLY | O_DIRECTORY));
  if (::syncfs(folder.get()) != 0) return os_error("sync " + made);
  const std::string place = image_folder(digest);
  if (::rename(made.c_str(), place.c_str()) != 0 && errno != EEXIST && errno != ENOTEMPTY) {
    return os_error("rename to " + place);
  }
  const UniqueFd images = TRY(open_file(folder_ + "/images", O_RDONLY | O_DIRECTORY));
  if (::fsync(images.get()) != 0) return os_error("sync images");
  return {};
}

}  // namespace gd::image

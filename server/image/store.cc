#include "server/image/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

struct NameFile {
  NameEntry names;
  std::string stamp;
};

Result<NameFile> read_name(const std::string& path) {
  const Bytes text = TRY(read_file(path, kMaxNameFileBytes));
  NameFile file;
  const auto take = [](std::string_view line, std::string_view key, std::string& value) {
    if (take_prefix(line, key)) value = line;
  };
  for (const std::string_view line : split(text, '\n')) {
    take(line, "digest ", file.names.digest);
    take(line, "stamp ", file.stamp);
    take(line, "owner ", file.names.owner);
    take(line, "name ", file.names.name);
  }
  if (is_sha256(file.names.digest)) return file;
  return Error{ErrorCode::invalid, path + " names no image"};
}

Result<std::vector<std::string>> list_folder(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    names.push_back(entry.path().filename());
  }
  if (error) return os_error(path, error.value());
  std::ranges::sort(names);
  return names;
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
  for (const std::string& owner : {std::string(kEverybody), std::to_string(user)}) {
    const Result<NameFile> entry = read_name(name_file(name, owner));
    if (!entry.ok()) {
      if (entry.error().code == ErrorCode::not_found) continue;
      return entry.error();
    }
    if (entry->stamp != stamp) continue;
    std::optional<StoredImage> image = TRY(take(entry->names.digest));
    if (image) return image;
  }
  return {std::nullopt};
}

// Held, and used now; nothing if it is gone, or goes in this moment.
Result<std::optional<StoredImage>> Store::take(const std::string& digest) const {
  StoredImage image;
  image.digest = digest;
  const std::string folder = image_folder(digest);
  Result<UniqueFd> held = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (!held.ok()) return {std::nullopt};
  while (::flock(held->get(), LOCK_SH) != 0) {
    if (errno != EINTR) return os_error("lock " + folder);
  }
  if (!has(digest)) return {std::nullopt};
  (void)::utimensat(AT_FDCWD, (folder + "/facts").c_str(), nullptr, 0);
  image.held = std::move(held).take();
  image.tree = folder + "/tree";
  image.config = TRY(parse_config(TRY(read_file(folder + "/config.json", kMaxManifestBytes))));
  return {std::move(image)};
}

Result<std::optional<StoredImage>> Store::find_digest(
    const std::string& digest, uid_t user,
    const std::function<bool(const std::string& name)>& is_meant) const {
  for (const NameEntry& entry : TRY(names())) {
    const bool hers = entry.owner == kEverybody || entry.owner == std::to_string(user);
    if (!hers || entry.digest != digest || !is_meant(entry.name)) continue;
    std::optional<StoredImage> image = TRY(take(digest));
    if (image) return image;
  }
  return {std::nullopt};
}

Result<void> Store::name_it(const std::string& name, Owner owner, uid_t user,
                            const std::string& digest, const std::string& stamp) const {
  const std::string whose =
      owner == Owner::everybody ? std::string(kEverybody) : std::to_string(user);
  return replace_file(
      name_file(name, whose),
      "digest " + digest + "\nstamp " + stamp + "\nowner " + whose + "\nname " + name + "\n", 0600);
}

Result<std::vector<NameEntry>> Store::names() const {
  std::vector<NameEntry> found;
  for (const std::string& file : TRY(list_folder(folder_ + "/names"))) {
    const Result<NameFile> entry = read_name(folder_ + "/names/" + file);
    if (entry.ok()) found.push_back(entry->names);
  }
  return found;
}

Result<std::string> Store::forget(const std::string& name, const std::string& owner) const {
  const std::string path = name_file(name, owner);
  const NameFile entry = TRY(read_name(path));
  if (::unlink(path.c_str()) != 0) return os_error(path);
  return entry.names.digest;
}

Result<std::vector<std::string>> Store::digests() const {
  std::vector<std::string> found;
  for (const std::string& hex : TRY(list_folder(folder_ + "/images"))) {
    if (is_sha256("sha256:" + hex)) found.push_back("sha256:" + hex);
  }
  return found;
}

Result<TreeFacts> Store::facts(const std::string& digest) const {
  const Bytes text = TRY(read_file(image_folder(digest) + "/facts", kMaxNameFileBytes));
  TreeFacts facts;
  for (const std::string_view line : split(text, '\n')) {
    std::string_view rest = line;
    if (take_prefix(rest, "tree ")) facts.digest = rest;
    rest = line;
    if (take_prefix(rest, "bytes ")) facts.bytes = TRY(parse_number<uint64_t>(rest));
  }
  return facts;
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

Result<void> Store::drop_stage(const Stage& stage) const {
  TRY(remove_tree(stage.path));
  return ::unlink((stage.path + ".lock").c_str()) == 0 ? Result<void>{} : os_error(stage.path);
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

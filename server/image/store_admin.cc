#include "server/image/store_admin.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/digest.h"
#include "base/text.h"
#include "server/image/tree_digest.h"

namespace gd::image {
namespace {

// The image's own lock, or nothing while a job has it.
Result<std::optional<UniqueFd>> take_alone(const std::string& folder) {
  UniqueFd fd = TRY(open_file(folder, O_RDONLY | O_DIRECTORY));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return std::optional<UniqueFd>(std::move(fd));
  if (errno == EWOULDBLOCK) return {std::nullopt};
  return os_error("lock " + folder);
}

Result<TimePoint> last_used(const std::string& folder) {
  struct stat about {};
  if (::stat((folder + "/facts").c_str(), &about) != 0) return os_error(folder + "/facts");
  return TimePoint(Milliseconds(int64_t{about.st_mtim.tv_sec} * 1000));
}

// Out of sight by one rename, then away: whoever is killed meanwhile leaves a stage to sweep.
Result<bool> remove_image(const Store& store, const std::string& digest) {
  const std::string folder = store.image_folder(digest);
  const std::optional<UniqueFd> alone = TRY(take_alone(folder));
  if (!alone) return false;
  const Store::Stage stage = TRY(store.make_stage());
  if (::rename(folder.c_str(), (stage.path + "/image").c_str()) != 0) return os_error(folder);
  TRY(store.drop_stage(stage));
  return true;
}

Result<void> check_image(const Store& store, const std::string& digest) {
  const std::string folder = store.image_folder(digest);
  const Bytes manifest = TRY(read_file(folder + "/manifest.json", kMaxManifestBytes));
  Sha256Stream sum;
  sum.add(manifest);
  if ("sha256:" + sum.finish() != digest) return Error{ErrorCode::invalid, "another manifest"};
  const Manifest parsed = TRY(parse_manifest(manifest));
  const Bytes config = TRY(read_file(folder + "/config.json", kMaxManifestBytes));
  Sha256Stream config_sum;
  config_sum.add(config);
  if ("sha256:" + config_sum.finish() != parsed.config.digest) {
    return Error{ErrorCode::invalid, "another configuration"};
  }
  const TreeFacts written = TRY(store.facts(digest));
  const TreeFacts found = TRY(measure_tree(folder + "/tree"));
  if (found.digest == written.digest) return {};
  return Error{ErrorCode::invalid, "files that are not as they were unpacked"};
}

}  // namespace

Result<std::vector<ListedImage>> list_images(const Store& store) {
  std::map<std::string, ListedImage> images;
  for (const std::string& digest : TRY(store.digests())) {
    ListedImage& image = images[digest];
    image.digest = digest;
    const std::string folder = store.image_folder(digest);
    const Result<TreeFacts> facts = store.facts(digest);
    if (facts.ok()) image.bytes = facts->bytes;
    const Result<TimePoint> used = last_used(folder);
    if (used.ok()) image.used = *used;
    const Result<std::optional<UniqueFd>> alone = take_alone(folder);
    image.in_use = alone.ok() && !alone->has_value();
  }
  for (NameEntry& entry : TRY(store.names())) {
    const auto image = images.find(entry.digest);
    if (image != images.end()) image->second.names.push_back(std::move(entry));
  }
  std::vector<ListedImage> listed;
  for (auto& [digest, image] : images) listed.push_back(std::move(image));
  std::ranges::stable_sort(listed, std::ranges::greater{}, &ListedImage::used);
  return listed;
}

Result<void> remove_name(const Store& store, const std::string& name, const std::string& owner) {
  const std::string digest = TRY(store.forget(name, owner));
  for (const NameEntry& other : TRY(store.names())) {
    if (other.digest == digest) return {};
  }
  if (store.has(digest)) (void)TRY(remove_image(store, digest));
  return {};
}

Result<Pruned> prune(const Store& store, uint64_t keep_bytes) {
  TRY(store.sweep());
  std::vector<ListedImage> images = TRY(list_images(store));
  std::ranges::stable_sort(images, [](const ListedImage& a, const ListedImage& b) {
    if (a.names.empty() != b.names.empty()) return a.names.empty();
    return a.used < b.used;
  });
  Pruned done;
  for (const ListedImage& image : images) done.left_bytes += image.bytes;
  for (const ListedImage& image : images) {
    if (done.left_bytes <= keep_bytes && !image.names.empty()) break;
    if (image.in_use || !TRY(remove_image(store, image.digest))) continue;
    for (const NameEntry& entry : image.names) (void)TRY(store.forget(entry.name, entry.owner));
    ++done.images;
    done.bytes += image.bytes;
    done.left_bytes -= image.bytes;
  }
  return done;
}

Result<std::vector<std::string>> verify(const Store& store) {
  std::vector<std::string> problems;
  for (const NameEntry& entry : TRY(store.names())) {
    if (!store.has(entry.digest)) {
      problems.push_back("name " + printable(entry.name) + " leads to " + printable(entry.digest) +
                         ", which is not there");
    }
  }
  for (const std::string& digest : TRY(store.digests())) {
    const Result<void> whole = check_image(store, digest);
    if (!whole.ok()) problems.push_back("image " + digest + ": " + whole.error().text);
  }
  return problems;
}

}  // namespace gd::image

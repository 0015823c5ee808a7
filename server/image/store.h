// A node's images, shared by its users: where they lie, and who may have which.
//
//   locks/HASH          held by who fetches the name; the others wait
//   stage/TOKEN/        being made; gone with the next fetch once its lock is free
//   images/HEX/         tree/ manifest.json config.json facts; HEX is the manifest's digest;
//                       facts: "tree HEX", "bytes N", and its time is the image's last use
//   names/HASH          lines "digest sha256:HEX", "stamp TEXT", "owner WHO", "name NAME"
//
// An image is one folder that appears by rename when all of it is there and synced, and never
// changes: whatever is killed when, what has a name is whole. A name that was fetched with
// somebody's credentials, or from somebody's file, is hers; one that needed none is everybody's.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/image_name.h"
#include "base/result.h"
#include "server/image/manifest.h"
#include "server/image/tree_digest.h"

namespace gd::image {

struct StoredImage {
  std::string tree;  // its root file system
  UniqueFd held;     // while this lives the image is in use, and stays
  std::string digest;
  Config config;
};

inline constexpr std::string_view kEverybody = "everybody";  // else the owner is a uid

struct NameEntry {
  std::string name;
  std::string owner;
  std::string digest;
};

class Store {
 public:
  explicit Store(std::string folder) : folder_(std::move(folder)) {}

  Result<void> prepare() const;  // makes the folders

  // `stamp`: what a file looked like, empty for a registry; another one is another image.
  Result<std::optional<StoredImage>> find(const std::string& name, uid_t user,
                                          const std::string& stamp) const;

  // The image with this digest, if the user may have it under a name that `is_meant`.
  Result<std::optional<StoredImage>> find_digest(
      const std::string& digest, uid_t user,
      const std::function<bool(const std::string& name)>& is_meant) const;

  enum class Owner : uint8_t { everybody, user };
  Result<void> name_it(const std::string& name, Owner owner, uid_t user, const std::string& digest,
                       const std::string& stamp) const;

  // Waits for others that fetch the same.
  Result<UniqueFd> lock(const std::string& name, uid_t user) const;

  struct Stage {
    std::string path;
    UniqueFd held;
  };
  Result<Stage> make_stage() const;
  Result<void> sweep() const;  // stages of dead fetchers
  [[nodiscard]] std::string image_folder(const std::string& digest) const;
  [[nodiscard]] bool has(const std::string& digest) const;
  Result<void> drop_stage(const Stage& stage) const;
  [[nodiscard]] Result<TreeFacts> facts(const std::string& digest) const;
  Result<std::vector<std::string>> digests() const;  // of all images
  Result<std::vector<NameEntry>> names() const;
  Result<std::string> forget(const std::string& name, const std::string& owner) const;  // digest
  // From a stage to its place: synced, then renamed.
  Result<void> publish(const std::string& made, const std::string& digest) const;

 private:
  Result<std::optional<StoredImage>> take(const std::string& digest) const;
  [[nodiscard]] std::string name_file(const std::string& name, const std::string& owner) const;
  std::string folder_;
};

}  // namespace gd::image

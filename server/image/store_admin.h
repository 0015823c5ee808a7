// What is done with the store as a whole: listed, made smaller, checked. REQUIRES: root.
//
// An image that a job has (StoredImage::held) is never removed; its names may be.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "server/image/store.h"

namespace gd::image {

struct ListedImage {
  std::string digest;
  std::vector<NameEntry> names;  // none: nobody can ask for it any more
  uint64_t bytes = 0;
  TimePoint used{};  // last
  bool in_use = false;
};
Result<std::vector<ListedImage>> list_images(const Store& store);  // the latest used first

// Takes the name from its owner; the image goes with its last name, unless it is in use.
Result<void> remove_name(const Store& store, const std::string& name, const std::string& owner);

struct Pruned {
  size_t images = 0;
  uint64_t bytes = 0;
  uint64_t left_bytes = 0;
};
// The longest unused go until the rest takes at most `keep_bytes`; first those without a name.
Result<Pruned> prune(const Store& store, uint64_t keep_bytes);

// One line for each thing that is not as it was made: a name that leads nowhere, a folder that is
// half there, a manifest or a file that has other content. Reads every file.
Result<std::vector<std::string>> verify(const Store& store);

}  // namespace gd::image

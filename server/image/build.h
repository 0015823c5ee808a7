// The last part of every image's way: a tree, what is said of it, and its place in the store.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "server/image/sandbox.h"
#include "server/image/store.h"

namespace gd::image {

// made/tree, empty, of the range's root: for unpack_in_sandbox().
Result<UniqueFd> begin_tree(const std::string& made, const IdRange& ids);

// `made` has its tree: measured, described and moved to its place.
Result<void> finish_image(const Store& store, const std::string& made, const std::string& digest,
                          const Bytes& manifest, const Bytes& config);

}  // namespace gd::image

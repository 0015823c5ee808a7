// An image of one layer as one file: a tar of an OCI layout, written in one go.
//
// Its folders come first, since skopeo fails as a user where it has to make them by itself. A
// layer's name is its digest, which is known when all of it has passed: its header has its place
// before it and is written last, and what describes it follows. skopeo, podman and gdimage read it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "server/image/manifest.h"

namespace gd::image {

inline constexpr size_t kTarBlock = 512;
inline constexpr uint64_t kLayerAt = 2 * kTarBlock;  // after two folders

// The header of a plain file, or of a folder if its name ends with '/'; ustar. Sizes above 8 GiB as
// GNU and everybody else writes them.
std::string tar_header(std::string_view name, uint64_t size);

class OciArchive {
 public:
  explicit OciArchive(int file) : file_(file) {}  // empty, to be written from its beginning

  Result<void> add(std::string_view layer_bytes);
  Result<void> finish(const Config& config);

 private:
  Result<void> write(std::string_view bytes, uint64_t at) const;
  Result<void> entry(const std::string& name, std::string_view content);

  int file_;
  Sha256Stream digest_;
  uint64_t layer_bytes_ = 0;
  uint64_t end_ = kLayerAt + kTarBlock;
};

}  // namespace gd::image

// What a registry or a layout says about an image: its manifest and its configuration. Pure.
//
// Both come from strangers: sizes, counts and digests are checked, and no exception leaves.
// The form is that of the OCI image specification; Docker's schema 2 has the same fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd::image {

inline constexpr size_t kMaxManifestBytes = size_t{4} << 20;  // of a manifest, of a configuration
inline constexpr size_t kMaxLayers = 128;
inline constexpr uint64_t kMaxBlobBytes = uint64_t{64} << 30;

struct Blob {
  std::string digest;  // "sha256:..."
  uint64_t size = 0;
  bool operator==(const Blob&) const = default;
};

struct Manifest {
  Blob config;
  std::vector<Blob> layers;  // the lowest first
  bool operator==(const Manifest&) const = default;
};

// A manifest of one image. An index of several is refused: who fetches has chosen.
Result<Manifest> parse_manifest(std::string_view json);

// The digest of the one manifest in an OCI layout's index.json.
Result<Blob> parse_index(std::string_view json);

// Of an index of several images, the one for Linux on this architecture ("amd64").
Result<Blob> choose_manifest(std::string_view json, std::string_view architecture);
// By what uname says: "amd64" for "x86_64"; what is not known, as it is.
std::string image_architecture(std::string_view machine);

struct Config {                          // what of it a job may get
  std::vector<std::string> environment;  // NAME=value
  std::string workdir;                   // absolute, or empty
  std::vector<std::string> entrypoint;
  bool operator==(const Config&) const = default;
};
Result<Config> parse_config(std::string_view json);

}  // namespace gd::image

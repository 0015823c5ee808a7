// Names of images, as people write them, and the one form that everything else uses. Pure.
//
//   host                              the node's own system
//   /dir                              a root file system in a directory
//   [docker://][REG/]NAME[:TAG][@sha256:HEX]      a registry; REG#NAME[:TAG] means the same
//   oci:DIR[:TAG]  oci-archive:FILE[:TAG]  docker-archive:FILE[:TAG]      files, absolute paths
//   squashfs:FILE  sif:FILE  erofs:FILE           file systems in files; or /FILE, by its suffix
//
// A registry name without a registry is docker.io's, without a path there library/NAME, without
// tag and digest :latest. A first part is a registry if it has a dot or a port, or is localhost.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd {

inline constexpr size_t kMaxImageNameBytes = 1024;

enum class ImageSource : uint8_t {
  host,
  directory,
  registry,
  oci,
  oci_archive,
  docker_archive,
  squashfs,
  sif,
  erofs,
};

struct ImageName {
  ImageSource source = ImageSource::host;
  std::string registry;    // "docker.io", "127.0.0.1:5000"
  std::string repository;  // "library/debian"
  std::string path;        // of directories and files
  std::string tag;         // may be empty beside a digest, and of files
  std::string digest;      // "sha256:<64 hex digits>", or empty
  bool operator==(const ImageName&) const = default;
};

Result<ImageName> parse_image_name(std::string_view text);

// The canonical text: "docker.io/library/debian:12", "oci-archive:/a.tar"; parses to the same. A
// registry of one word keeps its '#': before a '/' it would not be seen to be one.
std::string render(const ImageName& name);

// From a registry, or from a user's layout, archive or file: kept in a node's store.
bool is_stored(const ImageName& name);

// Whether one of these patterns is for it: globs over the canonical name, or "sha256:HEX" for what
// is held to that digest, by its name or by `digest` beside it.
bool is_among(const std::vector<std::string>& patterns, const ImageName& name,
              const std::string& digest);

// A file system in a file: "squashfs:", "sif:", "erofs:".
bool is_file_system(ImageSource source);

// A name as somebody typed it in `folder`: a path that begins with "." becomes an absolute one,
// also behind "oci:" and the like.
std::string absolute_image_name(std::string_view text, const std::string& folder);

// What a container may be saved as, by its file's suffix: .sqsh or .squashfs, .tar (also .oci.tar).
enum class SaveForm : uint8_t { squashfs, oci_archive };
Result<SaveForm> parse_save_form(std::string_view path);

bool is_sha256(std::string_view digest);  // "sha256:" and 64 lower-case hex digits

}  // namespace gd

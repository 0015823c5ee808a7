// Where the root file system is in a SIF file (Singularity Image Format 1). Pure.
//
// A SIF file is a header of 128 octets, a table of descriptors of 585 octets each, and data. All
// numbers are little endian and from strangers: every offset is checked against the file's size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace gd::image {

inline constexpr size_t kSifHeaderBytes = 128;
inline constexpr size_t kSifDescriptorBytes = 585;
inline constexpr uint64_t kMaxSifDescriptors = 1024;

struct FileRange {
  uint64_t offset = 0;
  uint64_t size = 0;
  bool operator==(const FileRange&) const = default;
};

// The table of descriptors, from the file's first kSifHeaderBytes.
Result<FileRange> parse_sif_header(std::string_view header, uint64_t file_size);

// The primary partition, which must be a squashfs. Refused by name: ext3, encrypted ones.
Result<FileRange> find_sif_squashfs(std::string_view table, uint64_t file_size);

}  // namespace gd::image

// SIF files from anywhere: whatever is found lies within the file.
#include <cstdint>

#include "base/check.h"
#include "server/image/sif.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using gd::image::FileRange;
  const std::string_view file{reinterpret_cast<const char*>(data), size};
  const auto check = [size](const FileRange& range) {
    GD_CHECK(range.size > 0 && range.offset <= size && range.size <= size - range.offset);
  };
  const gd::Result<FileRange> table = gd::image::parse_sif_header(file, size);
  if (table.ok()) {
    check(*table);
    const auto found = gd::image::find_sif_squashfs(file.substr(table->offset, table->size), size);
    if (found.ok()) check(*found);
  }
  const gd::Result<FileRange> odd = gd::image::find_sif_squashfs(file, size);
  if (odd.ok()) check(*odd);
  return 0;
}

// One layer's archive into a folder. For a process that is walled in: see sandbox.h.
//
// `root` is the only folder that is touched: each name is resolved below it without leaving it
// (openat2, RESOLVE_BENEATH), and what would leave it is refused. Names are relative or begin
// with "./" or "/"; ".." is refused. Whiteouts (.wh.NAME, .wh..wh..opq) remove what lower layers
// put there: layers are unpacked over each other, the lowest first.
//
// Refused: devices outside /dev, a link to what is not in the image, an overlay's own attributes,
// archives beyond the limits. Left out: devices below /dev, since a container has its own; the
// set-user-id and set-group-id bits, file capabilities, and extended attributes but user.*.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "server/image/manifest.h"

namespace gd::image {

inline constexpr uint64_t kMaxEntries = 2'000'000;  // of one layer
inline constexpr size_t kMaxEntryNameBytes = 4095;
inline constexpr size_t kMaxEntryDepth = 128;

struct UnpackLimits {
  uint64_t entries = kMaxEntries;
  uint64_t bytes = uint64_t{256} << 30;  // of all files of one layer, as they say in their headers
};

struct Unpacked {
  uint64_t entries = 0;
  uint64_t bytes = 0;
  Blob archive = {};  // what was read: filled in by who feeds it
};

// Reads the archive from `archive` until its end. The process must see nothing it would miss.
Result<Unpacked> unpack_layer(int archive, int root, const UnpackLimits& limits);

}  // namespace gd::image

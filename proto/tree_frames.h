// Files and folders as a stream of bytes: what gdcp and its gdtree inside of a job say to each
// other. The sender reads and never follows a link below what was named; the receiver makes
// what comes below one folder, one name at a time, so no name and no link that it meets leads out.
//
//   frame (proto/byte_frames.h, number 0)
//     enter    a folder: what follows is in it, until its end     MODE MTIME NAME
//     file     data follows, until its end                        MODE MTIME NAME
//     link     as it is                                           MODE MTIME NAME \0 TARGET
//     data     a piece of the file
//     end      of the file or folder
//     problem  something could not be sent: text; what it was is left out or cut short
//     done     all of it
//
// MODE is octal, MTIME nanoseconds since 1970; NAME is one component of a path.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "proto/byte_frames.h"

namespace gd {

inline constexpr size_t kMaxTreeDepth = 128;  // folders in each other
inline constexpr size_t kMaxTreePiece = size_t{64} << 10;

enum class TreeFrameKind : uint8_t {
  enter = 1,
  file = 2,
  link = 3,
  data = 4,
  end = 5,
  problem = 6,
  done = 7,
};

inline constexpr ByteFrameRules kTreeRules{.last_kind = static_cast<uint8_t>(TreeFrameKind::done),
                                           .most_bytes = kMaxTreePiece,
                                           .what = "no frame of files"};

struct TreeEntry {
  uint32_t mode = 0;  // permissions, without set-id bits
  int64_t mtime_ns = 0;
  std::string name;
  std::string target;  // of a link
  bool operator==(const TreeEntry&) const = default;
};

std::string tree_frame(TreeFrameKind kind, std::string_view bytes = {});
std::string tree_frame(TreeFrameKind kind, const TreeEntry& entry);
// An error if it is none, or its name is not one component: empty, ".", "..", with a slash.
Result<TreeEntry> parse_tree_entry(std::string_view bytes);

}  // namespace gd

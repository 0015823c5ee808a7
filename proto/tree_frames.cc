#include "proto/tree_frames.h"

#include <array>
#include <cstdio>

#include "base/text.h"

namespace gd {

std::string tree_frame(TreeFrameKind kind, std::string_view bytes) {
  return byte_frame(static_cast<uint8_t>(kind), 0, bytes);
}

std::string tree_frame(TreeFrameKind kind, const TreeEntry& entry) {
  std::array<char, 64> head{};
  (void)std::snprintf(head.data(), head.size(), "%o %lld ", entry.mode,
                      static_cast<long long>(entry.mtime_ns));
  std::string bytes = head.data() + entry.name;
  if (kind == TreeFrameKind::link) bytes += '\0' + entry.target;
  return tree_frame(kind, bytes);
}

Result<TreeEntry> parse_tree_entry(std::string_view bytes) {
  const Error wrong{ErrorCode::invalid, "no entry of a folder: '" + printable(bytes) + "'"};
  const size_t first = bytes.find(' ');
  const size_t second = first == std::string_view::npos ? first : bytes.find(' ', first + 1);
  if (second == std::string_view::npos || first == 0 || first > 4) return wrong;
  TreeEntry entry;
  for (const char digit : bytes.substr(0, first)) {
    if (digit < '0' || digit > '7') return wrong;
    entry.mode = entry.mode * 8 + static_cast<uint32_t>(digit - '0');
  }
  if (entry.mode > 01777) return wrong;
  const Result<int64_t> mtime = parse_number<int64_t>(bytes.substr(first + 1, second - first - 1));
  if (!mtime.ok()) return wrong;
  entry.mtime_ns = *mtime;
  const std::string_view rest = bytes.substr(second + 1);
  const size_t end = rest.find('\0');
  entry.name = rest.substr(0, end);
  if (end != std::string_view::npos) entry.target = rest.substr(end + 1);
  const bool component = !entry.name.empty() && entry.name != "." && entry.name != ".." &&
                         entry.name.find('/') == std::string::npos;
  if (!component || entry.target.find('\0') != std::string::npos) return wrong;
  return entry;
}

}  // namespace gd

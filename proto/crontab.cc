#include "proto/crontab.h"

namespace gd {

std::string with_line_disabled(std::string_view text, uint32_t line) {
  std::string out(text);
  size_t at = 0;
  for (uint32_t number = 1; number < line; ++number) {
    at = out.find('\n', at);
    if (at == std::string::npos) return out;
    ++at;
  }
  const bool there = line > 0 && at < out.size();
  if (there && out.compare(at, kDisabledLine.size(), kDisabledLine) != 0) {
    out.insert(at, kDisabledLine);
  }
  return out;
}

}  // namespace gd

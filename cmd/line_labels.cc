#include "cmd/line_labels.h"

namespace gd::cmd {

void LineLabels::let_go(std::string& out) {
  if (!begun_) out += label_;
  out += held_;
  held_.clear();
}

std::string LineLabels::take(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const bool whole = end != std::string_view::npos;
    const size_t size = whole ? end + 1 : bytes.size();
    held_ += bytes.substr(0, size);
    bytes.remove_prefix(size);
    if (!whole && held_.size() <= kMaxHeldLine) break;
    let_go(out);
    begun_ = !whole;
  }
  return out;
}

std::string LineLabels::finish() {
  std::string out;
  if (!begun_ && held_.empty()) return out;
  let_go(out);
  begun_ = false;
  if (!label_.empty()) out += '\n';
  return out;
}

}  // namespace gd::cmd

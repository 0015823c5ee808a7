#include "proto/image_progress.h"

#include <algorithm>

#include "base/text.h"

namespace gd {
namespace {

std::string amount(uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

std::string render(const ImageProgress& progress) {
  return "progress " + std::to_string(progress.bytes) + " " + std::to_string(progress.total);
}

std::optional<ImageProgress> parse_image_progress(std::string_view line) {
  if (!take_prefix(line, "progress ")) return std::nullopt;
  const size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const Result<uint64_t> bytes = parse_number<uint64_t>(line.substr(0, blank));
  const Result<uint64_t> total = parse_number<uint64_t>(line.substr(blank + 1));
  if (!bytes.ok() || !total.ok()) return std::nullopt;
  return ImageProgress{*bytes, *total};
}

std::string progress_text(const ImageProgress& progress) {
  if (progress.total == 0) return amount(progress.bytes) + " so far";
  const double part = static_cast<double>(progress.bytes) / static_cast<double>(progress.total);
  const int percent = std::min(static_cast<int>(part * 100), 99);
  return std::to_string(percent) + "% of " + amount(progress.total);
}

}  // namespace gd

// How far a fetch of an image is, as a line of gdstore: "progress BYTES TOTAL". Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gd {

struct ImageProgress {
  uint64_t bytes = 0;
  uint64_t total = 0;  // 0: not known
  bool operator==(const ImageProgress&) const = default;
};

std::string render(const ImageProgress& progress);
std::optional<ImageProgress> parse_image_progress(std::string_view line);  // nothing: another line

// "35% of 120 MiB"; "42 MiB so far". Not 100% before it is there: unpacking takes its time.
std::string progress_text(const ImageProgress& progress);

}  // namespace gd

// A terminal session as a file that can be played again: asciicast, version 2.
//
//   {"version": 2, "width": 80, "height": 24, "timestamp": 1700000000, "title": ..., "env": ...}
//   [1.25, "o", "what was shown"]
//   [3.5, "r", "100x30"]
//
// Only what was shown: what was typed may be a password. Octets that are no UTF-8 become U+FFFD;
// a character whose octets come in two pieces stays whole. Pure: gives the lines to be written.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "server/screen/terminal_model.h"

namespace gd::screen {

// A recording ends with the line that would make it longer.
inline constexpr uint64_t kMaxRecordingBytes = uint64_t{1} << 30;

struct RecordingHead {
  ScreenSize size;
  int64_t timestamp = 0;  // seconds since 1970
  std::string title;
  std::string term;
};

std::string recording_head(const RecordingHead& head);

class Recording {
 public:
  explicit Recording(Milliseconds begun) : begun_(begun) {}

  // Times are of one clock that does not go back. Nothing, if only a part of a character came.
  std::string shown(std::string_view bytes, Milliseconds now);
  [[nodiscard]] std::string resized(ScreenSize size, Milliseconds now) const;

 private:
  [[nodiscard]] std::string event(std::string_view kind, std::string_view text,
                                  Milliseconds now) const;
  Milliseconds begun_;
  std::string part_;  // of a character
};

}  // namespace gd::screen

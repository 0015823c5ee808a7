// The terminal's side of gdtop: the only user of ncurses.
//
// The terminal is in full-screen mode while a Screen lives, and as it was before afterwards,
// also when a signal ends the process (ncurses sees to SIGINT, SIGTERM and SIGTSTP).
#pragma once

#include <optional>
#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "gdtop/model.h"

namespace gd::top {

class Screen {
 public:
  static Result<Screen> open();
  Screen(Screen&& other) noexcept : open_(std::exchange(other.open_, false)) {}
  Screen& operator=(Screen&&) = delete;
  ~Screen();

  struct Size {
    size_t rows = 0;
    size_t columns = 0;
  };
  [[nodiscard]] Size size() const;
  void draw(std::span<const Line> lines);

  struct Input {
    std::optional<Key> key;
    bool resized = false;
    bool closed = false;  // the terminal has gone
  };
  Input wait(Milliseconds patience);  // for a key, or until the patience is over

 private:
  Screen() = default;
  bool open_ = true;
};

}  // namespace gd::top

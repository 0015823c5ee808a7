// The cells of one screen, and the bytes that draw them; pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "server/screen/terminal_model.h"

namespace gd::screen {

inline constexpr size_t kMaxMarks = 4;  // a character and what is written over it

struct Colour {
  enum class Kind : uint8_t { plain, indexed, rgb };
  Kind kind = Kind::plain;
  std::array<uint8_t, 3> value{};  // or the index in the first
  bool operator==(const Colour&) const = default;
};

struct Pen {
  Colour text, ground;
  bool bold = false;
  bool italic = false;
  bool blink = false;
  bool reverse = false;
  bool strike = false;
  uint8_t underline = 0;  // lines
  bool operator==(const Pen&) const = default;
};

struct Cell {
  std::array<char32_t, kMaxMarks> marks{};  // none: blank
  uint8_t width = 1;                        // 0: the second half of a wide character
  Pen pen;
  bool operator==(const Cell&) const = default;
};

class Cells {
 public:
  explicit Cells(ScreenSize size) : size_(size), cells_(size_t{size.rows} * size.columns) {}

  [[nodiscard]] ScreenSize size() const { return size_; }
  [[nodiscard]] Cell& at(int row, int column) {
    return cells_[static_cast<size_t>(row) * size_.columns + static_cast<size_t>(column)];
  }
  [[nodiscard]] const Cell& at(int row, int column) const {
    return const_cast<Cells*>(this)->at(row, column);
  }
  // What does not fit is cut, at the right and at the bottom; what is new is blank.
  void resize(ScreenSize size);
  // The first `rows` go, blank ones come at the bottom.
  void scroll_up(int rows);

 private:
  ScreenSize size_;
  std::vector<Cell> cells_;
};

enum class Drawing : uint8_t { in_colour, plain };

// From the pen `from`, which is left at what the last character had.
void append_pen(Bytes& out, const Pen& from, const Pen& to);
void append_mark(Bytes& out, char32_t mark);  // as UTF-8
void append_marks(Bytes& out, const Cell& cell);
// Without the blanks at its end. Begins and ends with the plain pen.
Bytes draw_row(const Cells& cells, int row, Drawing drawing);

}  // namespace gd::screen

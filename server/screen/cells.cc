#include "server/screen/cells.h"

#include <algorithm>

namespace gd::screen {
namespace {

void append_colour(Bytes& out, const Colour& colour, int base) {
  switch (colour.kind) {
    case Colour::Kind::plain: out += ";" + std::to_string(base + 9); return;
    case Colour::Kind::indexed: {
      // The first sixteen have short names, which terminals of eight colours know, too.
      const int index = colour.value[0];
      if (index < 8) {
        out += ";" + std::to_string(base + index);
      } else if (index < 16) {
        out += ";" + std::to_string(base + 60 + index - 8);
      } else {
        out += ";" + std::to_string(base + 8) + ";5;" + std::to_string(index);
      }
      return;
    }
    case Colour::Kind::rgb:
      out += ";" + std::to_string(base + 8) + ";2";
      for (const uint8_t part : colour.value) out += ";" + std::to_string(part);
  }
}

bool shows_nothing(const Cell& cell) {
  return cell.marks[0] == 0 && cell.pen.ground == Colour{} && !cell.pen.reverse;
}

}  // namespace

void Cells::resize(ScreenSize size) {
  Cells next(size);
  const int rows = std::min(size.rows, size_.rows);
  const int columns = std::min(size.columns, size_.columns);
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) next.at(row, column) = at(row, column);
    // Half of a wide character is none.
    if (columns < size_.columns && at(row, columns).width == 0) next.at(row, columns - 1) = Cell{};
  }
  *this = std::move(next);
}

void Cells::scroll_up(int rows) {
  const auto count = static_cast<size_t>(std::clamp(rows, 0, int{size_.rows})) * size_.columns;
  std::move(cells_.begin() + static_cast<std::ptrdiff_t>(count), cells_.end(), cells_.begin());
  std::fill(cells_.end() - static_cast<std::ptrdiff_t>(count), cells_.end(), Cell{});
}

void append_mark(Bytes& out, char32_t mark) {
  if (mark < 0x80) {
    out += static_cast<char>(mark);
    return;
  }
  const int more = mark < 0x800 ? 1 : mark < 0x10000 ? 2 : 3;
  constexpr std::array<uint8_t, 4> kLead{0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kLead[static_cast<size_t>(more)] | (mark >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((mark >> (6 * i)) & 0x3f));
}

void append_marks(Bytes& out, const Cell& cell) {
  if (cell.marks[0] == 0) out += ' ';
  for (const char32_t mark : cell.marks) {
    if (mark != 0) append_mark(out, mark);
  }
}

void append_pen(Bytes& out, const Pen& from, const Pen& to) {
  if (from == to) return;
  out += "\x1b[0";
  if (to.bold) out += ";1";
  if (to.italic) out += ";3";
  if (to.underline != 0) out += to.underline == 2 ? ";21" : ";4";
  if (to.blink) out += ";5";
  if (to.reverse) out += ";7";
  if (to.strike) out += ";9";
  if (to.text != Colour{}) append_colour(out, to.text, 30);
  if (to.ground != Colour{}) append_colour(out, to.ground, 40);
  out += 'm';
}

Bytes draw_row(const Cells& cells, int row, Drawing drawing) {
  int end = cells.size().columns;
  while (end > 0 && shows_nothing(cells.at(row, end - 1))) --end;
  Bytes out;
  Pen pen;
  for (int column = 0; column < end; ++column) {
    const Cell& cell = cells.at(row, column);
    if (cell.width == 0) continue;
    if (drawing == Drawing::in_colour) {
      append_pen(out, pen, cell.pen);
      pen = cell.pen;
    }
    append_marks(out, cell);
  }
  append_pen(out, pen, Pen{});
  return out;
}

}  // namespace gd::screen

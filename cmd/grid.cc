#include "cmd/grid.h"

#include <algorithm>

#include "cmd/format.h"

namespace gd::cmd {
namespace {

std::string fitted(std::string line, size_t width) {
  while (line.ends_with(' ')) line.pop_back();
  if (width == 0 || text_columns(line) <= width) return line;
  return std::string(first_columns(line, width));
}

}  // namespace

GridLines layout(const Grid& grid, size_t width) {
  std::vector<size_t> widths;
  for (size_t i = 0; i < grid.columns.size(); ++i) {
    size_t widest = text_columns(grid.columns[i].title) + (grid.sorted_by == i ? 1 : 0);
    for (const auto& row : grid.rows) widest = std::max(widest, text_columns(row[i]));
    widths.push_back(widest);
  }
  const auto line_of = [&](const auto& cell_at) {
    std::string line;
    for (size_t i = 0; i < grid.columns.size(); ++i) {
      if (i > 0) line += "  ";
      const FormatItem item{.width = static_cast<uint32_t>(widths[i]),
                            .right = grid.columns[i].right};
      append_cell(line, item, cell_at(i));
    }
    return fitted(std::move(line), width);
  };
  GridLines lines;
  lines.header = line_of([&](size_t i) {
    return grid.sorted_by == i ? grid.columns[i].title + "*" : grid.columns[i].title;
  });
  for (const auto& row : grid.rows) {
    lines.rows.push_back(line_of([&](size_t i) { return row[i]; }));
  }
  return lines;
}

}  // namespace gd::cmd

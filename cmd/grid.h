// A table for people, whose figures stand under each other: columns as wide as their values.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace gd::cmd {

struct GridColumn {
  std::string title;
  bool right = false;
};
struct Grid {
  std::vector<GridColumn> columns;
  std::vector<std::vector<std::string>> rows;
  std::optional<size_t> sorted_by;  // its heading is marked
};
struct GridLines {
  std::string header;
  std::vector<std::string> rows;
};
// Each line has at most `width` characters; 0: as long as it takes. Wide ones lose their end.
GridLines layout(const Grid& grid, size_t width);

}  // namespace gd::cmd

// Key=Value records in lines, as scontrol prints them: the first line at the margin, the
// others behind three blanks, a blank line after the record; or all in one line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gd::cmd {

enum class BlockForm { lines, one_line };

class Block {
 public:
  Block& line() {
    lines_.emplace_back();
    return *this;
  }
  Block& add(std::string_view key, std::string_view value) {
    std::string& to = lines_.back();
    if (!to.empty()) to += ' ';
    ((to += key) += '=') += value;
    return *this;
  }
  [[nodiscard]] std::string text(BlockForm form) const {
    std::string out;
    for (const std::string& line : lines_) {
      if (!out.empty()) out += form == BlockForm::lines ? "\n   " : " ";
      out += line;
    }
    return out + (form == BlockForm::lines ? "\n\n" : "\n");
  }

 private:
  std::vector<std::string> lines_;
};

}  // namespace gd::cmd

// The lines of a stream with a label in front of each, as `gdrun -l` prints them.
//
// A line leaves when it is whole, so that two streams on one terminal never tear each other's
// lines. One that is longer than kMaxHeldLine leaves in pieces, behind one label.
#pragma once

#include <string>
#include <string_view>

namespace gd::cmd {

class LineLabels {
 public:
  static constexpr size_t kMaxHeldLine = size_t{64} << 10;  // bytes

  // An empty label: lines are kept whole and nothing else.
  explicit LineLabels(std::string label) : label_(std::move(label)) {}

  // What can be written now.
  std::string take(std::string_view bytes);
  // The last line if it had no end; behind a label it gets one.
  std::string finish();

 private:
  void let_go(std::string& out);

  std::string label_;
  std::string held_;    // of a line that is not whole yet
  bool begun_ = false;  // its label and its first part have left
};

}  // namespace gd::cmd

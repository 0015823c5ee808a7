// The form that sacct and sstat share: columns with a line of dashes, or bare with '|' between.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "cmd/format.h"

namespace gd::cmd {

struct AcctForm {
  bool parsable = false;   // separated, also at the end
  bool parsable2 = false;  // separated
  std::string delimiter = "|";
};

template <class Row>
class AcctListing {
 public:
  // REQUIRES: each item is one of the fields.
  AcctListing(AcctForm form, std::vector<FormatItem> items, std::span<const Field<Row>> fields)
      : form_(std::move(form)), items_(std::move(items)) {
    for (const FormatItem& item : items_) {
      fields_.push_back(
          &*std::ranges::find(fields, std::string_view(item.name), &Field<Row>::name));
    }
  }

  void header(std::string& out) const {
    for (size_t i = 0; i < items_.size(); ++i) cell(i, fields_[i]->header, out);
    out += '\n';
    if (bare()) return;
    for (const FormatItem& item : items_) out += std::string(item.width, '-') + ' ';
    out += '\n';
  }
  void row(const Row& row, std::string& out) {
    for (size_t i = 0; i < items_.size(); ++i) {
      value_.clear();
      fields_[i]->get(row, value_);
      if (!bare()) mark_cut(items_[i].width);
      cell(i, value_, out);
    }
    out += '\n';
  }

 private:
  // "CANCELLED+": as Slurm's accounting commands, and no others of its, say that there is more.
  void mark_cut(size_t width) {
    if (width == 0 || text_columns(value_) <= width) return;
    value_.resize(first_columns(value_, width - 1).size());
    value_ += '+';
  }
  [[nodiscard]] bool bare() const { return form_.parsable || form_.parsable2; }
  void cell(size_t i, std::string_view value, std::string& out) const {
    if (bare()) {
      out += value;
      if (form_.parsable || i + 1 < items_.size()) out += form_.delimiter;
      return;
    }
    append_cell(out, items_[i], value);
    out += ' ';
  }

  AcctForm form_;
  std::vector<FormatItem> items_;
  std::vector<const Field<Row>*> fields_;
  std::string value_;
};

// --helpformat: four names a line.
template <class Row>
std::string list_fields(std::span<const Field<Row>> fields) {
  std::string out;
  int column = 0;
  for (const Field<Row>& field : fields) {
    std::string name(field.header);
    if (++column % 4 != 0)
      name.resize(std::max<size_t>(name.size() + 1, 20), ' ');
    else
      name += '\n';
    out += name;
  }
  return out.ends_with('\n') ? out : out + "\n";
}

}  // namespace gd::cmd

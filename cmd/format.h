// Slurm's output formats: the short one, "%.18i %9P %R", and the long one,
// "JobID:10,Name:.20,State: ,WorkDir:", both on one table of fields a kind of row.
//
//   short item = "%" ["."] [digits] letter      "." right-justifies; text between is kept
//   long item  = name [":" ["."] [digits] [suffix]]
//                without ":" 20 columns; ":" alone no width; a suffix follows the value
//
// Slurm's accounting has a third, "JobID,State%20,Elapsed%-12".
//
// A value longer than its width is cut, as Slurm does. Cost: one append a cell.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd::cmd {

inline constexpr uint32_t kMaxColumnWidth = 65536;

struct FormatItem {
  std::string before;  // literal text
  char letter = 0;     // short format
  std::string name;    // long format
  uint32_t width = 0;  // 0: as long as the value
  bool right = false;
  std::string suffix;
  std::string spelt;  // for errors: "%.18i", "jobid"
};

Result<std::vector<FormatItem>> parse_short_format(std::string_view format);
Result<std::vector<FormatItem>> parse_long_format(std::string_view format);
// "JobID,State%20,Elapsed%-12": widths behind a percent sign. `width_of` knows a column's own;
// here as there a negative width is left-justified. Names come out in lower case.
Result<std::vector<FormatItem>> parse_percent_format(std::string_view format,
                                                     int (*width_of)(std::string_view name));

// Characters of UTF-8, each taken for one column; the first `most` of them.
size_t text_columns(std::string_view text);
std::string_view first_columns(std::string_view text, size_t most);

// Padded and cut.
void append_cell(std::string& out, const FormatItem& item, std::string_view value);

template <class Row>
struct Field {
  char letter;            // 0: only by name
  std::string_view name;  // of -O, any case
  std::string_view header;
  void (*get)(const Row& row, std::string& out);
  std::string_view long_header = "";  // of -O, where Slurm's two differ
};

struct FieldName {
  char letter;
  std::string_view name;
};
// Index of the item's field, or an error that names the nearest.
Result<size_t> find_field(const FormatItem& item, std::span<const FieldName> names);

template <class Row>
class Listing {
 public:
  static Result<Listing> make(std::vector<FormatItem> items, std::span<const Field<Row>> fields) {
    std::vector<FieldName> names;
    for (const Field<Row>& field : fields) names.push_back({field.letter, field.name});
    Listing listing;
    for (const FormatItem& item : items) {
      const bool literal = item.letter == 0 && item.name.empty();
      listing.fields_.push_back(literal ? nullptr : &fields[TRY(find_field(item, names))]);
    }
    listing.items_ = std::move(items);
    return listing;
  }

  void header(std::string& out) const {
    for (size_t i = 0; i < items_.size(); ++i) {
      out += items_[i].before;
      if (fields_[i] == nullptr) continue;
      const bool named = items_[i].letter == 0 && !fields_[i]->long_header.empty();
      append_cell(out, items_[i], named ? fields_[i]->long_header : fields_[i]->header);
    }
    out += '\n';
  }
  void row(const Row& row, std::string& out) {
    for (size_t i = 0; i < items_.size(); ++i) {
      out += items_[i].before;
      if (fields_[i] == nullptr) continue;
      cell_.clear();
      fields_[i]->get(row, cell_);
      append_cell(out, items_[i], cell_);
    }
    out += '\n';
  }

 private:
  std::vector<FormatItem> items_;
  std::vector<const Field<Row>*> fields_;
  std::string cell_;
};

// A table for people: columns as wide as their values, cut to fit the terminal.
class Table {
 public:
  explicit Table(std::vector<std::string> headers) : headers_(std::move(headers)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // width 0: do not cut. bold: the header line in bold.
  [[nodiscard]] std::string text(int width, std::string_view bold = "") const;

 private:
  std::vector<std::string> headers_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace gd::cmd

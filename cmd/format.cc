#include "cmd/format.h"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "base/text.h"

namespace gd::cmd {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

// ["."] [digits] at `at`.
Result<void> take_width(std::string_view text, size_t& at, FormatItem& item) {
  if (at < text.size() && text[at] == '.') {
    item.right = true;
    ++at;
  }
  size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  if (end == at) return {};
  item.width = TRY(parse_number<uint32_t>(text.substr(at, end - at), 0, kMaxColumnWidth));
  at = end;
  return {};
}

// Bytes of the first `width` characters: a UTF-8 character is never halved.
size_t bytes_of_columns(std::string_view text, size_t width, size_t& columns) {
  columns = 0;
  size_t at = 0;
  while (at < text.size()) {
    if (columns == width) return at;
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    ++columns;
  }
  return at;
}

void append_padded(std::string& out, std::string_view value, size_t width, bool right) {
  size_t columns = 0;
  const std::string_view cut = value.substr(0, bytes_of_columns(value, width, columns));
  if (right) out.append(width - columns, ' ');
  out += cut;
  if (!right) out.append(width - columns, ' ');
}

}  // namespace

Result<std::vector<FormatItem>> parse_short_format(std::string_view format) {
  std::vector<FormatItem> items;
  std::string literal;
  for (size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      literal += format[at++];
      continue;
    }
    const size_t start = at++;
    if (at < format.size() && format[at] == '%') {
      literal += format[at++];
      continue;
    }
    FormatItem item{.before = std::exchange(literal, "")};
    TRY(take_width(format, at, item));
    if (at == format.size() || std::isalpha(static_cast<unsigned char>(format[at])) == 0) {
      return usage("format '" + printable(format) + "': a letter is missing after '" +
                   printable(format.substr(start, at - start)) + "'");
    }
    item.letter = format[at++];
    item.spelt = format.substr(start, at - start);
    items.push_back(std::move(item));
  }
  if (!literal.empty()) items.push_back({.before = literal});
  return items;
}

Result<std::vector<FormatItem>> parse_long_format(std::string_view format) {
  constexpr uint32_t kDefaultWidth = 20;
  std::vector<FormatItem> items;
  for (const std::string_view part : split(format, ',')) {
    const size_t colon = part.find(':');
    const std::string_view name = trim(part.substr(0, colon));
    if (name.empty() && colon == std::string_view::npos) continue;
    FormatItem item{.name = std::string(name), .width = kDefaultWidth, .spelt = std::string(name)};
    if (colon != std::string_view::npos) {
      item.width = 0;
      size_t at = colon + 1;
      TRY(take_width(part, at, item));
      item.suffix = part.substr(at);
    }
    items.push_back(std::move(item));
  }
  if (items.empty()) return usage("the format names no field");
  return items;
}

Result<std::vector<FormatItem>> parse_percent_format(std::string_view format,
                                                     int (*width_of)(std::string_view)) {
  std::vector<FormatItem> items;
  for (const std::string_view part : split(format, ',')) {
    const size_t percent = part.find('%');
    const std::string name = to_lower(trim(part.substr(0, percent)));
    if (name.empty()) continue;
    int width = width_of(name);
    if (percent != std::string_view::npos) {
      constexpr int kMost = static_cast<int>(kMaxColumnWidth);
      width = TRY(parse_number<int>(part.substr(percent + 1), -kMost, kMost));
    }
    items.push_back({.name = name,
                     .width = static_cast<uint32_t>(std::abs(width)),
                     .right = width > 0,
                     .spelt = std::string(part)});
  }
  if (items.empty()) return usage("the format names no field");
  return items;
}

size_t text_columns(std::string_view text) {
  size_t columns = 0;
  bytes_of_columns(text, text.size(), columns);
  return columns;
}

std::string_view first_columns(std::string_view text, size_t most) {
  size_t columns = 0;
  return text.substr(0, bytes_of_columns(text, most, columns));
}

void append_cell(std::string& out, const FormatItem& item, std::string_view value) {
  if (item.width == 0)
    out += value;
  else
    append_padded(out, value, item.width, item.right);
  out += item.suffix;
}

Result<size_t> find_field(const FormatItem& item, std::span<const FieldName> names) {
  for (size_t i = 0; i < names.size(); ++i) {
    const bool same =
        item.letter != 0 ? names[i].letter == item.letter : equal_no_case(names[i].name, item.name);
    if (same) return i;
  }
  std::vector<std::string_view> known;
  if (item.letter == 0) {
    for (const FieldName& name : names) known.push_back(name.name);
  }
  return usage("unknown field '" + printable(item.spelt) + "' in the format" +
               did_you_mean(to_lower(item.name), known));
}

std::string Table::text(int width, std::string_view bold) const {
  std::vector<size_t> widths;
  for (const std::string& header : headers_) widths.push_back(header.size());
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      size_t columns = 0;
      bytes_of_columns(row[i], row[i].size(), columns);
      widths[i] = std::max(widths[i], columns);
    }
  }
  constexpr size_t kGap = 2;
  constexpr size_t kLeast = 6;  // a column is not cut below this
  size_t total = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  while (width > 0 && total > static_cast<size_t>(width)) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kLeast) break;
    --*widest;
    --total;
  }
  std::string out;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line.append(kGap, ' ');
      append_padded(line, cells[i], widths[i], false);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line;
  };
  out += bold;
  add_line(headers_);
  if (!bold.empty()) out += "\033[0m";
  out += '\n';
  for (const std::vector<std::string>& row : rows_) {
    add_line(row);
    out += '\n';
  }
  return out;
}

}  // namespace gd::cmd

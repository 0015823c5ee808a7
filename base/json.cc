// json.h carried out.
#include "base/json.h"

#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/text.h"

namespace gd {

void JsonWriter::new_line() {
  if (style_ != JsonStyle::pretty) return;
  out_ += '\n';
  out_.append(levels_.size() * 2, ' ');
}

void JsonWriter::before_value() {
  if (levels_.empty()) {
    GD_CHECK(out_.empty(), out_);  // one document, one value
    return;
  }
  Level& level = levels_.back();
  if (level.bracket == '{') {
    GD_CHECK(level.key_given, out_);
    level.key_given = false;
    return;
  }
  if (!level.empty) out_ += ',';
  level.empty = false;
  new_line();
}

JsonWriter& JsonWriter::open(char bracket) {
  before_value();
  out_ += bracket;
  levels_.push_back({bracket});
  return *this;
}

JsonWriter& JsonWriter::close(char bracket, char end) {
  GD_CHECK(!levels_.empty() && levels_.back().bracket == bracket && !levels_.back().key_given,
           out_);
  const bool empty = levels_.back().empty;
  levels_.pop_back();
  if (!empty) new_line();
  out_ += end;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  GD_CHECK(!levels_.empty() && levels_.back().bracket == '{' && !levels_.back().key_given, out_);
  if (!levels_.back().empty) out_ += ',';
  levels_.back().empty = false;
  levels_.back().key_given = true;
  new_line();
  append_quoted(name);
  out_ += style_ == JsonStyle::pretty ? ": " : ":";
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  before_value();
  append_quoted(text);
  return *this;
}

JsonWriter& JsonWriter::real(double value) {
  if (!std::isfinite(value)) return null();
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  GD_CHECK(error == std::errc{}, value);
  return raw({buffer, static_cast<size_t>(end - buffer)});
}

JsonWriter& JsonWriter::raw(std::string_view token) {
  before_value();
  out_ += token;
  return *this;
}

void JsonWriter::append_quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out_ += '"';
  while (!text.empty()) {
    const char c = text[0];
    const size_t length = utf8_length(text);
    if (length == 0) {
      out_ += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      out_ += {'\\', c};
    } else if (c == '\n') {
      out_ += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out_ += "\\u00";
      out_ += {kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]};
    } else {
      out_ += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out_ += '"';
}

std::string JsonWriter::take() {
  GD_CHECK(levels_.empty() && !out_.empty(), out_);
  if (style_ == JsonStyle::pretty) out_ += '\n';
  return std::exchange(out_, {});
}

}  // namespace gd

// text.h carried out: cutting, numbers, sizes, quoting, octets as text. Matching
// (nearest, glob_match) is in text_match.cc.
#include "base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace gd {

namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Error invalid(std::string text) {
  return {ErrorCode::invalid, std::move(text)};
}

template <class Part>
std::string join_parts(std::span<const Part> parts, std::string_view separator) {
  std::string joined;
  for (const Part& part : parts) {
    if (&part != parts.data()) joined += separator;
    joined += part;
  }
  return joined;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (;;) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(kBlanks), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  return join_parts(parts, separator);
}

std::string join(std::span<const std::string_view> parts, std::string_view separator) {
  return join_parts(parts, separator);
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string to_lower(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string to_upper(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), upper);
  return out;
}

bool equal_no_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_with_no_case(std::string_view text, std::string_view prefix) {
  return equal_no_case(text.substr(0, prefix.size()), prefix);
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

namespace text_detail {
namespace {

template <class T>
Result<T> parse_whole(std::string_view text, T min, T max) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool out_of_range = error == std::errc::result_out_of_range;
  const bool negative =
      text.size() > 1 && text[0] == '-' && std::all_of(text.begin() + 1, text.end(), is_digit);
  if ((stop != end || (error != std::errc{} && !out_of_range)) && !negative) {
    return invalid("'" + printable(text) + "' is not a whole number");
  }
  if (out_of_range || stop != end || value < min || value > max) {
    return invalid(printable(text) + " is not between " + std::to_string(min) + " and " +
                   std::to_string(max));
  }
  return value;
}

}  // namespace

Result<int64_t> parse_signed(std::string_view text, int64_t min, int64_t max) {
  return parse_whole(text, min, max);
}

Result<uint64_t> parse_unsigned(std::string_view text, uint64_t min, uint64_t max) {
  return parse_whole(text, min, max);
}

}  // namespace text_detail

Result<double> parse_real(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::general);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) {
    return invalid("'" + printable(text) + "' is not a number");
  }
  return value;
}

namespace {

struct SizeText {
  uint64_t number = 0;
  int power = 0;  // of 1024
};

// The digits and the power of the unit; `plain` is the power of a bare number.
Result<SizeText> split_size(std::string_view text, int plain) {
  const size_t digits =
      static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  const std::string_view unit = text.substr(digits);
  const auto refuse = [&] {
    return invalid("'" + printable(text) + "' is not a size; write digits and K, M, G, T or P");
  };
  if (digits == 0) return refuse();
  SizeText size{TRY(parse_number<uint64_t>(text.substr(0, digits))), plain};
  if (unit.empty()) return size;
  constexpr std::string_view kUnits = "BKMGTP";
  const size_t power = kUnits.find(upper(unit[0]));
  if (power == std::string_view::npos) return refuse();
  const std::string_view rest = unit.substr(1);
  const bool suffix_fits =
      rest.empty() || (power > 0 && (equal_no_case(rest, "B") || equal_no_case(rest, "iB")));
  if (!suffix_fits) return refuse();
  size.power = static_cast<int>(power);
  return size;
}

Result<uint64_t> scale_up(uint64_t number, int powers, std::string_view text) {
  for (; powers > 0; --powers) {
    if (number > (UINT64_MAX >> 10)) {
      return invalid(printable(text) + " is more than 64 bits can count");
    }
    number <<= 10;
  }
  return number;
}

}  // namespace

Result<uint64_t> parse_mib(std::string_view text) {
  const SizeText size = TRY(split_size(text, 2));
  if (size.power >= 2) return scale_up(size.number, size.power - 2, text);
  const uint64_t per_mib = size.power == 1 ? 1024 : 1024 * 1024;
  return size.number / per_mib + (size.number % per_mib != 0 ? 1 : 0);
}

Result<uint64_t> parse_bytes(std::string_view text) {
  const SizeText size = TRY(split_size(text, 0));
  return scale_up(size.number, size.power, text);
}

std::string format_mib(uint64_t mib) {
  constexpr std::string_view kUnits = "MGTP";
  size_t unit = 0;
  while (mib != 0 && mib % 1024 == 0 && unit + 1 < kUnits.size()) {
    mib /= 1024;
    ++unit;
  }
  return std::to_string(mib) + kUnits[unit];
}

std::string shell_quote(std::string_view text) {
  constexpr std::string_view kSafe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!text.empty() && text.find_first_not_of(kSafe) == std::string_view::npos) {
    return std::string{text};
  }
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

size_t utf8_length(std::string_view text) {
  const auto octet = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = octet(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  uint32_t point = first & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((octet(i) & 0xc0) != 0x80) return 0;
    point = point << 6 | (octet(i) & 0x3fU);
  }
  if (length == 3 && (point < 0x800 || (point >= 0xd800 && point < 0xe000))) return 0;
  if (length == 4 && (point < 0x10000 || point > 0x10ffff)) return 0;
  return length;
}

namespace {

// Escape characters for a terminal: C0, DEL, and the C1 that some terminals obey.
bool is_control(std::string_view text) {
  const auto octet = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  return octet(0) < 0x20 || octet(0) == 0x7f || (octet(0) == 0xc2 && octet(1) < 0xa0);
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto octet = static_cast<uint8_t>(c);
  switch (c) {
    case '\n': out += "\\n"; return;
    case '\t': out += "\\t"; return;
    case '\r': out += "\\r"; return;
    default: out += {'\\', 'x', kHex[octet >> 4], kHex[octet & 15]};
  }
}

}  // namespace

std::string printable(std::string_view text, size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= max_bytes) return out + "...";
    const size_t length = utf8_length(text);
    if (length == 0 || is_control(text)) {
      append_escaped(out, text[0]);
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto octet = static_cast<uint8_t>(c);
    out += {kHex[octet >> 4], kHex[octet & 15]};
  }
  return out;
}

namespace {

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

Result<Bytes> from_hex(std::string_view text) {
  Bytes bytes;
  if (text.size() % 2 != 0) {
    return invalid("hexadecimal text of " + std::to_string(text.size()) +
                   " characters; an even number was expected");
  }
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) {
      return invalid("'" + printable(text.substr(i, 2)) + "' is not hexadecimal, at position " +
                     std::to_string(i + 1));
    }
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<uint8_t>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k < 4; ++k) {
      out += k <= count ? kBase64[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return invalid("base64 text of " + std::to_string(text.size()) +
                   " characters; a multiple of 4 was expected");
  }
  Bytes bytes;
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const size_t pad = !last || text[i + 3] != '=' ? 0 : text[i + 2] == '=' ? 2 : 1;
    uint32_t group = 0;
    for (size_t k = 0; k < 4; ++k) {
      const size_t value = k < 4 - pad ? kBase64.find(text[i + k]) : 0;
      if (value == std::string_view::npos) {
        return invalid("'" + printable(text.substr(i + k, 1)) + "' is not base64, at position " +
                       std::to_string(i + k + 1));
      }
      group = group << 6 | static_cast<uint32_t>(value);
    }
    if ((pad == 1 && (group & 0xff) != 0) || (pad == 2 && (group & 0xffff) != 0)) {
      return invalid("base64 text ends in bits that say nothing");  // one value, one spelling
    }
    for (size_t k = 0; k < 3 - pad; ++k) bytes += static_cast<char>(group >> (16 - 8 * k) & 255);
  }
  return bytes;
}

}  // namespace gd

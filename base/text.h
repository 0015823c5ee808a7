// Text: cutting, joining, numbers, sizes, quoting, nearest names. No locale, and
// no function that takes half a number for a whole one.
//
// Parsers take the whole string or give ErrorCode::invalid; the text names the
// value and the limits, the caller adds the thing with in().
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace gd {

std::vector<std::string_view> split(std::string_view text, char separator);  // keeps empty parts
std::vector<std::string_view> split_words(std::string_view text);  // at blanks; none is empty
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string join(std::span<const std::string_view> parts, std::string_view separator);
std::string_view trim(std::string_view text);  // blanks, tabs, line ends
std::string to_lower(std::string_view text);   // ASCII only, as all of these
std::string to_upper(std::string_view text);
bool equal_no_case(std::string_view a, std::string_view b);
bool starts_with_no_case(std::string_view text, std::string_view prefix);

// Removes `prefix` from the front of `text` if it is there, and says whether.
bool take_prefix(std::string_view& text, std::string_view prefix);

namespace text_detail {
Result<int64_t> parse_signed(std::string_view text, int64_t min, int64_t max);
Result<uint64_t> parse_unsigned(std::string_view text, uint64_t min, uint64_t max);
}  // namespace text_detail

// A whole decimal number: "'12x' is not a whole number", "70000 is not between 0 and 65535".
template <std::integral T>
Result<T> parse_number(std::string_view text, T min = std::numeric_limits<T>::min(),
                       T max = std::numeric_limits<T>::max()) {
  if constexpr (std::is_signed_v<T>) {
    return static_cast<T>(TRY(text_detail::parse_signed(text, min, max)));
  } else {
    return static_cast<T>(TRY(text_detail::parse_unsigned(text, min, max)));
  }
}
Result<double> parse_real(std::string_view text);  // decimal point, no locale, finite

// Sizes: digits and one of K M G T P (powers of 1024; a B or iB may follow).
// A plain number is MiB in the first, as for Slurm's --mem; bytes in the second.
Result<uint64_t> parse_mib(std::string_view text);  // rounded up: "1500K" is 2
Result<uint64_t> parse_bytes(std::string_view text);
std::string format_mib(uint64_t mib);  // "4G", "1536M": exact, parse_mib's inverse

// One word for a POSIX shell, quoted only when needed: it's -> 'it'\''s'.
std::string shell_quote(std::string_view text);

// For error texts and logs: control characters and invalid UTF-8 as \n, \x1b; cut
// at max_bytes with "...", so that no input can forge a line or clear a screen.
std::string printable(std::string_view text, size_t max_bytes = 200);

// Length of the valid UTF-8 sequence at the front of `text` (not empty), or 0.
size_t utf8_length(std::string_view text);

// The known word that `word` was probably meant to be: smallest edit distance with
// swaps, at most 2 and at most a third of the length; the first one of equals.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> known);
// "; did you mean 'partition'?" or nothing, to end an error text with.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

// * any run, ? one character, [a-z] and [!a-z] classes, \ takes the next literally.
// Cost: length of pattern x length of text at worst, no recursion.
bool glob_match(std::string_view pattern, std::string_view text);

std::string to_hex(std::string_view bytes);
Result<Bytes> from_hex(std::string_view text);  // either case
std::string to_base64(std::string_view bytes);  // RFC 4648, padded
Result<Bytes> from_base64(std::string_view text);

}  // namespace gd

// Nearest names and glob patterns. Both bounded: a name longer than kMaxWord has
// no near one, and a pattern backtracks to its last star only.
#include <algorithm>
#include <array>

#include "base/text.h"

namespace gd {

namespace {

constexpr size_t kMaxWord = 64;

// Optimal string alignment: inserted, deleted, replaced, two neighbours swapped.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::array<size_t, kMaxWord + 1>, 3> rows{};  // the last three rows of the table
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i - 1) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], two_above[j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kMaxWord) return std::nullopt;
  const std::string wanted = to_lower(word);
  const size_t allowed = std::clamp<size_t>(word.size() / 3, 1, 2);
  std::optional<std::string_view> best;
  size_t best_distance = allowed + 1;
  for (const std::string_view name : known) {
    if (name.empty() || name.size() > kMaxWord) continue;
    const size_t distance = edit_distance(wanted, to_lower(name));
    if (distance >= best_distance || distance >= name.size()) continue;
    best = name;
    best_distance = distance;
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const std::optional<std::string_view> name = nearest(word, known);
  return name ? "; did you mean '" + std::string(*name) + "'?" : "";
}

namespace {

// What the pattern's first element takes of one character: its length in the
// pattern, and whether it matches. A '[' without ']' stands for itself.
struct Element {
  size_t length;
  bool matches;
};

Element match_class(std::string_view pattern, char c) {
  size_t i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (const size_t first = i; i < pattern.size(); ++i) {
    if (pattern[i] == ']' && i > first) return {i + 1, found != negated};
    const char low = pattern[i];
    char high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      high = pattern[i + 2];
      i += 2;
    }
    const auto octet = [](char x) { return static_cast<unsigned char>(x); };
    if (octet(low) <= octet(c) && octet(c) <= octet(high)) found = true;
  }
  return {1, c == '['};
}

Element match_one(std::string_view pattern, char c) {
  switch (pattern[0]) {
    case '?': return {1, true};
    case '[': return match_class(pattern, c);
    case '\\':
      if (pattern.size() > 1) return {2, pattern[1] == c};
      return {1, c == '\\'};
    default: return {1, pattern[0] == c};
  }
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  std::optional<size_t> star;  // where the pattern goes on behind the last star
  size_t star_text = 0;        // up to where that star reaches
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
      continue;
    }
    if (p < pattern.size()) {
      const Element element = match_one(pattern.substr(p), text[t]);
      if (element.matches) {
        p += element.length;
        ++t;
        continue;
      }
    }
    if (!star) return false;
    p = *star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace gd

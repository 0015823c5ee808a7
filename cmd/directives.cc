#include "cmd/directives.h"

#include "base/text.h"

namespace gd::cmd {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// From behind an opening quote to behind the closing one.
Result<void> take_quoted(std::string_view text, size_t& at, char quote, std::string& word) {
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == quote) {
      ++at;
      return {};
    }
    const bool escapes = quote == '"' && c == '\\' && at + 1 < text.size() &&
                         std::string_view("\"\\$`").find(text[at + 1]) != std::string_view::npos;
    if (escapes) ++at;
    word += text[at];
  }
  return Error{ErrorCode::usage, std::string("the quote ") + quote + " is not closed"};
}

Result<std::string> take_word(std::string_view text, size_t& at) {
  std::string word;
  while (at < text.size() && !is_blank(text[at])) {
    const char c = text[at++];
    if (c == '\'' || c == '"') {
      TRY(take_quoted(text, at, c, word));
    } else if (c == '\\') {
      if (at == text.size()) return Error{ErrorCode::usage, "nothing follows the last backslash"};
      word += text[at++];
    } else {
      word += c;
    }
  }
  return word;
}

bool take_directive(std::string_view& line) {
  for (const std::string_view prefix : {"#SBATCH", "#GD"}) {
    if (!line.starts_with(prefix)) continue;
    if (line.size() > prefix.size() && !is_blank(line[prefix.size()])) continue;
    line.remove_prefix(prefix.size());
    return true;
  }
  return false;
}

}  // namespace

Result<std::vector<std::string>> split_shell_words(std::string_view text) {
  std::vector<std::string> words;
  size_t at = 0;
  while (true) {
    while (at < text.size() && is_blank(text[at])) ++at;
    if (at == text.size() || text[at] == '#') return words;
    words.push_back(TRY(take_word(text, at)));
  }
}

Result<std::vector<Directive>> read_directives(std::string_view script) {
  std::vector<Directive> directives;
  size_t count = 0;
  int number = 0;
  while (!script.empty()) {
    const size_t end = script.find('\n');
    std::string_view line = script.substr(0, end);
    script.remove_prefix(end == std::string_view::npos ? script.size() : end + 1);
    ++number;
    if (!line.empty() && line[0] != '#' && !trim(line).empty()) break;
    if (!take_directive(line)) continue;
    Result<std::vector<std::string>> words = split_shell_words(line);
    if (!words.ok()) return std::move(words).error().in("line " + std::to_string(number));
    count += words->size();
    if (count > kMaxDirectiveWords) {
      return Error{ErrorCode::usage, "line " + std::to_string(number) + ": more than " +
                                         std::to_string(kMaxDirectiveWords) +
                                         " words stand in the directives of this script"};
    }
    if (!words->empty()) directives.push_back({number, std::move(words).take()});
  }
  return directives;
}

}  // namespace gd::cmd

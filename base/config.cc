// The grammar of configuration files. The schema's side is in config_schema.cc,
// the documents made of it in config_print.cc.
#include "base/config.h"

#include <algorithm>
#include <span>

#include "base/config_errors.h"
#include "base/text.h"

namespace gd {

namespace {

constexpr std::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

bool is_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kNameCharacters) == std::string_view::npos;
}

// The name of a section may be a host list: [node n[01-16],login1]; [user *] is everybody,
// [user lab/ada] a user in one account.
bool is_section_name(std::string_view kind, std::string_view text) {
  if (kind == "user" && text == "*") return true;
  const std::string all = std::string(kNameCharacters) + (kind == "user" ? "[],/" : "[],");
  return !text.empty() && text.find_first_not_of(all) == std::string_view::npos;
}

// A comment begins with # at the start or behind a blank; not inside quotes.
std::string_view without_comment(std::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && quoted)
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (text[i] == '#' && !quoted && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t')) {
      return text.substr(0, i);
    }
  }
  return text;
}

Result<std::string> unquote(std::string_view text) {
  if (!text.starts_with('"')) {
    if (text.find('"') == std::string_view::npos) return std::string{text};
    return Error{ErrorCode::invalid, "quotes must enclose the whole value"};
  }
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (i + 1 == text.size()) return value;
      return Error{ErrorCode::invalid,
                   "'" + printable(text.substr(i + 1), 40) + "' stands behind the closing quote"};
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      if (text[i] != '"' && text[i] != '\\') {
        return Error{ErrorCode::invalid, "'\\" + printable(text.substr(i, 1)) +
                                             "' inside quotes; only \\\" and \\\\ are known"};
      }
    }
    value += text[i];
  }
  return Error{ErrorCode::invalid, "the closing quote is missing"};
}

class Parser {
 public:
  Parser(std::string_view text, std::string file, ConfigErrors& errors)
      : rest_(text), errors_(errors) {
    result_.file = std::move(file);
    result_.sections.emplace_back();
  }

  ConfigFile run() {
    std::string line;
    while (next_line(line)) statement(trim(line));
    return std::move(result_);
  }

 private:
  // One statement, of one line or of several joined by backslashes.
  bool next_line(std::string& line) {
    line.clear();
    first_line_ = line_ + 1;
    bool any = false;
    while (!rest_.empty()) {
      any = true;
      ++line_;
      const size_t end = std::min(rest_.find('\n'), rest_.size());
      const std::string_view raw = trim(without_comment(rest_.substr(0, end)));
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      const bool joined = raw.ends_with('\\') && !raw.ends_with("\\\\");
      line += joined ? trim(raw.substr(0, raw.size() - 1)) : raw;
      if (!joined) return true;
      line += ' ';
    }
    return any;
  }

  void statement(std::string_view text) {
    if (text.empty()) return;
    if (text.find_first_of(std::string_view("\0\x1b", 2)) != std::string_view::npos) {
      return errors_.add(first_line_, "a control character in '" + printable(text, 40) + "'");
    }
    if (text.starts_with('[')) return header(text);
    const size_t equals = text.find('=');
    const std::string_view key = trim(text.substr(0, equals));
    if (equal_no_case(split_words(key).empty() ? key : split_words(key)[0], "include")) {
      return errors_.add(first_line_, "include is not supported; put all keys into this file");
    }
    if (equals == std::string_view::npos) {
      return errors_.add(first_line_,
                         "'" + printable(text, 40) + "' is neither 'key = value' nor a [section]");
    }
    if (!is_name(key)) {
      return errors_.add(first_line_, "'" + printable(key, 40) + "' is not the name of a key");
    }
    Result<std::string> value = unquote(trim(text.substr(equals + 1)));
    if (!value.ok()) {
      return errors_.add(first_line_, std::string(key) + ": " + value.error().text);
    }
    result_.sections.back().entries.push_back(
        {std::string(key), std::move(value).take(), first_line_});
  }

  // A bad header still begins a section, or its keys would be blamed on the one before.
  void header(std::string_view text) {
    ConfigSection section;
    section.line = first_line_;
    const std::vector<std::string_view> words = text.ends_with(']')
                                                    ? split_words(text.substr(1, text.size() - 2))
                                                    : std::vector<std::string_view>{};
    const bool good = (words.size() == 1 || words.size() == 2) && is_name(words[0]) &&
                      is_section_name(words[0], words.back());
    if (good) {
      section.kind = words[0];
      if (words.size() == 2) section.name = words[1];
    } else {
      section.kind = kBadHeader;
      errors_.add(first_line_, "'" + printable(text, 40) + "' is not a header as [partition long]");
    }
    result_.sections.push_back(std::move(section));
  }

  std::string_view rest_;
  int line_ = 0;
  int first_line_ = 0;
  ConfigErrors& errors_;
  ConfigFile result_;
};

}  // namespace

void ConfigErrors::add(int line, const std::string& what) {
  errors_.emplace_back(line, what);
}

Result<void> ConfigErrors::result() {
  if (errors_.empty()) return {};
  std::stable_sort(errors_.begin(), errors_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const size_t shown = std::min(errors_.size(), kMaxConfigErrors);
  std::string text;
  for (const auto& [line, what] : std::span(errors_).first(shown)) {
    if (!text.empty()) text += '\n';
    if (line > 0) text += file_ + ":" + std::to_string(line) + ": ";
    text += what;
  }
  if (shown < errors_.size()) {
    text += "\n" + file_ + ": and " + std::to_string(errors_.size() - shown) + " more errors";
  }
  return Error{ErrorCode::invalid, text};
}

Result<ConfigFile> parse_config(std::string_view text, const std::string& file,
                                ConfigErrors& errors) {
  if (text.size() > kMaxConfigBytes) {
    return Error{ErrorCode::invalid, file + ": holds " + std::to_string(text.size()) +
                                         " bytes, at most " + std::to_string(kMaxConfigBytes) +
                                         " are allowed"};
  }
  return Parser{text, file, errors}.run();
}

Result<ConfigFile> parse_config(std::string_view text, const std::string& file) {
  ConfigErrors errors{file};
  ConfigFile parsed = TRY(parse_config(text, file, errors));
  TRY(errors.result());
  return parsed;
}

}  // namespace gd

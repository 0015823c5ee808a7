#include "proto/multi_prog.h"

#include <optional>

#include "base/text.h"
#include "proto/index_set.h"

namespace gd {
namespace {

struct Line {
  size_t number = 0;
  std::vector<std::string> words;
};

Error wrong(size_t line, std::string text) {
  return Error{ErrorCode::invalid, "line " + std::to_string(line) + ": " + std::move(text)};
}

// Words of lines, with what quotes and backslashes do to them.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<std::vector<Line>> read() {
    for (; at_ < text_.size(); ++at_) TRY(take(text_[at_]));
    if (quote_ != 0) return wrong(number_, std::string("the quote ") + quote_ + " is not closed");
    end_line();
    return std::move(lines_);
  }

 private:
  Result<void> take(char c) {
    if (comment_ && c != '\n') return {};
    if (c == '\\' && quote_ != '\'') {
      if (++at_ == text_.size()) return {};
      if (text_[at_] == '\n') {
        ++number_;
      } else {
        add(text_[at_]);
      }
      return {};
    }
    if (quote_ != 0) {
      if (c == '\n') return wrong(number_, std::string("the quote ") + quote_ + " is not closed");
      if (c == quote_) {
        quote_ = 0;
      } else {
        add(c);
      }
    } else if (c == '\n') {
      end_line();
      ++number_;
    } else if (c == '\'' || c == '"') {
      quote_ = c;
      if (!word_) word_.emplace();
    } else if (c == ' ' || c == '\t' || c == '\r') {
      end_word();
    } else if (c == '#' && !word_ && words_.empty()) {
      comment_ = true;
    } else {
      add(c);
    }
    return {};
  }
  void add(char c) {
    if (!word_) word_.emplace();
    *word_ += c;
  }
  void end_word() {
    if (word_) words_.push_back(*std::exchange(word_, std::nullopt));
  }
  void end_line() {
    end_word();
    comment_ = false;
    if (!words_.empty()) lines_.push_back({number_, std::exchange(words_, {})});
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t number_ = 1;
  char quote_ = 0;
  bool comment_ = false;
  std::optional<std::string> word_;
  std::vector<std::string> words_;
  std::vector<Line> lines_;
};

std::string filled_in(const std::string& word, uint32_t task, uint32_t place) {
  std::string out;
  for (size_t i = 0; i < word.size(); ++i) {
    const char next = word[i] == '%' && i + 1 < word.size() ? word[i + 1] : '\0';
    if (next == 't' || next == 'o') {
      out += std::to_string(next == 't' ? task : place);
      ++i;
    } else {
      out += word[i];
    }
  }
  return out;
}

using Programs = std::vector<std::vector<std::string>>;

void give(Programs& programs, const Line& line, const IndexSet& tasks) {
  uint32_t place = 0;
  tasks.for_each([&](uint32_t task) {
    for (size_t i = 1; i < line.words.size(); ++i) {
      programs[task].push_back(filled_in(line.words[i], task, place));
    }
    ++place;
  });
}

Result<IndexSet> tasks_of(const Line& line, uint32_t tasks) {
  Result<IndexSet> named = parse_index_set(line.words[0]);
  if (!named.ok()) {
    return wrong(line.number,
                 "'" + printable(line.words[0], 60) + "' is no list of tasks, as 0-3,7 is");
  }
  if (named->empty() || named->back() >= tasks) {
    return wrong(line.number, "task " + std::to_string(named->empty() ? 0 : named->back()) +
                                  " is not there: the step has " + std::to_string(tasks) +
                                  ", counted from 0");
  }
  return named;
}

}  // namespace

Result<Programs> parse_programs(std::string_view text, uint32_t tasks) {
  if (text.size() > kMaxProgramsBytes) {
    return Error{ErrorCode::invalid, std::to_string(text.size()) + " bytes, at most " +
                                         std::to_string(kMaxProgramsBytes) + " are taken"};
  }
  Programs programs(tasks);
  IndexSet given;
  std::optional<Line> others;
  for (const Line& line : TRY(Reader(text).read())) {
    if (line.words.size() < 2) return wrong(line.number, "no program after the tasks");
    if (line.words[0] == "*") {
      others = line;
      continue;
    }
    const IndexSet named = TRY(tasks_of(line, tasks));
    if (const IndexSet twice = given.common(named); !twice.empty()) {
      return wrong(line.number, "task " + std::to_string(twice.front()) + " has a program already");
    }
    given = given.united(named);
    give(programs, line, named);
  }
  const IndexSet rest = IndexSet::range(0, tasks - 1).minus(given);
  if (rest.empty()) return programs;
  if (!others) {
    return Error{ErrorCode::invalid, "task " + std::to_string(rest.front()) + " has no program"};
  }
  give(programs, *others, rest);
  return programs;
}

}  // namespace gd

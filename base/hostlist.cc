// hostlist.h carried out. Expansion counts before it makes: a product of ranges
// that would pass kMaxHosts is refused before its first name exists.
#include "base/hostlist.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace gd {

namespace {

constexpr size_t kMaxDigits = 15;  // below 2^53, and no sum of two overflows

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         c == '.';
}

std::string padded(uint64_t number, size_t width) {
  std::string digits = std::to_string(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

struct Range {
  uint64_t first;
  uint64_t last;
  size_t width;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<std::string>> run() {
    if (text_.size() > kMaxHostlistBytes) {
      return Error{ErrorCode::invalid, "hostlist of " + std::to_string(text_.size()) +
                                           " bytes; at most " + std::to_string(kMaxHostlistBytes) +
                                           " are allowed"};
    }
    for (;;) {
      skip_blanks();
      TRY(item());
      skip_blanks();
      if (at_end()) return std::move(hosts_);
      if (!take(',')) return wrong("',' was expected, not '" + here() + "'");
    }
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] std::string here() const { return printable(text_.substr(at_, 1)); }
  void skip_blanks() {
    while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] Error wrong(const std::string& what) const {
    return {ErrorCode::invalid, "hostlist '" + printable(text_, 80) + "': " + what +
                                    " at position " + std::to_string(at_ + 1)};
  }
  [[nodiscard]] Error too_many() const {
    return {ErrorCode::invalid, "hostlist '" + printable(text_, 80) + "' names more than " +
                                    std::to_string(kMaxHosts) + " hosts"};
  }

  Result<void> item() {
    std::vector<std::string> names = {""};
    bool empty = true;
    while (!at_end()) {
      if (take('[')) {
        const std::vector<Range> ranges = TRY(bracket());
        TRY(multiply(names, ranges));
      } else if (is_name_character(text_[at_])) {
        const size_t begin = at_;
        while (!at_end() && is_name_character(text_[at_])) ++at_;
        for (std::string& name : names) name += text_.substr(begin, at_ - begin);
      } else {
        break;
      }
      empty = false;
    }
    if (empty && at_end()) return wrong("a host name is missing");
    if (empty) return wrong("'" + here() + "' is not part of a host name");
    for (std::string& name : names) {
      if (name.size() > kMaxHostNameBytes) {
        return wrong("a host name of " + std::to_string(name.size()) + " characters, at most " +
                     std::to_string(kMaxHostNameBytes) + " are allowed, ends");
      }
      if (hosts_.size() == kMaxHosts) return too_many();
      hosts_.push_back(std::move(name));
    }
    return {};
  }

  Result<std::vector<Range>> bracket() {
    std::vector<Range> ranges;
    do {
      ranges.push_back(TRY(range()));
    } while (take(','));
    if (take(']')) return ranges;
    return wrong(at_end() ? "']' is missing" : "']' was expected, not '" + here() + "'");
  }

  Result<Range> range() {
    const size_t begin = at_;
    const uint64_t first = TRY(number());
    Range range{first, first, at_ - begin};
    if (!take('-')) return range;
    range.last = TRY(number());
    if (range.last < range.first) {
      return wrong("range " + std::to_string(range.first) + "-" + std::to_string(range.last) +
                   " runs backwards");
    }
    return range;
  }

  Result<uint64_t> number() {
    const size_t begin = at_;
    while (!at_end() && is_digit(text_[at_])) ++at_;
    if (at_ == begin) return wrong("a number was expected");
    if (at_ - begin > kMaxDigits) {
      return wrong("a number of more than " + std::to_string(kMaxDigits) + " digits ends");
    }
    return parse_number<uint64_t>(text_.substr(begin, at_ - begin));
  }

  Result<void> multiply(std::vector<std::string>& names, const std::vector<Range>& ranges) {
    uint64_t count = 0;
    for (const Range& range : ranges) {
      count += range.last - range.first + 1;
      if (count * names.size() + hosts_.size() > kMaxHosts) return too_many();
    }
    std::vector<std::string> product;
    product.reserve(count * names.size());
    for (const std::string& name : names) {
      for (const Range& range : ranges) {
        for (uint64_t n = range.first; n <= range.last; ++n) {
          product.push_back(name + padded(n, range.width));
        }
      }
    }
    names = std::move(product);
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<std::string> hosts_;
};

// A name cut in front of its last number: "node07" is {"node", 7, 2}.
struct Cut {
  std::string_view prefix;
  std::optional<uint64_t> number;
  size_t width = 0;
};

Cut cut(std::string_view name) {
  size_t begin = name.size();
  while (begin > 0 && is_digit(name[begin - 1]) && name.size() - begin < kMaxDigits) --begin;
  if (begin == name.size() || begin == 0) return {name, std::nullopt};  // none, or nothing else
  return {name.substr(0, begin), parse_number<uint64_t>(name.substr(begin)).take(),
          name.size() - begin};
}

// Would `next` come after `last` when a range of this width is expanded?
bool follows(const Cut& next, uint64_t last, size_t width) {
  return *next.number == last + 1 && padded(*next.number, width).size() == next.width;
}

struct Run {
  uint64_t first;
  uint64_t last;
  size_t width;
};

std::string print_runs(const std::vector<Run>& runs) {
  std::string text;
  for (const Run& run : runs) {
    if (!text.empty()) text += ',';
    text += padded(run.first, run.width);
    if (run.last != run.first) text += "-" + padded(run.last, run.width);
  }
  return runs.size() == 1 && runs[0].first == runs[0].last ? text : "[" + text + "]";
}

}  // namespace

Result<std::vector<std::string>> expand_hostlist(std::string_view text) {
  return Parser{text}.run();
}

std::string fold_hostlist(std::span<const std::string> hosts) {
  std::string out;
  for (size_t i = 0; i < hosts.size();) {
    if (!out.empty()) out += ',';
    const Cut head = cut(hosts[i]);
    out += head.prefix;
    ++i;
    if (!head.number) continue;
    std::vector<Run> runs = {{*head.number, *head.number, head.width}};
    for (; i < hosts.size(); ++i) {
      const Cut next = cut(hosts[i]);
      if (!next.number || next.prefix != head.prefix) break;
      if (follows(next, runs.back().last, runs.back().width))
        runs.back().last = *next.number;
      else
        runs.push_back({*next.number, *next.number, next.width});
    }
    out += print_runs(runs);
  }
  return out;
}

namespace {

// Runs of digits compare by value, the rest by octet.
int compare_hosts(std::string_view a, std::string_view b) {
  size_t i = 0;
  size_t k = 0;
  while (i < a.size() && k < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[k])) {
      if (a[i] != b[k]) return a[i] < b[k] ? -1 : 1;
      ++i;
      ++k;
      continue;
    }
    const auto take_number = [](std::string_view text, size_t& at) {
      const size_t begin = at;
      while (at < text.size() && is_digit(text[at])) ++at;
      std::string_view digits = text.substr(begin, at - begin);
      while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
      return digits;
    };
    const std::string_view x = take_number(a, i);
    const std::string_view y = take_number(b, k);
    if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
    if (const int order = x.compare(y); order != 0) return order;
  }
  if (i < a.size() || k < b.size()) return i < a.size() ? 1 : -1;
  return a.compare(b);  // 01 and 1: some order, but always the same
}

}  // namespace

void sort_hosts(std::vector<std::string>& hosts) {
  std::sort(hosts.begin(), hosts.end(),
            [](const std::string& a, const std::string& b) { return compare_hosts(a, b) < 0; });
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
}

}  // namespace gd

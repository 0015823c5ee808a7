// One line of a scenario: "kind name key=value word". Values are asked for by key; done() refuses
// what nobody has asked for, so a word is known by being read. Views into the text.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/text.h"
#include "proto/limit_values.h"

namespace gd::sim {

inline constexpr int64_t kMaxScenarioTime = 4'000'000'000;  // seconds

class Line {
 public:
  static Result<Line> parse(std::string_view row);

  [[nodiscard]] std::string_view kind() const { return kind_; }
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] Result<uint32_t> id() const { return parse_number<uint32_t>(name_, 1, 1U << 30); }
  bool has(std::string_view key) {
    asked_.insert(key);
    return values_.contains(key);
  }
  std::string_view text(std::string_view key) { return has(key) ? values_.find(key)->second : ""; }
  template <class T>
  Result<T> number(std::string_view key, T otherwise, T least, T most) {
    if (!has(key)) return otherwise;
    Result<T> number = parse_number<T>(text(key), least, most);
    if (!number.ok()) return std::move(number).error().in(key);
    return number;
  }
  Result<Seconds> time(std::string_view key, Seconds otherwise);
  std::vector<std::string> list(std::string_view key);
  // Those of a list: ids of jobs, moments. None if the key is not there.
  template <class T>
  Result<std::vector<T>> numbers(std::string_view key, T least, T most) {
    std::vector<T> result;
    for (const std::string& one : list(key)) {
      Result<T> number = parse_number<T>(one, least, most);
      if (!number.ok()) return std::move(number).error().in(key);
      result.push_back(*number);
    }
    return result;
  }
  // What has not been asked for is a limit.
  template <class Limits>
  Result<void> limits(Limits& target) {
    for (const auto& [key, value] : values_) {
      if (asked_.contains(key)) continue;
      asked_.insert(key);
      Result<void> set = set_limit(target, key, value);
      if (!set.ok()) return std::move(set).error().in(key);
    }
    return {};
  }
  [[nodiscard]] Result<void> done() const;

 private:
  std::string_view kind_;
  std::string_view name_;
  std::map<std::string_view, std::string_view> values_;
  std::set<std::string_view> asked_;
};

struct NumberedLine {
  size_t number = 0;
  Line line;
};

// All that say something.
Result<std::vector<NumberedLine>> lines_of(std::string_view text);

}  // namespace gd::sim

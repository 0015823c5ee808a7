#include "gdsim/scenario_line.h"

namespace gd::sim {

Result<Line> Line::parse(std::string_view row) {
  const std::vector<std::string_view> words = split_words(row);
  Line line;
  line.kind_ = words[0];
  if (words.size() < 2) {
    return Error{ErrorCode::invalid, "'" + printable(words[0]) + "' lacks a name"};
  }
  line.name_ = words[1];
  for (size_t i = 2; i < words.size(); ++i) {
    const size_t at = words[i].find('=');
    const std::string_view value =
        at == std::string_view::npos ? std::string_view{} : words[i].substr(at + 1);
    if (!line.values_.emplace(words[i].substr(0, at), value).second) {
      return Error{ErrorCode::invalid,
                   "'" + printable(words[i].substr(0, at)) + "' is given twice"};
    }
  }
  return line;
}

Result<Seconds> Line::time(std::string_view key, Seconds otherwise) {
  return Seconds{TRY(number<int64_t>(key, otherwise.count(), 0, kMaxScenarioTime))};
}

std::vector<std::string> Line::list(std::string_view key) {
  std::vector<std::string> result;
  if (!has(key)) return result;
  for (const std::string_view one : split(text(key), ',')) result.emplace_back(one);
  return result;
}

Result<void> Line::done() const {
  for (const auto& [key, value] : values_) {
    if (asked_.contains(key)) continue;
    const std::vector<std::string_view> known(asked_.begin(), asked_.end());
    return Error{ErrorCode::invalid,
                 "unknown word '" + printable(key) + "'" + did_you_mean(key, known)};
  }
  return {};
}

Result<std::vector<NumberedLine>> lines_of(std::string_view text) {
  std::vector<NumberedLine> lines;
  size_t number = 0;
  for (const std::string_view row : split(text, '\n')) {
    ++number;
    const std::string_view content = trim(row);
    if (content.empty() || content.starts_with('#')) continue;
    Result<Line> line = Line::parse(content);
    if (!line.ok()) return std::move(line).error().in("line " + std::to_string(number));
    lines.push_back({number, std::move(line).take()});
  }
  return lines;
}

}  // namespace gd::sim

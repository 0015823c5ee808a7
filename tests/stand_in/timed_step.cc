#include "tests/stand_in/timed_step.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace gd::stand_in {
namespace {

Milliseconds sleep_of(std::string_view seconds) {
  const Result<double> value = parse_real(seconds);
  if (!value.ok() || *value <= 0) return 0ms;
  const double longest = static_cast<double>(kLongestSleep.count());
  return Milliseconds{static_cast<int64_t>(std::ceil(std::min(*value * 1000, longest)))};
}

}  // namespace

TimedStep read_timed_step(std::string_view script) {
  TimedStep step;
  for (const std::string_view line : split(script, '\n')) {
    for (const std::string_view command : split(line, ';')) {
      const std::vector<std::string_view> words = split_words(command);
      if (words.size() != 2) continue;
      if (words[0] == "sleep") step.runs = std::min(step.runs + sleep_of(words[1]), kLongestSleep);
      if (words[0] != "exit") continue;
      const Result<uint8_t> code = parse_number<uint8_t>(words[1]);
      if (!code.ok()) continue;
      step.code = *code;
      return step;
    }
  }
  return step;
}

}  // namespace gd::stand_in

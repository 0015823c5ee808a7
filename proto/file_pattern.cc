#include "proto/file_pattern.h"

#include <cctype>

#include "proto/step_name.h"

namespace gd {

namespace {

constexpr size_t kMaxPadding = 10;  // as Slurm: a wider one is cut to this

std::string pad(uint64_t number, size_t width) {
  std::string digits = std::to_string(number);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

std::string with_step(const PatternValues& v) {
  if (v.step.value >= kInteractiveStep.value) return std::to_string(v.job.value);
  return std::to_string(v.job.value) + '.' + std::to_string(v.step.value);
}

uint64_t task_number(const PatternValues& v) {
  constexpr uint64_t kNoTask = 0xfffffffe;  // as Slurm says it
  return v.array_job.value != 0 ? v.array_task : kNoTask;
}

// What stands for %letter, or %letter itself where Slurm has no such name.
std::string value_of(char letter, size_t width, const PatternValues& v) {
  switch (letter) {
    case '%': return "%";
    case 'A': return pad(v.array_job.value != 0 ? v.array_job.value : v.job.value, width);
    case 'j': return pad(v.job.value, width);
    case 'a': return pad(task_number(v), width);
    case 'b': return pad(task_number(v) % 10, width);
    case 'J': return with_step(v);
    case 'N': return v.node;
    case 'n': return pad(v.node_index, width);
    case 's': return step_name(v.step);
    case 't': return pad(v.task, width);
    case 'u': return v.user;
    case 'x': return v.job_name;
    default: return std::string{'%', letter};
  }
}

}  // namespace

std::string expand_pattern(const std::string& pattern, const PatternValues& values) {
  if (pattern.find('\\') != pattern.npos) {  // a backslash anywhere: taken as it is, without them
    std::string plain;
    for (const char c : pattern) {
      if (c != '\\') plain += c;
    }
    return plain;
  }
  std::string name;
  for (size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '%') {
      name += pattern[at];
      continue;
    }
    size_t letter = at + 1;
    size_t width = 0;
    while (letter < pattern.size() && std::isdigit(static_cast<unsigned char>(pattern[letter]))) {
      width = std::min(width * 10 + static_cast<size_t>(pattern[letter] - '0'), kMaxPadding);
      ++letter;
    }
    if (letter == pattern.size()) {
      name += pattern.substr(at);
      break;
    }
    name += value_of(pattern[letter], width, values);
    at = letter;
  }
  return name;
}

}  // namespace gd

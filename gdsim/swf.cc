#include "gdsim/swf.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace gd::sim {

namespace {

constexpr size_t kFields = 18;
constexpr size_t kNeeded = 9;
constexpr double kMost = 1e12;  // of any number in it: beyond is no time and no count

using Fields = std::array<double, kFields>;

Result<size_t> read_fields(std::string_view line, Fields& fields) {
  size_t count = 0;
  while (count < kFields) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
    const auto [end, error] = std::from_chars(word.begin(), word.end(), fields[count]);
    const bool whole = error == std::errc{} && end == word.end();
    if (!whole || !(fields[count] >= -kMost && fields[count] <= kMost)) {
      return Error{ErrorCode::invalid, "'" + printable(word, 40) + "' is not a number"};
    }
    line.remove_prefix(word.size());
    ++count;
  }
  if (count > 0 && count < kNeeded) {
    return Error{ErrorCode::invalid, std::to_string(count) + " numbers, " +
                                         std::to_string(kNeeded) + " are needed for a job"};
  }
  return count;
}

Seconds seconds(double value) {
  return Seconds{static_cast<int64_t>(value)};
}

// A number behind "MaxProcs:" and its like, or 0.
uint32_t number_after(std::string_view line, std::string_view key) {
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return 0;
  const std::vector<std::string_view> words = split_words(line.substr(at + key.size()));
  if (words.empty()) return 0;
  const Result<uint32_t> number = parse_number<uint32_t>(words[0]);
  return number.ok() ? *number : 0;
}

// The word behind "NodeClasses:", or nothing.
std::string classes_of(std::string_view line) {
  constexpr std::string_view kKey = "NodeClasses:";
  const size_t at = line.find(kKey);
  if (at == std::string_view::npos) return {};
  const std::vector<std::string_view> words = split_words(line.substr(at + kKey.size()));
  return words.empty() || words[0].size() > kMaxClassesBytes ? "" : std::string(words[0]);
}

bool read_job(const Fields& fields, size_t count, TraceJob& job) {
  job.id = static_cast<int64_t>(fields[0]);
  job.submit = seconds(fields[1]);
  job.run = seconds(fields[3]);
  const double processors = fields[7] > 0 ? fields[7] : fields[4];
  job.processors = static_cast<uint32_t>(std::clamp(processors, 0.0, 4e9));
  job.limit = seconds(fields[8]);
  const double mib = count > 9 ? std::ceil(std::clamp(fields[9], 0.0, 4e12) / 1024) : 0;
  job.memory_mib = static_cast<uint32_t>(std::min(mib, 4e9));
  job.user = count > 11 ? static_cast<uint32_t>(std::clamp(fields[11], 0.0, 4e9)) : 0;
  if (job.run <= Seconds{0} || job.processors == 0 || job.submit < Seconds{0}) return false;
  if (job.limit <= Seconds{0}) job.limit = job.run;
  job.run = std::min(job.run, job.limit);
  return true;
}

}  // namespace

Result<Trace> parse_swf(std::string_view text, size_t most_jobs) {
  Trace trace;
  uint32_t nodes = 0;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with(';')) {
      if (const uint32_t found = number_after(line, "MaxProcs:")) trace.processors = found;
      if (const uint32_t found = number_after(line, "MaxNodes:"); nodes == 0) nodes = found;
      if (std::string found = classes_of(line); !found.empty()) trace.classes = std::move(found);
      continue;
    }
    Fields fields{};
    const Result<size_t> count = read_fields(line, fields);
    if (!count.ok()) return count.error().in("line " + std::to_string(number));
    if (*count == 0) continue;
    TraceJob job;
    if (!read_job(fields, *count, job)) {
      ++trace.left_out;
      continue;
    }
    if (trace.jobs.size() == most_jobs) {
      return Error{ErrorCode::exhausted,
                   "more than " + std::to_string(most_jobs) + " jobs in a trace"};
    }
    trace.jobs.push_back(job);
  }
  if (trace.processors == 0) trace.processors = nodes;
  std::stable_sort(trace.jobs.begin(), trace.jobs.end(),
                   [](const TraceJob& a, const TraceJob& b) { return a.submit < b.submit; });
  return trace;
}

}  // namespace gd::sim

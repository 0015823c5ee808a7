// Sorting by letters. Numbers by value, everything else as text; equal ones stay in order.
#include "cmd/job_sort.h"

#include <algorithm>
#include <numeric>

#include "base/duration.h"
#include "base/text.h"
#include "cmd/gdstat.h"

namespace gd::cmd {
namespace {

struct Key {
  char letter;
  bool descending;
};

struct Value {
  double number = 0;
  std::string text;
};

double seconds_of(TimePoint moment) {
  return static_cast<double>(moment.time_since_epoch().count());
}

std::optional<double> number_of(char letter, const JobView& view, TimePoint now) {
  const JobRecord& job = view.job;
  switch (letter) {
    case 'i':
    case 'A':
    case 'F': return job.id.value;
    case 't':
    case 'T': return static_cast<double>(job.state);
    case 'p':
    case 'Q': return view.priority.value_or(0);
    case 'U': return job.uid;
    case 'G': return job.gid;
    case 'M': return static_cast<double>(elapsed_of(job, now).count());
    case 'l': return static_cast<double>(limit_of(job).value_or(kMaxDuration).count());
    case 'D': return nodes_of(job);
    case 'C': return cpus_of(job);
    case 'm': return static_cast<double>(memory_of(job));
    case 'S':
      return seconds_of(job.start_time != TimePoint{}
                            ? job.start_time
                            : view.expected_start.value_or(TimePoint::max()));
    case 'e': return seconds_of(job.end_time);
    case 'V': return seconds_of(job.submit_time);
    case 'y': return job.spec->nice;
    default: return std::nullopt;
  }
}

Result<std::vector<Key>> parse_keys(std::string_view keys) {
  std::vector<Key> parsed;
  for (std::string_view part : split(keys, ',')) {
    part = trim(part);
    if (part.empty()) continue;
    const bool descending = part[0] == '-';
    if (part[0] == '-' || part[0] == '+') part.remove_prefix(1);
    take_prefix(part, "%");
    const bool known =
        part.size() == 1 && std::ranges::any_of(job_fields(), [&part](const Field<JobRow>& field) {
          return field.letter == part[0];
        });
    if (!known) return Error{ErrorCode::usage, "cannot sort by '" + printable(part) + "'"};
    parsed.push_back({part[0], descending});
  }
  return parsed;
}

Value value_of(char letter, const JobView& view, TimePoint now) {
  if (const auto number = number_of(letter, view, now)) return {*number, ""};
  Value value;
  for (const Field<JobRow>& field : job_fields()) {
    if (field.letter != letter) continue;
    field.get({view, now}, value.text);
    break;
  }
  return value;
}

}  // namespace

Result<void> check_sort(std::string_view keys) {
  (void)TRY(parse_keys(keys));
  return {};
}

Result<void> sort_jobs(std::vector<JobView>& jobs, std::string_view keys, TimePoint now) {
  const std::vector<Key> order = TRY(parse_keys(keys));
  std::vector<std::vector<Value>> values(jobs.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    for (const Key key : order) values[i].push_back(value_of(key.letter, jobs[i], now));
  }
  std::vector<size_t> index(jobs.size());
  std::iota(index.begin(), index.end(), 0);
  std::ranges::stable_sort(index, [&](size_t a, size_t b) {
    for (size_t k = 0; k < order.size(); ++k) {
      const Value& left = values[order[k].descending ? b : a][k];
      const Value& right = values[order[k].descending ? a : b][k];
      if (left.number != right.number) return left.number < right.number;
      if (const int diff = left.text.compare(right.text); diff != 0) return diff < 0;
    }
    return false;
  });
  std::vector<JobView> sorted;
  sorted.reserve(jobs.size());
  for (const size_t i : index) sorted.push_back(std::move(jobs[i]));
  jobs = std::move(sorted);
  return {};
}

}  // namespace gd::cmd

#include "server/sched/spending.h"

#include <algorithm>

#include "base/check.h"

namespace gd::sched {

void Spending::began(const RunSpan& run, const Amounts& held) {
  Amounts& sum = running_[run];
  sum.resize(std::max(sum.size(), held.size()));
  for (size_t i = 0; i < held.size(); ++i) sum[i] += held[i];
}

void Spending::withdrew(const RunSpan& run, const Amounts& held) {
  const auto place = running_.find(run);
  GD_CHECK(place != running_.end() && place->second.size() >= held.size());
  for (size_t i = 0; i < held.size(); ++i) {
    GD_CHECK(place->second[i] >= held[i], i, place->second[i], held[i]);
    place->second[i] -= held[i];
  }
  const bool is_empty =
      std::ranges::all_of(place->second, [](uint64_t amount) { return amount == 0; });
  if (is_empty) running_.erase(place);
}

void Spending::charge(const Amounts& held, TimePoint began, TimePoint ended, Seconds half_life) {
  ended_.resize(std::max(ended_.size(), held.size()));
  for (size_t i = 0; i < held.size(); ++i) {
    if (held[i] > 0) sched::charge(ended_[i], held[i], began, ended, half_life);
  }
}

void Spending::add(uint32_t dimension, const FadingUsage& usage, Seconds half_life) {
  ended_.resize(std::max<size_t>(ended_.size(), dimension + 1));
  FadingUsage& mine = ended_[dimension];
  const TimePoint at = std::max(mine.at, usage.at);
  mine = {faded(mine, at, half_life) + faded(usage, at, half_life), at};
}

double Spending::spent(uint32_t dimension, TimePoint now, Seconds half_life) const {
  double sum = dimension < ended_.size() ? faded(ended_[dimension], now, half_life) : 0;
  for (const auto& [run, held] : running_) {
    if (dimension < held.size()) sum += usage_of_run(held[dimension], run.began, now, half_life);
  }
  return sum;
}

double Spending::ahead(uint32_t dimension, TimePoint now) const {
  double sum = 0;
  for (const auto& [run, held] : running_) {
    if (dimension >= held.size() || run.until <= now) continue;
    const TimePoint from = std::max(now, run.began);
    sum += static_cast<double>(held[dimension]) *
           std::chrono::duration<double>(run.until - from).count();
  }
  return sum;
}

}  // namespace gd::sched

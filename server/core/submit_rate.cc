#include "server/core/submit_rate.h"

#include <algorithm>
#include <cmath>

namespace gd::core {

namespace {
constexpr size_t kUsersKept = 4096;  // until those who have all of theirs again are forgotten
}  // namespace

double SubmitRate::now_left(const Left& left, uint32_t per_minute, TimePoint now) {
  const double minutes = std::chrono::duration<double>(now - left.at).count() / 60;
  const double most = per_minute;
  return std::clamp(left.submissions + std::max(0.0, minutes) * most, 0.0, most);
}

std::optional<Seconds> SubmitRate::wait(Uid user, uint32_t per_minute, TimePoint now) const {
  const auto found = left_.find(user);
  if (per_minute == 0 || found == left_.end()) return std::nullopt;
  const double lacks = 1 - now_left(found->second, per_minute, now);
  if (lacks <= 1e-9) return std::nullopt;
  return Seconds{static_cast<int64_t>(std::ceil(lacks * 60 / per_minute))};
}

void SubmitRate::count(Uid user, uint32_t per_minute, TimePoint at) {
  if (per_minute == 0) return;
  if (left_.size() >= kUsersKept) {
    std::erase_if(left_, [&](const auto& each) {
      return now_left(each.second, per_minute, at) >= per_minute;
    });
  }
  const auto [place, is_new] = left_.try_emplace(user, Left{static_cast<double>(per_minute), at});
  Left& left = place->second;
  left = {std::max(0.0, now_left(left, per_minute, at) - 1), std::max(left.at, at)};
}

}  // namespace gd::core

// How often a user may submit: so many a minute, of which what was not used is kept for one
// minute. Of this process only: after a restart everybody has a minute's worth.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "base/clock.h"
#include "proto/ids.h"

namespace gd::core {

class SubmitRate {
 public:
  // How long until one more is allowed; nothing: now.
  [[nodiscard]] std::optional<Seconds> wait(Uid user, uint32_t per_minute, TimePoint now) const;
  void count(Uid user, uint32_t per_minute, TimePoint at);
  [[nodiscard]] size_t users() const { return left_.size(); }

 private:
  struct Left {
    double submissions = 0;
    TimePoint at{};
  };
  [[nodiscard]] static double now_left(const Left& left, uint32_t per_minute, TimePoint now);

  std::map<Uid, Left> left_;  // of those who have not a whole minute's worth, more or less
};

}  // namespace gd::core

// A user's crontab: the text as she wrote it, which the controller keeps. Its entries are jobs
// (JobSpec::cron, cron_line), one that waits or runs for each line that has one.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "proto/ids.h"

namespace gd {

inline constexpr size_t kMaxCrontabBytes = size_t{256} << 10;
inline constexpr size_t kMaxCronEntries = 200;  // of one user

struct CrontabRecord {
  Uid uid = 0;
  std::string user;
  std::string text;
  RequestId request;  // that brought it: a retry changes nothing
  TimePoint changed{};
  bool operator==(const CrontabRecord&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("uid", self.uid);
    field("user", self.user);
    field("text", self.text);
    field("req", self.request);
    field("changed", self.changed);
  }
};

// Before a line whose job was cancelled: it is a comment from then on, until somebody takes this
// away.
inline constexpr std::string_view kDisabledLine = "#DISABLED: ";

// Lines count from 1; one that is not there, or is disabled already, changes nothing.
std::string with_line_disabled(std::string_view text, uint32_t line);

}  // namespace gd

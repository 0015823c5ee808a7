// gdsh --list: the sessions that somebody has, from the controller's answer; pure but for the last.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/context.h"
#include "cmd/grid.h"
#include "proto/messages_client.h"

namespace gd::cmd {

struct SessionRow {
  std::string id;  // what gdsh --attach takes: "42", "42.3"
  std::string node, name, command;
  std::optional<SessionNow> now;  // none: the node has not told yet
  Seconds elapsed{};
  bool operator==(const SessionRow&) const = default;
};

// Steps with a terminal that have not ended, by job and step.
std::vector<SessionRow> sessions_of(const std::vector<JobView>& views, TimePoint now);
Grid session_grid(const std::vector<SessionRow>& rows);

Result<int> list_sessions(Context& context);

}  // namespace gd::cmd

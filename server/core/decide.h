// decide: what a command leads to, or why it is refused. Reads the cluster,
// changes nothing; `now` is a parameter.
//
// The caller applies the events, commits the changed records, and only then sends
// the reply and what react() says. A command that is refused has no events; one
// that was decided before under the same request id gives the same reply and none.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proto/messages_client.h"
#include "proto/messages_node.h"
#include "server/core/cluster.h"
#include "server/core/command.h"
#include "server/core/event.h"

namespace gd::core {

struct Submitted {
  JobId job;  // of the first such request, for a retry; 0: test_only
  bool repeated = false;
  std::vector<std::string> warnings;
  std::optional<TimePoint> expected_start;  // test_only
  std::vector<std::string> expected_nodes;
  std::optional<StepLaunch> trial;  // test_only: what the first of these nodes would be told
};

struct StepGiven {
  JobId job;
  StepId step;
};

struct Done {  // of a command without a value
  std::vector<std::string> warnings;
};

struct Passed {  // of a scheduling pass
  uint32_t started = 0;
  bool more = false;  // ask for another one
};

struct Reserved {  // as it is now; as it was, if it was removed
  ReservationRecord record;
};

using Reply = std::variant<Done, Submitted, JobsReply, StepGiven, Passed, Reserved>;

struct Decision {
  std::vector<Event> events;
  Reply reply;
};

Result<Decision> decide(const Cluster& cluster, const Command& command, TimePoint now);

// When the next Tick can have something to do, if nothing else happens before.
std::optional<TimePoint> next_timer(const Cluster& cluster, TimePoint now);

}  // namespace gd::core

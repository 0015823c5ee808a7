// What must leave the process after a commit. Sets, because effects are
// level-triggered: orders for a node are made from the state when they are sent
// (orders.h), so asking twice sends once, and an effect that is lost in a crash is
// derived again from the node's next report.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "proto/ids.h"

namespace gd::core {

// A mail to be sent: to whom, and its one line. Told once the batch is stored and lost with a
// crash between: mail is a courtesy, the record is what counts.
struct MailNote {
  std::string to;
  std::string subject;
  bool operator==(const MailNote&) const = default;
};

struct Effects {
  std::set<std::string> orders;     // nodes for which next_orders() may have something to say
  std::set<std::string> welcome;    // nodes whose hello is to be answered (welcome_for)
  std::set<std::string> say_hello;  // nodes that must say hello again: ErrorReply, conflict
  std::set<JobId> notify;           // jobs whose waiters must hear of a change
  std::vector<MailNote> mails;
  bool schedule = false;  // something may start now: run a SchedulePass soon
};

}  // namespace gd::core

// A reservation: nodes that from one moment to another are kept for some users or accounts, or
// for nobody (maintenance). Durable; made and changed by administrators.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/ids.h"

namespace gd {

enum class ReservationRepeat : uint8_t { never = 0, daily = 1, weekly = 2 };

struct ReservationRecord {
  std::string name;
  TimePoint start{};
  TimePoint end{};
  std::vector<std::string> nodes;  // sorted
  std::string partition;           // whose nodes were taken; empty: named ones
  std::vector<std::string> users;
  std::vector<std::string> accounts;  // both lists empty: nobody may run in it
  bool maintenance = false;
  bool ignore_jobs = false;  // it was made although jobs may still run there when it begins
  ReservationRepeat repeat = ReservationRepeat::never;
  std::string comment;
  Uid made_by = 0;
  TimePoint made{};
  bool operator==(const ReservationRecord&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("name", self.name);
    field("start", self.start);
    field("end", self.end);
    field("nodes", self.nodes);
    field("part", self.partition);
    field("users", self.users);
    field("accounts", self.accounts);
    field("maint", self.maintenance);
    field("ignore", self.ignore_jobs);
    field("repeat", self.repeat);
    field("comment", self.comment);
    field("by", self.made_by);
    field("made", self.made);
  }
};

}  // namespace gd

// What is asked about limits, licences and reservations, and why a job waits.
// See proto/messages.h for the form.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/ids.h"
#include "proto/message_type.h"
#include "proto/reservation.h"

namespace gd {

struct LimitQuery {
  static constexpr MessageType kType = MessageType::limit_query;
  bool operator==(const LimitQuery&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

struct LimitView {   // one limit of one of those that have any
  std::string kind;  // "account", "user of account", "user", "qos", "user of qos", "account of qos"
  std::string name;  // of the account or the qos
  std::string user;  // or the account, for "account of qos"
  std::string what;  // "jobs", "submit", "cpu", "mem", "node", "gres/gpu", "cpu mins",
                     // "cpu run mins", "wall mins"
  uint64_t used = 0;
  uint64_t limit = 0;
  bool operator==(const LimitView&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("kind", self.kind);
    field("name", self.name);
    field("user", self.user);
    field("what", self.what);
    field("used", self.used);
    field("limit", self.limit);
  }
};

struct LicenceView {
  std::string name;
  uint64_t total = 0;
  uint64_t used = 0;
  bool operator==(const LicenceView&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("name", self.name);
    field("total", self.total);
    field("used", self.used);
  }
};

struct LimitQueryReply {
  static constexpr MessageType kType = MessageType::limit_query_reply;
  std::vector<LimitView> limits;
  std::vector<LicenceView> licences;
  bool operator==(const LimitQueryReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("limits", self.limits);
    field("licences", self.licences);
  }
};

// Takes back what has been used: fair share and minutes begin anew. Of an account: with all that
// is below it. Account and user: of that user there; user alone: of hers everywhere.
struct UsageOwner {
  std::string account;
  std::string user;
  std::string qos;  // given: the others are empty
  bool operator==(const UsageOwner&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("account", self.account);
    field("user", self.user);
    field("qos", self.qos);
  }
};

struct UsageResetRequest {
  static constexpr MessageType kType = MessageType::usage_reset_request;
  std::vector<UsageOwner> owners;
  bool operator==(const UsageResetRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("owners", self.owners); }
};

struct WhyQuery {
  static constexpr MessageType kType = MessageType::why_query;
  JobId job;
  std::optional<uint32_t> element;  // of an array
  bool operator==(const WhyQuery&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("element", self.element);
  }
};

struct WhyReply {
  static constexpr MessageType kType = MessageType::why_reply;
  JobId job;
  std::string name;  // "7", "7_3"
  std::string kind;  // which of the twelve: "resources", "limit", "dependency", ...
  std::vector<std::string> sentences;
  std::vector<std::string> suggestions;     // options that would start it now, each planned
  std::optional<TimePoint> expected_start;  // by the planner
  bool operator==(const WhyReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("name", self.name);
    field("kind", self.kind);
    field("text", self.sentences);
    field("hints", self.suggestions);
    field("expected", self.expected_start);
  }
};

struct ReservationQuery {
  static constexpr MessageType kType = MessageType::reservation_query;
  bool operator==(const ReservationQuery&) const = default;
  static constexpr void visit(auto&, auto&&) {}
};

struct ReservationQueryReply {
  static constexpr MessageType kType = MessageType::reservation_query_reply;
  std::vector<ReservationRecord> reservations;
  TimePoint now{};
  bool operator==(const ReservationQueryReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("list", self.reservations);
    field("now", self.now);
  }
};

enum class ReservationAction : uint8_t { create = 0, update = 1, remove = 2 };

// What is not given stays as it is (update) or has its default (create). Lists replace.
struct ReservationRequest {
  static constexpr MessageType kType = MessageType::reservation_request;
  RequestId request;
  ReservationAction action = ReservationAction::create;
  std::string name;  // empty, for create: one is made
  std::optional<TimePoint> start;
  std::optional<TimePoint> end;
  std::optional<Seconds> duration;
  std::optional<std::string> nodes;  // a host list, or ALL
  std::optional<uint32_t> node_count;
  std::optional<std::string> partition;
  std::optional<std::string> users;  // names with commas; "": none
  std::optional<std::string> accounts;
  std::optional<std::string> comment;
  std::optional<bool> maintenance;
  std::optional<bool> ignore_jobs;
  std::optional<ReservationRepeat> repeat;
  bool operator==(const ReservationRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("action", self.action);
    field("name", self.name);
    field("start", self.start);
    field("end", self.end);
    field("duration", self.duration);
    field("nodes", self.nodes);
    field("count", self.node_count);
    field("part", self.partition);
    field("users", self.users);
    field("accounts", self.accounts);
    field("comment", self.comment);
    field("maint", self.maintenance);
    field("ignore", self.ignore_jobs);
    field("repeat", self.repeat);
  }
};

}  // namespace gd

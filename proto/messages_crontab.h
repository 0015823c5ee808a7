// Crontabs: client -> controller, and the answer to all of them. See proto/messages.h for the form.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "proto/crontab.h"
#include "proto/job_spec.h"
#include "proto/message_type.h"

namespace gd {

struct CrontabQuery {
  static constexpr MessageType kType = MessageType::crontab_query;
  std::string user;  // empty: the caller
  bool operator==(const CrontabQuery&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("user", self.user); }
};

struct CronEntry {  // as to be submitted, with JobSpec::cron and cron_line
  JobSpec spec;
  Bytes script;
  Bytes environment;
  bool operator==(const CronEntry&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("spec", self.spec);
    field("script", self.script);
    field("env", self.environment);
  }
};

// Puts this in the place of the whole crontab: what it had recur does not any more, and what of
// that runs goes on to its end.
struct CrontabRequest {
  static constexpr MessageType kType = MessageType::crontab_request;
  RequestId request;
  std::string user;  // empty: the caller's; another's can only be removed
  bool remove = false;
  std::string text;
  std::vector<CronEntry> entries;
  bool operator==(const CrontabRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("user", self.user);
    field("remove", self.remove);
    field("text", self.text);
    field("entries", self.entries);
  }
};

struct CronRun {  // the job that a line has at present
  uint32_t line = 0;
  JobId job;
  TimePoint next{};  // when it runs, or began to
  bool operator==(const CronRun&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("line", self.line);
    field("job", self.job);
    field("next", self.next);
  }
};

struct CrontabReply {
  static constexpr MessageType kType = MessageType::crontab_reply;
  bool there = false;  // an empty one is there, too
  std::string text;
  std::vector<CronRun> runs;  // by line
  std::vector<std::string> warnings;
  bool operator==(const CrontabReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("there", self.there);
    field("text", self.text);
    field("runs", self.runs);
    field("warnings", self.warnings);
  }
};

}  // namespace gd

// Changes of accounts, users and QOS: what sacctmgr asks. See proto/messages.h for the form.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/ids.h"
#include "proto/message_type.h"

namespace gd {

inline constexpr size_t kMaxSectionEdits = 10'000;           // of one request
inline constexpr size_t kMaxEntryBytes = size_t{1} << 20;    // one value
inline constexpr size_t kMaxAccountSections = 20'000;        // that the controller keeps
inline constexpr size_t kMaxAccountBytes = size_t{4} << 20;  // of their keys and values

enum class SectionAction : uint8_t {
  add = 0,     // it must not be there; a user's may
  change = 1,  // it must be there; a user's is made if it is not
  remove = 2   // with all that is below it
};

enum class EntryAction : uint8_t {
  set = 0,
  clear = 1,   // as if it had never been given
  insert = 2,  // of a list, by name: "ada", in users also with shares: "ada:3"
  erase = 3,   // of a list, by name
  merge = 4    // of amounts, by kind: "cpu=8,mem=-1"; -1 takes the kind out
};

struct EntryEdit {
  std::string key;
  EntryAction action = EntryAction::set;
  std::string value;
  bool operator==(const EntryEdit&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("key", self.key);
    field("do", self.action);
    field("value", self.value);
  }
};

struct SectionEdit {
  SectionAction action = SectionAction::change;
  std::string kind;  // kAccountKinds
  std::string name;
  std::vector<EntryEdit> entries;
  bool operator==(const SectionEdit&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("do", self.action);
    field("kind", self.kind);
    field("name", self.name);
    field("entries", self.entries);
  }
};

// All of it is done, or nothing.
struct AccountsRequest {
  static constexpr MessageType kType = MessageType::accounts_request;
  RequestId request;
  std::vector<SectionEdit> edits;
  bool load = false;   // from a dump: also while gd.conf's sections are in force
  bool clean = false;  // beginning with nothing
  bool operator==(const AccountsRequest&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("req", self.request);
    field("edits", self.edits);
    field("load", self.load);
    field("clean", self.clean);
  }
};

struct ActiveJob {
  JobId job;
  std::string account;
  std::string user;
  bool operator==(const ActiveJob&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("account", self.account);
    field("user", self.user);
  }
};

struct AccountsReply {
  static constexpr MessageType kType = MessageType::accounts_reply;
  std::vector<ActiveJob> active;  // not empty: nothing was changed, these stand against it
  std::vector<std::string> warnings;
  bool operator==(const AccountsReply&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("active", self.active);
    field("warnings", self.warnings);
  }
};

}  // namespace gd

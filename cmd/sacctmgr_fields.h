// What can be set of accounts, users and QOS: Slurm's names and values, as edits of gd.conf's
// keys. What Slurm knows and gd does not is refused by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/messages_accounts.h"

namespace gd::cmd {

enum class SetOn : uint8_t { association, qos };  // accounts and users of accounts; QOS
enum class SetKind : uint8_t {
  count,       // -1: none
  amounts,     // "cpu=8,mem=-1"
  one_amount,  // of the kind `tres`
  time,        // -1: none
  list,        // = replaces, += adds, -= takes out
  text,
  shares,
  flags
};

struct SetField {
  SetOn on;
  std::string_view name;  // Slurm's, lower case
  std::string_view key;   // gd.conf's
  SetKind kind;
  std::string_view label;  // as Slurm prints it
  std::string_view tres = "";
};

struct SetValue {
  const SetField* field = nullptr;
  char sign = '=';  // '+', '-'
  std::string value;
};

// "MaxJobs=3", "qos+=short"; not_found: it is no field of these.
Result<SetValue> parse_assignment(SetOn on, std::string_view word);

// The edits of a section. -1 takes a limit away.
Result<EntryEdit> edit_of(const SetValue& assignment);

// "  MaxJobs       = 3" lines, in Slurm's order. Values as Slurm shows them: "01:00:00".
std::string settings_text(SetOn on, const std::vector<SetValue>& assignments);

// Slurm's name of a key of gd.conf in dumps; nullptr: dumps have none.
const SetField* field_of_key(SetOn on, std::string_view key);

}  // namespace gd::cmd

// What a job's user wants to hear of by mail: --mail-type as bits of a JobSpec.
//
// Slurm's words. There is no staging of data here, so STAGE_OUT is taken and never comes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gd {

enum class MailEvent : uint16_t {  // bits on wire and disk: never renumber
  begin = 1 << 0,
  end = 1 << 1,
  fail = 1 << 2,
  requeue = 1 << 3,
  invalid_depend = 1 << 4,
  stage_out = 1 << 5,
  time_limit = 1 << 6,
  time_limit_90 = 1 << 7,  // per cent of the time limit have passed
  time_limit_80 = 1 << 8,
  time_limit_50 = 1 << 9,
  array_tasks = 1 << 10,  // of each element, not of the array as a whole
};

using MailEvents = uint16_t;  // MailEvent, or'ed

constexpr bool wants(MailEvents events, MailEvent event) {
  return (events & static_cast<MailEvents>(event)) != 0;
}

// "BEGIN,END", "ALL", "NONE"; any case.
Result<MailEvents> parse_mail_events(std::string_view text);
std::string format_mail_events(MailEvents events);  // "BEGIN,END"; "NONE"

// One address or local user, or several with commas; nothing that a mail program could take
// for an option, and no character outside of letters, digits and ".@_+-=%".
Result<void> check_mail_address(std::string_view text);

}  // namespace gd

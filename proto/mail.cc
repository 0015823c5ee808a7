#include "proto/mail.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace gd {
namespace {

constexpr size_t kMaxAddressBytes = 1024;

struct Word {
  std::string_view name;
  MailEvent event;
};

constexpr Word kWords[] = {{"BEGIN", MailEvent::begin},
                           {"END", MailEvent::end},
                           {"FAIL", MailEvent::fail},
                           {"REQUEUE", MailEvent::requeue},
                           {"INVALID_DEPEND", MailEvent::invalid_depend},
                           {"STAGE_OUT", MailEvent::stage_out},
                           {"TIME_LIMIT", MailEvent::time_limit},
                           {"TIME_LIMIT_90", MailEvent::time_limit_90},
                           {"TIME_LIMIT_80", MailEvent::time_limit_80},
                           {"TIME_LIMIT_50", MailEvent::time_limit_50},
                           {"ARRAY_TASKS", MailEvent::array_tasks}};

constexpr MailEvents kAll =
    static_cast<MailEvents>(MailEvent::begin) | static_cast<MailEvents>(MailEvent::end) |
    static_cast<MailEvents>(MailEvent::fail) | static_cast<MailEvents>(MailEvent::requeue) |
    static_cast<MailEvents>(MailEvent::invalid_depend) |
    static_cast<MailEvents>(MailEvent::stage_out);

bool is_address_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view(".@_+-=%").find(c) != std::string_view::npos;
}

}  // namespace

Result<MailEvents> parse_mail_events(std::string_view text) {
  MailEvents events = 0;
  for (const std::string_view part : split(text, ',')) {
    if (equal_no_case(part, "NONE")) {
      events = 0;
    } else if (equal_no_case(part, "ALL")) {
      events |= kAll;
    } else {
      const auto* found = std::ranges::find_if(
          kWords, [part](const Word& word) { return equal_no_case(word.name, part); });
      if (found == std::end(kWords)) {
        return Error{ErrorCode::usage, "'" + printable(part) +
                                           "' is not one of NONE, ALL, BEGIN, END, FAIL, REQUEUE, "
                                           "INVALID_DEPEND, STAGE_OUT, TIME_LIMIT, TIME_LIMIT_90, "
                                           "TIME_LIMIT_80, TIME_LIMIT_50, ARRAY_TASKS"};
      }
      events |= static_cast<MailEvents>(found->event);
    }
  }
  return events;
}

std::string format_mail_events(MailEvents events) {
  std::string out;
  for (const Word& word : kWords) {
    if (!wants(events, word.event)) continue;
    if (!out.empty()) out += ',';
    out += word.name;
  }
  return out.empty() ? "NONE" : out;
}

Result<void> check_mail_address(std::string_view text) {
  if (text.size() > kMaxAddressBytes) {
    return Error{ErrorCode::invalid, "the address has " + std::to_string(text.size()) +
                                         " bytes, at most " + std::to_string(kMaxAddressBytes) +
                                         " are allowed"};
  }
  for (const std::string_view one : split(text, ',')) {
    if (one.empty() || one[0] == '-' || !std::ranges::all_of(one, is_address_char)) {
      return Error{ErrorCode::invalid, "'" + printable(one) + "' is no mail address"};
    }
  }
  return {};
}

}  // namespace gd

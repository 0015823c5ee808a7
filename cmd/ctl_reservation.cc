// Words to requests, and records to Slurm's text.
#include "cmd/ctl_reservation.h"

#include <array>

#include "base/hostlist.h"
#include "base/text.h"
#include "cmd/block.h"
#include "cmd/client.h"
#include "cmd/job_fields.h"
#include "cmd/slurm_text.h"

namespace gd::cmd {
namespace {

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

constexpr auto kKeys = std::to_array<std::string_view>(
    {"reservationname", "reservation", "starttime", "endtime", "duration", "nodes", "nodecnt",
     "partitionname", "partition", "users", "accounts", "flags", "comment"});

// SPEC_NODES and ALL_NODES, which Slurm shows, follow from the nodes that are given.
Result<void> set_flags(ReservationRequest& request, std::string_view text) {
  for (const std::string_view word : split(text, ',')) {
    std::string flag = to_lower(trim(word));
    const bool off = flag.starts_with('-');
    if (off || flag.starts_with('+')) flag.erase(0, 1);
    if (flag == "maint")
      request.maintenance = !off;
    else if (flag == "ignore_jobs")
      request.ignore_jobs = !off;
    else if (flag == "daily")
      request.repeat = off ? ReservationRepeat::never : ReservationRepeat::daily;
    else if (flag == "weekly")
      request.repeat = off ? ReservationRepeat::never : ReservationRepeat::weekly;
    else if (flag != "spec_nodes" && flag != "all_nodes")
      return usage("'" + printable(word) + "' is not one of MAINT, IGNORE_JOBS, DAILY, WEEKLY");
  }
  return {};
}

Result<void> set_key(ReservationRequest& request, const std::string& key, std::string_view value,
                     TimePoint now, const TimeZone& zone) {
  if (key == "reservationname" || key == "reservation")
    request.name = value;
  else if (key == "starttime")
    request.start = TRY(parse_moment(value, now, zone));
  else if (key == "endtime")
    request.end = TRY(parse_moment(value, now, zone));
  else if (key == "duration")
    request.duration = TRY(parse_time_limit(value)).value_or(std::chrono::days{365});
  else if (key == "nodes")
    request.nodes = value;
  else if (key == "nodecnt")
    request.node_count = TRY(parse_number<uint32_t>(value, 1));
  else if (key == "partitionname" || key == "partition")
    request.partition = value;
  else if (key == "users")
    request.users = value;
  else if (key == "accounts")
    request.accounts = value;
  else if (key == "comment")
    request.comment = value;
  else if (key == "flags")
    TRY(set_flags(request, value));
  else
    return usage("unknown key" + did_you_mean(key, kKeys));
  return {};
}

std::string names(const std::vector<std::string>& all) {
  return all.empty() ? "(null)" : join(all, ",");
}

std::string flags_of(const ReservationRecord& record) {
  std::string text;
  const auto add = [&text](std::string_view flag) {
    text += (text.empty() ? "" : ",") + std::string(flag);
  };
  if (record.maintenance) add("MAINT");
  if (record.ignore_jobs) add("IGNORE_JOBS");
  if (record.repeat == ReservationRepeat::daily) add("DAILY");
  if (record.repeat == ReservationRepeat::weekly) add("WEEKLY");
  add("SPEC_NODES");
  return text;
}

std::string duration_of(const ReservationRecord& record) {
  return format_time_limit(std::chrono::duration_cast<Seconds>(record.end - record.start));
}

bool is_active(const ReservationRecord& record, TimePoint now) {
  return record.start <= now && now < record.end;
}

std::string padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string to_the_right(const std::string& text, size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

}  // namespace

bool names_reservation(std::span<const std::string> words) {
  if (words.empty()) return false;
  return equal_no_case(words[0], "reservation") ||
         starts_with_no_case(words[0], "reservationname=") ||
         starts_with_no_case(words[0], "reservation=");
}

Result<ReservationRequest> to_reservation(ReservationAction action,
                                          std::span<const std::string> words, TimePoint now,
                                          const TimeZone& zone) {
  ReservationRequest request{.request = new_request_id(), .action = action};
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      if (i == 0 && equal_no_case(word, "reservation")) continue;
      if (i == 1 && request.name.empty()) {
        request.name = word;
        continue;
      }
      return usage("'" + printable(word) + "' is not KEY=VALUE");
    }
    const Result<void> set = set_key(request, to_lower(word.substr(0, equals)),
                                     std::string_view(word).substr(equals + 1), now, zone);
    if (!set.ok()) return usage(printable(word) + ": " + set.error().text);
  }
  if (request.name.empty() && action != ReservationAction::create) {
    return usage("no reservation given; say ReservationName=NAME");
  }
  return request;
}

Result<int> change_reservation(ReservationAction action, Context& context,
                               std::span<const std::string> words) {
  const ReservationRequest request =
      TRY(to_reservation(action, words, context.now(), local_zone()));
  const auto reply = TRY(TRY(context.controller())->ask<ReservationQueryReply>(request));
  if (action == ReservationAction::create && !reply.reservations.empty()) {
    context.out.line("Reservation created: " + reply.reservations[0].name);
  }
  return kExitDone;
}

std::string reservation_block(const ReservationRecord& record, TimePoint now, bool one_line) {
  Block block;
  block.line()
      .add("ReservationName", record.name)
      .add("StartTime", moment_or(record.start, "N/A"))
      .add("EndTime", moment_or(record.end, "N/A"))
      .add("Duration", duration_of(record));
  block.line()
      .add("Nodes", fold_hostlist(record.nodes))
      .add("NodeCnt", std::to_string(record.nodes.size()))
      .add("Features", "(null)")
      .add("PartitionName", record.partition.empty() ? "(null)" : record.partition)
      .add("Flags", flags_of(record));
  block.line()
      .add("Users", names(record.users))
      .add("Groups", "(null)")
      .add("Accounts", names(record.accounts))
      .add("Licenses", "(null)")
      .add("State", is_active(record, now) ? "ACTIVE" : "INACTIVE");
  if (!record.comment.empty()) block.line().add("Comment", printable(record.comment, 1024));
  return block.text(one_line ? BlockForm::one_line : BlockForm::lines);
}

Result<int> show_reservations(const CtlOptions& options, Context& context,
                              std::span<const std::string> words) {
  auto reply = TRY(TRY(context.controller())->ask<ReservationQueryReply>(ReservationQuery{}));
  auto& all = reply.reservations;
  if (!words.empty()) {
    std::erase_if(all, [&](const ReservationRecord& record) { return record.name != words[0]; });
    if (all.empty()) {
      if (context.slurm()) {
        return context.out.line("Reservation " + words[0] + " not found"), kExitRefused;
      }
      return Error{ErrorCode::not_found,
                   "reservation " + printable(words[0]) + ": no such reservation"};
    }
  }
  if (options.json) {
    JsonWriter json(JsonStyle::pretty);
    json.begin_object();
    write_meta(json);
    json.key("reservations").begin_array();
    for (const ReservationRecord& record : all) {
      const auto seconds = [](TimePoint at) {
        return std::chrono::floor<Seconds>(at.time_since_epoch()).count();
      };
      json.begin_object().key("name").string(record.name);
      json.key("start_time").number(seconds(record.start));
      json.key("end_time").number(seconds(record.end));
      json.key("node_list").string(fold_hostlist(record.nodes));
      json.key("node_count").number(record.nodes.size());
      json.key("users").string(join(record.users, ","));
      json.key("accounts").string(join(record.accounts, ","));
      json.key("flags").string(flags_of(record)).end_object();
    }
    json.end_array().end_object();
    context.out << json.take();
    return kExitDone;
  }
  if (all.empty()) return context.out.line("No reservations in the system"), kExitDone;
  for (const ReservationRecord& record : all) {
    context.out << reservation_block(record, reply.now, options.one_line);
  }
  return kExitDone;
}

std::string reservation_table(const std::vector<ReservationRecord>& all, TimePoint now) {
  if (all.empty()) return "No reservations in the system\n";
  size_t width = 10;
  for (const ReservationRecord& record : all) width = std::max(width, record.name.size());
  const auto row = [width](const std::string& name, const std::string& state,
                           const std::string& start, const std::string& end,
                           const std::string& duration, const std::string& nodes) {
    return padded(name, width) + " " + to_the_right(state, 8) + " " + to_the_right(start, 19) +
           " " + to_the_right(end, 19) + " " + to_the_right(duration, 12) + "  " + nodes + "\n";
  };
  std::string text = row("RESV_NAME", "STATE", "START_TIME", "END_TIME", "DURATION", "NODELIST");
  for (const ReservationRecord& record : all) {
    text += row(record.name, is_active(record, now) ? "ACTIVE" : "INACTIVE",
                moment_or(record.start, "N/A"), moment_or(record.end, "N/A"), duration_of(record),
                fold_hostlist(record.nodes));
  }
  return text;
}

}  // namespace gd::cmd

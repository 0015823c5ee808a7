// The pure half of gdctl. See gdctl.h.
#include <array>

#include "base/hostlist.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/gdctl.h"
#include "cmd/job_query.h"

namespace gd::cmd {
namespace {

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

struct Assignment {
  std::string key;  // lower case
  std::string_view value;
};

Result<Assignment> parse_assignment(std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return usage("'" + printable(word) + "' is not KEY=VALUE");
  }
  return Assignment{to_lower(word.substr(0, equals)), word.substr(equals + 1)};
}

constexpr auto kJobKeys = std::to_array<std::string_view>(
    {"jobid",     "jobname",        "name",          "partition",         "comment",    "timelimit",
     "starttime", "eligibletime",   "nice",          "priority",          "requeue",    "numtasks",
     "cpus/task", "cpuspertask",    "minmemorynode", "arraytaskthrottle", "dependency", "qos",
     "account",   "reservationname"});

Result<bool> parse_switch(std::string_view text) {
  for (const std::string_view yes : {"1", "yes", "true"}) {
    if (equal_no_case(text, yes)) return true;
  }
  for (const std::string_view no : {"0", "no", "false"}) {
    if (equal_no_case(text, no)) return false;
  }
  return usage("'" + printable(text) + "' is neither yes nor no");
}

Result<void> set_job_key(JobUpdateRequest& request, const Assignment& set, TimePoint now,
                         const TimeZone& zone) {
  const std::string& key = set.key;
  if (key == "jobname" || key == "name")
    request.name = set.value;
  else if (key == "partition")
    request.partition = set.value;
  else if (key == "qos")
    request.qos = set.value;
  else if (key == "reservationname")
    request.reservation = set.value;
  else if (key == "account")
    request.account = set.value;
  else if (key == "comment")
    request.comment = set.value;
  else if (key == "timelimit") {
    if (set.value.starts_with('+') || (set.value.starts_with('-') && set.value != "-1")) {
      return usage("a change by an amount is not supported; give the new limit");
    }
    request.time_limit = TRY(parse_time_limit(set.value)).value_or(kMaxDuration);
  } else if (key == "starttime" || key == "eligibletime") {
    request.begin = TRY(parse_moment(set.value, now, zone));
  } else if (key == "nice")
    request.nice = TRY(parse_number<int32_t>(set.value));
  else if (key == "priority")
    request.priority = TRY(parse_number<uint32_t>(set.value));
  else if (key == "requeue")
    request.requeue = TRY(parse_switch(set.value));
  else if (key == "arraytaskthrottle")
    request.array_limit = TRY(parse_number<uint32_t>(set.value));
  else if (key == "dependency")
    request.dependency = std::string(set.value);
  else if (key == "numtasks")
    request.tasks = TRY(parse_number<uint32_t>(set.value, 1));
  else if (key == "cpus/task" || key == "cpuspertask") {
    request.cpus_per_task = TRY(parse_number<uint32_t>(set.value, 1));
  } else if (key == "minmemorynode")
    request.memory_per_node_mib = TRY(parse_mib(set.value));
  else
    return usage("unknown key" + did_you_mean(key, kJobKeys));
  return {};
}

}  // namespace

Result<NamedJobs> parse_job_list(std::span<const std::string> words) {
  NamedJobs named;
  for (const std::string& word : words) TRY(add_named(word, named.jobs, named.elements));
  if (named.jobs.empty() && named.elements.empty()) return usage("no jobs given; name job ids");
  return named;
}

Result<JobId> parse_one_job(std::span<const std::string> words) {
  const NamedJobs named = TRY(parse_job_list(words));
  if (named.jobs.empty()) return usage("elements share their array's script; name the array");
  return named.jobs.front();
}

Result<JobUpdateRequest> to_job_update(std::span<const std::string> words, TimePoint now,
                                       const TimeZone& zone) {
  JobUpdateRequest request{.request = new_request_id()};
  const JobUpdateRequest nothing = request;
  for (const std::string& word : words) {
    if (word.find('=') == std::string::npos) {
      TRY(add_named(word, request.jobs, request.elements));
      continue;
    }
    const Assignment set = TRY(parse_assignment(word));
    if (set.key == "jobid" || set.key == "job") {
      TRY(add_named(set.value, request.jobs, request.elements));
      continue;
    }
    const Result<void> done = set_job_key(request, set, now, zone);
    if (!done.ok()) return usage(printable(word) + ": " + done.error().text);
  }
  if (request.jobs.empty() && request.elements.empty()) return usage("no job given; say JobId=ID");
  JobUpdateRequest only_jobs = nothing;
  only_jobs.jobs = request.jobs;
  only_jobs.elements = request.elements;
  if (request == only_jobs) return usage("nothing to change; say KEY=VALUE");
  return request;
}

Result<NodeUpdateRequest> to_node_update(std::span<const std::string> words) {
  NodeUpdateRequest request{.request = new_request_id()};
  bool state_given = false;
  constexpr auto kStates =
      std::to_array<std::string_view>({"drain", "resume", "down", "undrain", "idle"});
  for (const std::string& word : words) {
    const Assignment set = TRY(parse_assignment(word));
    if (set.key == "nodename") {
      request.names = TRY(expand_hostlist(set.value));
    } else if (set.key == "reason") {
      request.reason = set.value;
    } else if (set.key == "state") {
      state_given = true;
      const std::string state = to_lower(set.value);
      if (state == "drain" || state == "fail")
        request.action = NodeAction::drain;
      else if (state == "down")
        request.action = NodeAction::down;
      else if (state == "resume" || state == "undrain" || state == "idle")
        request.action = NodeAction::resume;
      else
        return usage("unknown state '" + printable(set.value) + "'" + did_you_mean(state, kStates));
    } else {
      constexpr auto kKeys = std::to_array<std::string_view>({"nodename", "state", "reason"});
      return usage(printable(word) + ": unknown key" + did_you_mean(set.key, kKeys));
    }
  }
  if (!state_given) return usage("no state given; say State=DRAIN, RESUME or DOWN");
  if (request.action != NodeAction::resume && request.reason.empty()) {
    return usage("a reason is needed; say Reason=TEXT");
  }
  return request;
}

Result<NodeUpdateRequest> to_node_action(std::string_view verb,
                                         std::span<const std::string> words) {
  if (words.empty()) return usage("no nodes given; name one, or several as node[1-3]");
  NodeUpdateRequest request{.request = new_request_id(), .names = TRY(expand_hostlist(words[0]))};
  request.action = verb == "resume" ? NodeAction::resume
                   : verb == "down" ? NodeAction::down
                                    : NodeAction::drain;
  request.reason = join(words.subspan(1), " ");
  if (request.action != NodeAction::resume && request.reason.empty()) {
    return usage("a reason is needed: gdctl " + std::string(verb) + " " + printable(words[0]) +
                 " REASON");
  }
  return request;
}

}  // namespace gd::cmd

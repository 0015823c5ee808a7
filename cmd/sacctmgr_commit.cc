#include "cmd/sacctmgr_commit.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/sacctmgr_change.h"
#include "cmd/sacctmgr_file.h"
#include "cmd/sacctmgr_usage.h"

namespace gd::cmd {
namespace {

constexpr Milliseconds kPatience = 30s;  // to decide, as in Slurm

Result<Site> ask_site(Context& context) {
  return site_of(TRY(TRY(context.controller())->ask<ConfigReply>(ConfigQuery{})));
}

// One character, as Slurm reads it: end of input and silence are a no.
enum class Answer : uint8_t { yes, no, unclear };
Answer read_answer(Milliseconds left) {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (::poll(&input, 1, static_cast<int>(left.count())) <= 0) return Answer::no;
  char c = 0;
  do {
    if (::read(STDIN_FILENO, &c, 1) != 1) return Answer::no;
  } while (c == '\n');
  if (c == 'y' || c == 'Y') return Answer::yes;
  return c == 'n' || c == 'N' ? Answer::no : Answer::unclear;
}

bool confirmed(Context& context, Confirm confirm) {
  if (confirm == Confirm::immediate) return true;
  const TimePoint until = context.now() + kPatience;
  context.out.line("Would you like to commit changes? (You have 30 seconds to decide)");
  Answer answer = Answer::unclear;
  while (answer == Answer::unclear) {
    context.out << "(N/y): ";
    (void)context.out.flush();
    const Milliseconds left = std::max(until - context.now(), Milliseconds{0});
    answer = read_answer(left);
    context.out.line("");
    if (answer == Answer::unclear) context.out.line("Y or N please");
  }
  if (answer == Answer::yes) return true;
  context.out.line(" Changes Discarded");
  return false;
}

Result<int> commit(Context& context, const Site& site, AccountsRequest request) {
  request.request = new_request_id();
  const auto reply = TRY(TRY(context.controller())->ask<AccountsReply>(request));
  for (const std::string& warning : reply.warnings) context.warn(warning);
  if (reply.active.empty()) return kExitDone;
  (void)context.out.flush();
  context.err << " Error with request: Job(s) active, cancel job(s) before remove\n";
  for (const ActiveJob& each : reply.active) {
    context.err << "  JobID = " << mgr_cell(std::to_string(each.job.value), 10)
                << " C = " << mgr_cell(site.cluster, 10) << " A = " << mgr_cell(each.account, 10)
                << " U = " << mgr_cell(each.user, 9) << "\n";
  }
  return kExitRefused;
}

// Slurm's own sentences begin with a blank and stand without the program's name.
Result<int> tell(Context& context, const Error& error) {
  if (error.code != ErrorCode::usage) return error;
  context.err << error.text << "\n";
  return kExitRefused;
}

Result<int> reset_usage(Context& context, const AcctChange& change, Confirm confirm) {
  const Result<UsageReset> reset = plan_usage_reset(change);
  if (!reset.ok()) return tell(context, reset.error());
  context.out << reset->out;
  if (!confirmed(context, confirm)) return kExitDone;
  TRY(TRY(context.controller())->ask<OkReply>(reset->request));
  return kExitDone;
}

struct FileWords {
  std::string file, cluster;
  bool clean = false;
};

FileWords file_words(const std::vector<std::string>& words, std::string FileWords::*bare) {
  FileWords given;
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string key = to_lower(std::string_view(words[i]).substr(0, equals));
    if (equals == std::string::npos && key == "clean")
      given.clean = true;
    else if (equals == std::string::npos)
      given.*bare = words[i];
    else if (key == "file")
      given.file = words[i].substr(equals + 1);
    else if (key == "cluster" || key == "name")
      given.cluster = words[i].substr(equals + 1);
  }
  return given;
}

void list_new(Context& context, std::string_view title, const std::vector<std::string>& names) {
  if (names.empty()) return;
  context.out.line(title);
  for (const std::string& name : names) context.out.line("  " + printable(name));
}

}  // namespace

Result<int> change_accounts(Context& context, const std::vector<std::string>& words,
                            Confirm confirm) {
  const Result<AcctChange> change = parse_acct_change(words);
  if (!change.ok()) return tell(context, change.error());
  if (change->reset_usage) return reset_usage(context, *change, confirm);
  const Site site = TRY(ask_site(context));
  const ChangePlan plan = plan_acct_change(*change, site);
  context.out << plan.out;
  if (!plan.err.empty()) {
    (void)context.out.flush();
    context.err << plan.err;
  }
  if (!plan.request) return plan.code;
  if (!confirmed(context, confirm)) return kExitDone;
  return commit(context, site, *plan.request);
}

Result<int> dump_accounts(Context& context, const std::vector<std::string>& words) {
  const FileWords given = file_words(words, &FileWords::cluster);
  if (given.cluster.empty()) {
    context.err << " We need a cluster to dump.\n";
    return kExitRefused;
  }
  const Site site = TRY(ask_site(context));
  if (given.cluster != site.cluster) {
    return Error{ErrorCode::not_found, "cluster '" + printable(given.cluster) +
                                           "' is not this one, '" + site.cluster + "'"};
  }
  const std::string file = given.file.empty() ? "./" + site.cluster + ".cfg" : given.file;
  std::string text = dump_heading();
  for (const std::string& line : dump_lines(site)) {
    text += line + "\n";
    context.err << "sacctmgr: " << line << "\n";
  }
  TRY(replace_file(file, text, 0644));
  return kExitDone;
}

Result<int> load_accounts(Context& context, const std::vector<std::string>& words,
                          Confirm confirm) {
  const FileWords given = file_words(words, &FileWords::file);
  if (given.file.empty()) {
    context.err << " No filename given, specify one with file=''\n";
    return kExitRefused;
  }
  const Result<Bytes> text = read_file(given.file, kMaxDumpBytes);
  if (!text.ok() && text.error().code == ErrorCode::not_found) {
    context.err << " Unable to read \"" << given.file << "\": No such file or directory\n";
    return kExitRefused;
  }
  if (!text.ok()) return text.error();
  const Site site = TRY(ask_site(context));
  Result<LoadPlan> plan = plan_load(*text, site, given.clean);
  if (!plan.ok()) return std::move(plan).error().in(given.file);
  const std::string& cluster = given.cluster.empty() ? plan->cluster : given.cluster;
  if (cluster != site.cluster) {
    return Error{ErrorCode::invalid, given.file + ": it is of cluster '" + printable(cluster) +
                                         "', this one is '" + site.cluster +
                                         "'; say cluster=" + site.cluster + " to load it here"};
  }
  context.out.line("For cluster " + site.cluster);
  list_new(context, " Adding QOS(s)", plan->qos);
  list_new(context, " Adding Account(s)", plan->accounts);
  list_new(context, " Adding User(s)", plan->users);
  if (!confirmed(context, confirm)) return kExitDone;
  return commit(context, site, std::move(plan->request));
}

}  // namespace gd::cmd

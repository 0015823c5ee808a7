#include "cmd/replay.h"

#include <algorithm>
#include <array>

#include "base/image_name.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/gdctl.h"
#include "cmd/job_query.h"

namespace gd::cmd {
namespace {

constexpr std::array<std::string_view, 8> kBeside = {
    "replay", "parsable", "wait", "test-only", "quiet", "explain-sandbox", "clusters", "verbose"};

// The image is held to what the job got, where that has a digest.
void hold_image(const JobRecord& job, Replayed& replayed) {
  ImageSpec& image = replayed.request.spec.image;
  const Receipt& got = received(job);
  if (!got.given()) {
    replayed.notes.push_back("job " + job_name_of(job) +
                             " never ran: its image is whatever has that name now");
    return;
  }
  image.name = got.image;
  image.digest = got.digest;
  if (got.digest.empty()) {
    replayed.notes.push_back("image " + got.image +
                             " has no digest: it may have changed since the job ran");
  }
}

// What was about that one submission, and cannot be had again.
void forget_moment(JobSpec& spec, std::vector<std::string>& notes) {
  const auto dropped = [&notes](bool given, std::string_view what) {
    if (given) notes.push_back("not replayed: " + std::string(what));
  };
  dropped(spec.begin.has_value(), "--begin");
  dropped(spec.deadline.has_value(), "--deadline");
  dropped(!spec.dependency.empty(), "--dependency=" + spec.dependency);
  dropped(spec.hold, "--hold");
  dropped(spec.priority.has_value(), "--priority");
  dropped(!spec.cron.empty(), "its crontab's '" + spec.cron + "'");
  spec.cron.clear();
  spec.cron_line = 0;
  spec.begin.reset();
  spec.deadline.reset();
  spec.dependency.clear();
  spec.kill_on_invalid_dependency = false;
  spec.hold = false;
  spec.priority.reset();
}

}  // namespace

Result<Replayed> to_replay(const ReplaySource& source) {
  const JobRecord& job = source.job;
  if (job.spec->kind != JobKind::batch) {
    return Error{ErrorCode::invalid,
                 "job " + job_name_of(job) + " is no batch job: it has no script to run again"};
  }
  if (source.script.script.empty()) {
    return Error{ErrorCode::not_found,
                 "job " + job_name_of(job) + ": its script is not kept any more (replay_age)"};
  }
  Replayed replayed;
  replayed.request.request = new_request_id();
  replayed.request.spec = *job.spec;
  replayed.request.script = source.script.script;
  replayed.request.environment = source.script.environment;
  forget_moment(replayed.request.spec, replayed.notes);
  const auto element = element_of(job);
  if (source.one_element && element) replayed.request.spec.array = std::to_string(*element);
  hold_image(job, replayed);
  return replayed;
}

Result<void> check_replay_options(const Parsed& command_line) {
  for (const Given& given : command_line.given) {
    if (std::ranges::find(kBeside, given.name) != kBeside.end()) continue;
    return Error{ErrorCode::usage, "--" + given.name +
                                       " does not go with --replay, which takes the options of "
                                       "the job that was"};
  }
  if (command_line.rest.empty()) return {};
  return Error{ErrorCode::usage, "--replay takes the script of the job that was, not '" +
                                     printable(command_line.rest[0]) + "'"};
}

Result<ReplaySource> fetch_for_replay(const std::string& job, Context& context) {
  Client* controller = TRY(context.controller());
  const std::array<std::string, 1> words = {job};
  NamedJobs named = TRY(parse_job_list(words));
  if (named.jobs.size() + named.elements.size() != 1) {
    return Error{ErrorCode::usage, "--replay=" + printable(job) + ": one job at a time"};
  }
  ReplaySource source;
  source.one_element = !named.elements.empty();
  if (source.one_element && named.elements.front().elements.size() != 1) {
    return Error{ErrorCode::usage, "--replay=" + printable(job) + ": one element, or all of it"};
  }
  JobQuery query;
  query.filter.jobs = std::move(named.jobs);
  query.filter.elements = std::move(named.elements);
  std::vector<JobView> found = TRY(fetch_jobs(*controller, query));
  query.history = true;
  if (found.empty()) found = TRY(fetch_jobs(*controller, query));
  if (found.empty()) return Error{ErrorCode::not_found, "job " + job + ": no such job"};
  // Of an array's records any has the options; one that ran knows its image.
  const auto ran =
      std::ranges::find_if(found, [](const JobView& view) { return !view.job.receipts.empty(); });
  source.job = ran == found.end() ? found.front().job : ran->job;
  source.script = TRY(controller->ask<ScriptReply>(ScriptQuery{.job = source.job.id}));
  return source;
}

}  // namespace gd::cmd

#include "cmd/gdcp.h"

#include "base/text.h"
#include "cmd/tree_session.h"

namespace gd::cmd {
namespace {

struct CopyOptions {
  bool recursive = false;
  bool preserve = false;
  bool quiet = false;
  std::vector<std::string> words;
};

constexpr CommandInfo kInfo{
    .name = "gdcp",
    .slurm_name = "",
    .summary = "Copy files between here and a job's container",
    .arguments = "SOURCE... TARGET",
    .examples =
        "gdcp data.csv 42:/scratch/          # into job 42\n"
        "gdcp -rp 42:results .               # a folder, with permissions and times\n",
    .rest = RestMode::permute,
    .completes = Completes::file};

void define(Cli& cli, CopyOptions& options) {
  cli.flag("-r,--recursive", "Copy folders, with all that is in them", options.recursive);
  cli.flag("-p,--preserve", "Keep permissions and times", options.preserve);
  cli.flag("-Q,--quiet", "No messages of one's own", options.quiet);
  cli.rest(options.words);
}

std::vector<std::string> command_in_job(const CopyPlan& plan, const CopyOptions& options) {
  std::vector<std::string> argv;
  if (plan.from_job) {
    argv.emplace_back("send");
    if (options.recursive) argv.emplace_back("-r");
    argv.insert(argv.end(), plan.sources.begin(), plan.sources.end());
    return argv;
  }
  argv.emplace_back("receive");
  if (options.preserve) argv.emplace_back("-p");
  argv.push_back(std::to_string(plan.sources.size()));
  argv.push_back(plan.target);
  return argv;
}

Result<int> run(const CopyOptions& options, Context& context) {
  const CopyPlan plan = TRY(plan_copy(options.words));
  Client& controller = *TRY(context.controller());
  TreeSession session(controller, context);
  if (plan.from_job) {
    const Attributes attributes = options.preserve ? Attributes::keep : Attributes::by_umask;
    TRY(session.receive_to(plan.target, plan.sources.size(), {.attributes = attributes}));
  } else {
    session.send(plan.sources, options.recursive ? Folders::send : Folders::refuse);
  }
  StepRequest step = tree_step(plan.job, command_in_job(plan, options));
  step.tasks = 1;
  return session.run(step);
}

int start(const Invocation& call) {
  return start_command<CopyOptions, define, run>(kInfo, call);
}

}  // namespace

CopyPlace parse_copy_place(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits > 0 && digits < text.size() && text[digits] == ':') {
    const Result<uint32_t> job = parse_number<uint32_t>(text.substr(0, digits), 1);
    if (job.ok()) return {.job = JobId{*job}, .path = std::string(text.substr(digits + 1))};
  }
  return {.path = std::string(text)};
}

Result<CopyPlan> plan_copy(const std::vector<std::string>& words) {
  const auto wrong = [](std::string text) { return Error{ErrorCode::usage, std::move(text)}; };
  if (words.size() < 2) return wrong("expected what to copy, and where to");
  const CopyPlace target = parse_copy_place(words.back());
  CopyPlan plan{.target = target.path.empty() && target.job ? "." : target.path};
  plan.from_job = !target.job;
  std::optional<JobId> job = target.job;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const CopyPlace source = parse_copy_place(words[i]);
    if (source.job.has_value() != plan.from_job) {
      return wrong(plan.from_job ? "neither '" + words[i] + "' nor '" + words.back() +
                                       "' is in a job; JOB:PATH is"
                                 : "both '" + words[i] + "' and '" + words.back() +
                                       "' are in a job; copy by way of here");
    }
    if (source.job) {
      if (job && *job != *source.job) return wrong("one job at a time");
      job = source.job;
    }
    plan.sources.push_back(source.path.empty() && source.job ? "." : source.path);
  }
  plan.job = *job;
  return plan;
}

const Command kGdcp{&kInfo, start};

}  // namespace gd::cmd

// gdsub - submit a batch script. See gdsub.h for the order in which options count.
#include "cmd/gdsub.h"

#include <unistd.h>

#include "base/duration.h"
#include "base/hostlist.h"
#include "base/process.h"
#include "base/text.h"
#include "cmd/advice.h"
#include "cmd/client.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/directives.h"
#include "cmd/follow.h"
#include "cmd/job_query.h"
#include "cmd/job_wait.h"
#include "cmd/replay.h"
#include "cmd/submit.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{
    .name = "gdsub",
    .slurm_name = "sbatch",
    .summary = "Submit a batch script, to run in a container on some node",
    .arguments = "[SCRIPT [ARGUMENT]...]",
    .examples =
        "gdsub job.sh                        # options may stand in #SBATCH lines\n"
        "gdsub -c 4 --mem=8G -t 2:00:00 job.sh input.dat\n"
        "gdsub --wrap 'make -j4' -c 4        # no script needed\n"
        "generate | gdsub -J fromstdin       # the script on standard input\n"
        "gdsub --each step-*.sh              # many scripts over one connection\n"
        "gdsub --mem=auto --retry-oom job.sh # by what its like have used; more if that is too "
        "little\n"
        "gdsub --explain-sandbox job.sh      # what it would get, and why\n"
        "gdsub --replay 42                   # once more, in the same image\n",
    .rest = RestMode::stop_at_first,
    .completes = Completes::file,
    .slurm_usage_code = 255};

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

// As typed, or along PATH if there is no such file here: Slurm's rule.
Result<Script> read_script(const std::string& name) {
  Result<Bytes> text = read_file(name, kMaxScriptBytes);
  if (!text.ok() && name.find('/') == std::string::npos && ::access(name.c_str(), F_OK) != 0) {
    const Result<std::string> found = find_program(name, get_env("PATH").value_or(""));
    if (found.ok()) text = read_file(*found, kMaxScriptBytes);
  }
  return Script{name, TRY(std::move(text))};
}

Result<Script> script_of(const SubOptions& options, Dialect dialect) {
  if (!options.wrap.empty()) {
    if (!options.rest.empty()) return usage("--wrap and a script exclude each other");
    return Script{"", "#!/bin/sh\n# written by --wrap\n\n" + options.wrap + "\n"};
  }
  if (!options.rest.empty()) return read_script(options.rest[0]);
  if (dialect == Dialect::gd && ::isatty(0) != 0) {
    return usage("no script given; name a file, use --wrap, or send one to standard input");
  }
  return Script{"", TRY(read_all(0, "standard input", kMaxScriptBytes))};
}

Result<std::vector<std::string>> script_names(const SubOptions& options) {
  if (options.rest != std::vector<std::string>{"-"}) return options.rest;
  std::vector<std::string> names;
  const Bytes text = TRY(read_all(0, "standard input"));
  for (const std::string_view line : split(text, '\n')) {
    if (!trim(line).empty()) names.emplace_back(trim(line));
  }
  return names;
}

void print_done(const SubOptions& options, const SubmitReply& reply,
                const std::vector<std::string>& clusters, Context& context) {
  for (const std::string& warning : reply.warnings) context.warn("warning: " + warning);
  const std::string id = std::to_string(reply.job.value);
  const std::string cluster =
      clusters.empty() || context.client == nullptr ? "" : context.client->cluster();
  if (options.parsable)
    context.out.line(id + (cluster.empty() ? "" : ";" + cluster));
  else if (!options.quiet)
    context.out.line("Submitted batch job " + id +
                     (cluster.empty() ? "" : " on cluster " + cluster));
}

// "sbatch: Job 7 to start at ... using 2 processors on nodes n1 in partition batch", but for the
// number: nothing was submitted, so none was given.
void print_slurm_test(const SubmitReply& reply, const JobSpec& spec, Context& context) {
  if (!reply.expected_start) return context.warn("Job to start: not known yet");
  context.warn("Job to start at " + format_moment(*reply.expected_start, local_zone()) + " using " +
               std::to_string(total_cpus(spec)) + " processors on nodes " +
               fold_hostlist(reply.expected_nodes) +
               (spec.partition.empty() ? "" : " in partition " + spec.partition));
}

void print_test(const SubmitReply& reply, Context& context) {
  std::string text = "the job would be accepted";
  if (reply.expected_start) {
    text += ", to start at " + format_moment(*reply.expected_start, local_zone());
  }
  if (!reply.expected_nodes.empty()) {
    text += " on " + join(std::span(std::as_const(reply.expected_nodes)), ",");
  }
  context.warn(text);
}

// --mem=auto, by the user's own runs. The newest are the last to come.
Result<std::optional<uint64_t>> memory_of_its_like(const JobSpec& spec, bool quiet,
                                                   Context& context) {
  const Likeness like = likeness_of(spec, own_name());
  JobQuery query{.history = true, .since = context.now() - kAdviceReach};
  query.filter.users = {like.user};
  query.filter.names = {like.name};
  query.filter.states = {JobState::completed, JobState::out_of_memory};
  RunBook book;
  for (const JobView& view : TRY(fetch_jobs(*TRY(context.controller()), query))) {
    book.add(view.job);
  }
  const std::optional<Advice> advice = book.about(like);
  const size_t runs = advice ? advice->memory_mib.runs : 0;
  if (!advice || !advice->memory_mib.suggested) {
    context.warn("--mem=auto: " + std::to_string(runs) + " runs of " + name_of(like) +
                 " are known, " + std::to_string(kFewestRuns) +
                 " are needed; it gets what jobs get that ask for none");
    return std::optional<uint64_t>{};
  }
  if (!quiet) {
    context.warn("--mem=auto: " + format_mib(*advice->memory_mib.suggested) + ", from " +
                 std::to_string(runs) + " runs of " + name_of(like) + ", which used up to " +
                 format_mib(advice->memory_mib.most));
  }
  return advice->memory_mib.suggested;
}

Surroundings surroundings_of(const SubOptions& options, Context& context) {
  Surroundings around = surroundings();
  around.memory_of_its_like = [quiet = options.quiet || options.parsable,
                               &context](const JobSpec& spec) {
    return memory_of_its_like(spec, quiet, context);
  };
  return around;
}

Result<int> submit_each(const SubOptions& options, Context& context) {
  const Surroundings around = surroundings_of(options, context);
  const std::vector<std::string> names = TRY(script_names(options));
  if (names.empty()) return usage("--each needs the names of scripts");
  int code = kExitDone;
  const auto failed = [&](const std::string& name, const Error& error) {
    context.warn(name + ": " + error.text);
    code = kExitRefused;
  };
  size_t next = 0;
  TRY(check_clusters(options.job.clusters, context));
  SubmitQueue queue(*TRY(context.controller()));
  const SubmitQueue::OnDone on_done = [&](size_t index, const Result<SubmitReply>& reply) {
    if (reply.ok())
      print_done(options, *reply, options.job.clusters, context);
    else
      failed(names[index], reply.error());
  };
  for (; next < names.size(); ++next) {
    Result<SubmitRequest> request = Error{};
    Result<Script> script = read_script(names[next]);
    if (script.ok()) {
      Parsed line = context.parsed;
      line.rest = {names[next]};
      request = to_submit_request(kInfo, context.dialect, *script, line, around, get_env);
    } else {
      request = script.error();
    }
    TRY(queue.add(next, std::move(request), on_done));
  }
  TRY(queue.finish(on_done));
  return code;
}

// Asks for what --test-only and --explain-sandbox ask for, or submits.
Result<int> submit_one(const SubOptions& options, SubmitRequest request,
                       const std::vector<std::string>& clusters, Context& context) {
  request.test_only = options.test_only;
  if (options.follow && !request.spec.array.empty()) {
    return usage("--follow shows one job's output; this is an array");
  }
  request.spec.followed = options.follow;
  Client* controller = TRY(context.controller());
  TRY(check_clusters(clusters, context));
  if (options.job.explain) return explain_sandbox(std::move(request), context);
  Result<SubmitReply> reply = controller->ask<SubmitReply>(request);
  if (!reply.ok()) return submit_refused(std::move(reply).error(), context, request.spec);
  if (options.test_only) {
    if (context.slurm())
      print_slurm_test(*reply, request.spec, context);
    else
      print_test(*reply, context);
    return kExitDone;
  }
  if (options.follow) {  // standard output is the job's
    const std::string id = std::to_string(reply->job.value);
    if (!options.quiet) context.warn("job " + id);
    return follow_job({.job = reply->job, .name = id, .tail_lines = {}}, *controller, context);
  }
  print_done(options, *reply, clusters, context);
  if (!options.wait) return kExitDone;
  (void)context.out.flush();
  return wait_for_end(*controller, reply->job);
}

Result<int> replay(const SubOptions& options, Context& context) {
  TRY(check_replay_options(context.parsed));
  Replayed replayed = TRY(to_replay(TRY(fetch_for_replay(options.replay, context))));
  if (!options.quiet) {
    for (const std::string& note : replayed.notes) context.warn(note);
  }
  return submit_one(options, std::move(replayed.request), options.job.clusters, context);
}

Result<int> run(const SubOptions& options, Context& context) {
  if (!options.replay.empty()) return replay(options, context);
  if (options.each) return submit_each(options, context);
  const Script script = TRY(script_of(options, context.dialect));
  std::vector<std::string> clusters;
  SubmitRequest request =
      TRY(to_submit_request(kInfo, context.dialect, script, context.parsed,
                            surroundings_of(options, context), get_env, &clusters));
  return submit_one(options, std::move(request), clusters, context);
}

int start(const Invocation& call) {
  return start_command<SubOptions, define_gdsub, run>(kInfo, call);
}

}  // namespace

void define_gdsub(Cli& cli, SubOptions& options) {
  define_job_options(cli, options.job, JobOptionSet::batch);
  cli.group("Submitting");
  cli.option("--wrap", "COMMAND", "Submit this shell command instead of a script", options.wrap);
  cli.flag("--each", "Every argument is a script of its own ('-': names on standard input)",
           options.each);
  cli.flag("--parsable", "Print the job's id and nothing else", options.parsable);
  cli.flag("-W,--wait", "Wait for the job's end, and exit with its code", options.wait);
  cli.flag("--follow", "Show the job's output as it is written, and exit with its code",
           options.follow);
  cli.flag("--test-only",
           "Submit nothing; say whether it would be accepted, and when it would start",
           options.test_only);
  cli.option("--replay", "JOB",
             "Submit this job of one's own again: its script, options and environment as they "
             "were, its image by its digest",
             options.replay)
      .complete(Completes::job);
  cli.flag("-Q,--quiet", "Do not print the job's id", options.quiet);
  cli.refuse("-m,--distribution");
  cli.rest(options.rest);
}

Result<void> check_script(const Script& script) {
  const std::string who = script.name.empty() ? "the script" : script.name;
  const auto wrong = [&who](std::string_view text) {
    return Error{ErrorCode::invalid, who + ": " + std::string(text)};
  };
  if (script.text.empty()) return wrong("is empty");
  if (script.text.size() > kMaxScriptBytes) {
    return wrong("has " + std::to_string(script.text.size()) + " bytes, more than " +
                 std::to_string(kMaxScriptBytes));
  }
  if (!script.text.starts_with("#!")) {
    return wrong("is no batch script: the first line must be #! and a program, such as #!/bin/sh");
  }
  if (script.text.find('\0') != std::string::npos) return wrong("contains a NUL byte");
  if (script.text.find("\r\n") != std::string::npos) {
    return wrong("has DOS line ends (\\r\\n); convert it, for instance with dos2unix");
  }
  return {};
}

Result<SubmitRequest> to_submit_request(
    const CommandInfo& info, Dialect dialect, const Script& script, const Parsed& command_line,
    const Surroundings& around,
    const std::function<std::optional<std::string>(const char*)>& get_variable,
    std::vector<std::string>* clusters) {
  TRY(check_script(script));
  SubOptions options;
  Cli cli(info, dialect);
  define_gdsub(cli, options);
  const std::string where = script.name.empty() ? "script" : script.name;
  Result<std::vector<Directive>> directives = read_directives(script.text);
  if (!directives.ok()) return std::move(directives).error().in(where);
  for (const Directive& directive : *directives) {
    const std::string line = where + ":" + std::to_string(directive.line);
    Result<Parsed> parsed = cli.parse(directive.words, RestMode::permute, line);
    if (!parsed.ok()) return std::move(parsed).error().in(line);
    if (!parsed->rest.empty()) {
      return usage(line + ": '" + printable(parsed->rest[0]) + "' is not an option");
    }
    TRY(cli.apply(*parsed));
  }
  constexpr std::string_view kPrefixes[] = {"GDSUB_", "SBATCH_"};
  TRY(cli.apply(cli.from_environment(kPrefixes, get_variable)));
  TRY(cli.apply(command_line));

  if (clusters != nullptr) *clusters = options.job.clusters;
  SubmitRequest request{.request = new_request_id(), .spec = {}, .script = script.text};
  request.spec = TRY(finish_spec(options.job, around));
  JobSpec& spec = request.spec;
  spec.kind = JobKind::batch;
  if (spec.name.empty()) {
    const std::string& path = script.name;
    spec.name = options.wrap.empty() ? path.substr(path.rfind('/') + 1) : "wrap";
    if (spec.name.empty()) spec.name = std::string(info.slurm_name);
  }
  if (options.job.memory_auto) {  // its name is known now, by which its like are found
    spec.memory_per_node_mib = TRY(around.memory_of_its_like(spec));
  }
  if (spec.output.empty()) spec.output = spec.array.empty() ? "slurm-%j.out" : "slurm-%A_%a.out";
  spec.command = script.name.empty() || script.name[0] == '/'
                     ? script.name
                     : around.directory + "/" + script.name;
  if (!options.rest.empty()) spec.argv.assign(options.rest.begin() + 1, options.rest.end());
  request.environment = TRY(export_environment(options.job.export_names, around.environment));
  if (options.job.login_environment && around.login) {
    const auto login = TRY(around.login(*options.job.login_environment));
    request.environment = TRY(with_login_environment(request.environment, login));
  }
  if (request.environment.size() > kMaxEnvironmentBytes) {
    return Error{ErrorCode::invalid,
                 "the environment has " + std::to_string(request.environment.size()) +
                     " bytes, more than " + std::to_string(kMaxEnvironmentBytes) +
                     "; choose some with --export"};
  }
  return request;
}

const Command kGdsub{&kInfo, start};

}  // namespace gd::cmd

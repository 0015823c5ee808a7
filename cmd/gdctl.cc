// gdctl - show and change jobs, nodes, keys, and the controller itself.
#include "cmd/gdctl.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/fd.h"
#include "base/hostlist.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/ctl_reservation.h"
#include "cmd/ctl_show.h"
#include "cmd/export_swf.h"
#include "cmd/import_slurm.h"
#include "cmd/job_fields.h"
#include "cmd/job_query.h"
#include "cmd/slurm_names.h"
#include "cmd/slurm_text.h"
#include "cmd/version.h"

namespace gd::cmd {
namespace {

using Words = std::span<const std::string>;

constexpr Verb kVerbs[] = {
    {"show", "WHAT [NAME]...", "Show jobs, nodes, partitions, the configuration, a job's script",
     Completes::nothing,
     "job node partition reservation limits lic config script hostnames hostlist"},
    {"hold", "JOB...", "Keep waiting jobs from starting", Completes::job},
    {"uhold", "JOB...", "The same, so that their user can release them", Completes::job},
    {"release", "JOB...", "Let held jobs start", Completes::job},
    {"requeue", "JOB...", "End jobs and let them run again", Completes::job},
    {"requeuehold", "JOB...", "The same, held", Completes::job},
    {"update", "KEY=VALUE...",
     "Change a job (JobId=...), nodes (NodeName=...), a reservation (ReservationName=...)"},
    {"create", "reservation KEY=VALUE...", "Keep nodes for users, accounts or maintenance",
     Completes::nothing, "reservation"},
    {"delete", "reservation NAME", "Give its nodes back", Completes::nothing, "reservation"},
    {"drain", "NODES REASON", "Start nothing new on nodes", Completes::node},
    {"resume", "NODES", "Use nodes again", Completes::node},
    {"down", "NODES REASON", "Take nodes out; their jobs are lost or run again", Completes::node},
    {"node", "token|list|remove|vouch|unvouch [NAME]",
     "Tokens for nodes to join with, and the nodes", Completes::nothing,
     "token list remove vouch unvouch"},
    {"key", "list|revoke [KEY|USER]", "Keys by which users and nodes are known", Completes::nothing,
     "list revoke"},
    {"write", "batch_script JOB [FILE]", "A job's script, to FILE or '-'", Completes::nothing,
     "batch_script"},
    {"import", "slurm.conf FILE", "A site's slurm.conf as a gd.conf, on standard output",
     Completes::file, "slurm.conf"},
    {"export", "swf [StartTime=MOMENT] [EndTime=MOMENT]",
     "Finished jobs as a workload trace, on standard output: for gdsim", Completes::nothing, "swf"},
    {"compat", "", "Every option of Slurm's commands: works or is refused"},
    {"reconfigure", "", "Read gd.conf again, without a restart"},
    {"version", "", "The version; as scontrol, the release of Slurm whose words are printed"},
    {"ping", "", "Whether the controller answers, and who one is to it"},
    {"shutdown", "", "Stop the controller; jobs go on"},
};

constexpr CommandInfo kInfo{
    .name = "gdctl",
    .slurm_name = "scontrol",
    .summary = "Show and change jobs, nodes, keys and the controller",
    .arguments = "WHAT [ARGUMENT]...",
    .examples =
        "gdctl show job 42\n"
        "gdctl update JobId=42 TimeLimit=2:00:00\n"
        "gdctl drain node[1-3] new disks\n"
        "gdctl node token node04           # then there: gdnoded --join TOKEN\n"
        "gdctl node token node[05-40]      # one a line\n"
        "gdctl export swf >trace.swf       # then: gdsim --policy=fifo trace.swf\n"
        "gdctl key revoke alice            # all keys of alice\n",
    .completes = Completes::verbs,
    .verbs = kVerbs};

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

Result<void> expect_ok(Context& context, const Message& request) {
  const OkReply reply = TRY(TRY(context.controller())->ask<OkReply>(request));
  for (const std::string& warning : reply.warnings) context.warn("warning: " + warning);
  return {};
}

Result<int> control(Context& context, JobAction action, Words words) {
  NamedJobs named = TRY(parse_job_list(words));
  const JobControlRequest request{.request = new_request_id(),
                                  .action = action,
                                  .jobs = std::move(named.jobs),
                                  .elements = std::move(named.elements)};
  return print_outcomes(TRY(TRY(context.controller())->ask<JobsReply>(request)), context);
}

Result<int> update(Context& context, Words words) {
  if (names_reservation(words)) {
    return change_reservation(ReservationAction::update, context, words);
  }
  const bool nodes = !words.empty() && starts_with_no_case(words[0], "nodename=");
  if (nodes) {
    TRY(expect_ok(context, TRY(to_node_update(words))));
    return kExitDone;
  }
  const JobUpdateRequest request = TRY(to_job_update(words, context.now(), local_zone()));
  return print_outcomes(TRY(TRY(context.controller())->ask<JobsReply>(request)), context);
}

// One for each node of the list, in its order; for any one node if there is no list.
Result<int> make_tokens(const CtlOptions& options, Context& context, const std::string& nodes) {
  NodeTokenRequest request{.may_vouch = options.vouch};
  if (!options.lifetime.empty()) {
    request.lifetime = std::chrono::duration_cast<Seconds>(TRY(parse_interval(options.lifetime)));
  }
  std::vector<std::string> names = TRY(expand_hostlist(nodes));
  if (nodes.empty()) names = {""};
  NodeTokenReply reply;
  for (std::string& name : names) {
    request.node = std::move(name);
    reply = TRY(TRY(context.controller())->ask<NodeTokenReply>(request));
    context.out.line(reply.token);
  }
  if (!options.quiet) {
    context.warn("good once" + std::string(names.size() > 1 ? " each" : "") + ", until " +
                 moment_or(reply.expires, "it is used") + "; on the node: gdnoded --join TOKEN");
  }
  return kExitDone;
}

Result<int> node_words(const CtlOptions& options, Context& context, Words words) {
  constexpr auto kWords =
      std::to_array<std::string_view>({"token", "list", "remove", "vouch", "unvouch"});
  const std::string what = words.empty() ? "" : words[0];
  if (what == "list") return show_words(options, context, std::array{std::string("node")});
  if (what == "token") return make_tokens(options, context, words.size() > 1 ? words[1] : "");
  if (what != "remove" && what != "vouch" && what != "unvouch") {
    return usage("gdctl node: '" + printable(what) + "' is not one of " +
                 join(std::span(kWords), ", ") + did_you_mean(what, kWords));
  }
  if (words.size() < 2) return usage("gdctl node " + what + ": no node given");
  NodeUpdateRequest request{.request = new_request_id(), .names = TRY(expand_hostlist(words[1]))};
  request.action = what == "remove"  ? NodeAction::remove
                   : what == "vouch" ? NodeAction::vouch
                                     : NodeAction::no_vouch;
  TRY(expect_ok(context, request));
  return kExitDone;
}

Result<int> key_words(const CtlOptions& options, Context& context, Words words) {
  const std::string what = words.empty() ? "list" : words[0];
  const std::string who = words.size() > 1 ? words[1] : "";
  if (what == "list") return list_keys(options, context, options.all ? "*" : who);
  if (what != "revoke") {
    constexpr auto kWords = std::to_array<std::string_view>({"list", "revoke"});
    return usage("gdctl key: '" + printable(what) + "' is not one of list, revoke" +
                 did_you_mean(what, kWords));
  }
  if (who.empty()) return usage("gdctl key revoke: no key and no user given");
  // A fingerprint is the beginning of a key, at least 8 characters; users are looked up first.
  KeyRevokeRequest request;
  if (who.starts_with("user="))
    request.user = who.substr(5);
  else if (who.starts_with("key="))
    request.fingerprint = who.substr(4);
  else if (look_like_key(who))
    request.fingerprint = who;
  else
    request.user = who;
  TRY(expect_ok(context, request));
  return kExitDone;
}

Result<int> import_words(const CtlOptions& options, Context& context, Words words) {
  if (words.size() != 2 || words[0] != "slurm.conf") return usage("gdctl import slurm.conf FILE");
  const Bytes text = TRY(read_file(words[1], kMaxSlurmConfBytes));
  const Imported made = TRY(import_slurm(text, words[1]));
  context.out << made.config;
  if (!options.quiet) {
    for (const std::string& note : made.notes) context.warn(note);
  }
  return kExitDone;
}

// Page by page, so that a long history is never in memory as records.
Result<int> export_words(const CtlOptions& options, Context& context, Words words) {
  if (words.empty() || words[0] != "swf") {
    return usage("gdctl export swf [StartTime=MOMENT] [EndTime=MOMENT]");
  }
  JobQuery query{.history = true};
  for (const std::string& word : words.subspan(1)) {
    const bool since = starts_with_no_case(word, "starttime=");
    if (!since && !starts_with_no_case(word, "endtime=")) {
      return usage("gdctl export swf: '" + printable(word) +
                   "' is neither StartTime= nor EndTime=");
    }
    (since ? query.since : query.until) =
        TRY(parse_moment(std::string_view(word).substr(word.find('=') + 1), context.now(),
                         local_zone(), Direction::past));
  }
  Client* controller = TRY(context.controller());
  SwfExport trace;
  TRY(controller->pages(query, [&trace](Message&& page) -> Result<bool> {
    const auto* reply = std::get_if<JobQueryReply>(&page);
    if (reply == nullptr) return Error{ErrorCode::internal, "an answer that lists no jobs"};
    for (const JobView& view : reply->jobs) trace.add(view.job);
    return reply->more;
  }));
  if (trace.size() == 0) return Error{ErrorCode::not_found, "no job has ended in that time"};
  const auto nodes = TRY(controller->ask<NodeQueryReply>(NodeQuery{}));
  context.out << trace.text(controller->cluster(), nodes.nodes);
  if (options.quiet) return kExitDone;
  for (const std::string& note : trace.notes()) context.warn(note);
  return kExitDone;
}

// From the definitions themselves, so that it is never out of date.
Result<int> compat_words(const CtlOptions&, Context& context, Words) {
  (void)context.out.flush();
  for (const SlurmName& name : slurm_names()) {
    if (name.command == nullptr) {
      context.out.line(std::string(name.name) + "\t\trefused\tnot served; an error says so");
      (void)context.out.flush();
    } else {
      (void)name.command->start({std::string(name.name), Dialect::slurm, {"--gd-dump=compat"}});
    }
  }
  return kExitDone;
}

struct Handler {
  std::string_view verb;
  Result<int> (*run)(const CtlOptions& options, Context& context, Words words);
};

constexpr Handler kHandlers[] = {
    {"show", show_words},
    {"hold", [](const CtlOptions&, Context& c, Words w) { return control(c, JobAction::hold, w); }},
    {"uhold",
     [](const CtlOptions&, Context& c, Words w) { return control(c, JobAction::user_hold, w); }},
    {"release",
     [](const CtlOptions&, Context& c, Words w) { return control(c, JobAction::release, w); }},
    {"requeue",
     [](const CtlOptions&, Context& c, Words w) { return control(c, JobAction::requeue, w); }},
    {"requeuehold",
     [](const CtlOptions&, Context& c, Words w) { return control(c, JobAction::requeue_hold, w); }},
    {"update", [](const CtlOptions&, Context& c, Words w) { return update(c, w); }},
    {"create",
     [](const CtlOptions&, Context& c, Words w) -> Result<int> {
       if (!names_reservation(w)) return usage("create what? reservation");
       return change_reservation(ReservationAction::create, c, w);
     }},
    {"delete",
     [](const CtlOptions&, Context& c, Words w) -> Result<int> {
       if (!names_reservation(w)) return usage("delete what? reservation NAME");
       return change_reservation(ReservationAction::remove, c, w);
     }},
    {"node", node_words},
    {"key", key_words},
    {"write", write_words},
    {"import", import_words},
    {"export", export_words},
    {"compat", compat_words},
    {"ping", ping},
};

Result<int> run_verb(const CtlOptions& options, Context& context) {
  if (options.words.empty()) {
    return usage("say what to do: show, hold, release, update, drain, resume, node, key, ping ...");
  }
  const std::string& verb = options.words[0];
  const Words rest = Words(options.words).subspan(1);
  for (const Handler& handler : kHandlers) {
    if (handler.verb == verb) return handler.run(options, context, rest);
  }
  if (verb == "drain" || verb == "resume" || verb == "down") {
    TRY(expect_ok(context, TRY(to_node_action(verb, rest))));
    return kExitDone;
  }
  if (verb == "reconfigure" || verb == "reconfig") {
    TRY(expect_ok(context, ReconfigureRequest{}));
    return kExitDone;
  }
  if (verb == "version") {
    context.out.line(context.slurm() ? std::string("slurm ") + kSlurmRelease
                                     : std::string("gd " GD_VERSION));
    return kExitDone;
  }
  if (verb == "shutdown") {
    TRY(expect_ok(context, ShutdownRequest{}));
    return kExitDone;
  }
  std::vector<std::string_view> known;
  for (const Verb& each : kVerbs) known.push_back(each.name);
  return usage("unknown command '" + printable(verb) + "'" + did_you_mean(verb, known));
}

Result<int> run(const CtlOptions& options, Context& context) {
  TRY(check_clusters(options.clusters, context));
  Result<int> code = run_verb(options, context);
  if (code.ok() || !context.slurm() || code.error().code == ErrorCode::usage) return code;
  if (code.error().text.starts_with("slurm_load_")) return code;
  return Error{code.error().code, slurm_reason(code.error())};
}

int start(const Invocation& call) {
  return start_command<CtlOptions, define_gdctl, run>(kInfo, call);
}

}  // namespace

void define_gdctl(Cli& cli, CtlOptions& options) {
  cli.flag("-o,--oneliner", "One line for each record", options.one_line);
  cli.flag("--json", "What is shown, as JSON", options.json);
  cli.flag("-d,--details", "More of each record; all is shown anyway", options.details);
  cli.flag("-a,--all", "With 'key list': the keys of everybody", options.all);
  cli.flag("--vouch", "With 'node token': the node may say who its users are", options.vouch);
  cli.option("--lifetime", "INTERVAL", "With 'node token': how long it is good; 1h is the default",
             options.lifetime);
  cli.flag("-Q,--quiet", "Print no hints", options.quiet);
  define_clusters(cli, options.clusters);
  cli.refuse(
      "--federation -F,--future -h,--hide --local --sibling -u,--uid --yaml "
      "-v,--verbose");
  cli.rest(options.words);
}

const Command kGdctl{&kInfo, start};

}  // namespace gd::cmd

#include "cmd/ctl_show.h"

#include <algorithm>
#include <array>

#include "base/duration.h"
#include "base/fd.h"
#include "base/hostlist.h"
#include "base/process.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/ctl_reservation.h"
#include "cmd/job_fields.h"
#include "cmd/job_query.h"
#include "cmd/node_fields.h"
#include "cmd/output.h"
#include "cmd/slurm_text.h"
#include "cmd/version.h"
#include "proto/messages_policy.h"

namespace gd::cmd {
namespace {

using Words = std::span<const std::string>;

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

// {"jobs": [...]} for a list, each element by write_json().
template <class List, class Write>
std::string json_list(std::string_view key, const List& list, const Write& write) {
  JsonWriter json(JsonStyle::pretty);
  json.begin_object().key(key).begin_array();
  for (const auto& each : list) write(json, each);
  json.end_array().end_object();
  return json.take();
}

Result<int> show_jobs(const CtlOptions& options, Context& context, Words words) {
  JobQuery query;
  query.live = true;
  if (!words.empty()) {
    NamedJobs named = TRY(parse_job_list(words));
    query.filter.jobs = std::move(named.jobs);
    query.filter.elements = std::move(named.elements);
  }
  Client* controller = TRY(context.controller());
  Result<std::vector<JobView>> jobs = fetch_jobs(*controller, query);
  if (!context.slurm() && !words.empty() && jobs.ok() && jobs->empty()) {
    query.history = true;  // as long as it is remembered at all
    jobs = fetch_jobs(*controller, query);
  }
  const TimePoint now = context.now();
  if (!jobs.ok()) return context.slurm() ? slurm_load_error(jobs.error()) : jobs.error();
  if (jobs->empty() && !words.empty()) {
    const Error error{ErrorCode::not_found, "job " + words[0] + ": no such job"};
    return context.slurm() ? slurm_load_error(error) : error;
  }
  if (options.json) {
    context.out << json_list("jobs", *jobs, [now](JsonWriter& json, const JobView& view) {
      write_json(json, view, now);
    });
    return kExitDone;
  }
  if (jobs->empty()) context.out.line("No jobs in the system");
  for (const JobView& view : *jobs) {
    context.out << job_block(view, now, options.one_line);
    if (!context.slurm() && !options.one_line) context.out << receipt_block(received(view.job));
  }
  return kExitDone;
}

Result<int> show_nodes(const CtlOptions& options, Context& context, Words words) {
  NodeQuery query;
  if (!words.empty()) query.names = TRY(expand_hostlist(words[0]));
  Result<NodeQueryReply> reply = TRY(context.controller())->ask<NodeQueryReply>(query);
  if (context.slurm() && !reply.ok() && reply.error().code == ErrorCode::not_found) {
    return context.out.line("Node " + words[0] + " not found"), kExitRefused;
  }
  const std::vector<NodeView> nodes = TRY(std::move(reply)).nodes;
  if (options.json) {
    context.out << json_list(
        "nodes", nodes, [](JsonWriter& json, const NodeView& view) { write_json(json, view); });
    return kExitDone;
  }
  for (const NodeView& view : nodes) context.out << node_block(view, options.one_line);
  return kExitDone;
}

Result<int> show_partitions(const CtlOptions& options, Context& context, Words words) {
  auto all = TRY(TRY(context.controller())->ask<PartitionQueryReply>(PartitionQuery{})).partitions;
  if (!words.empty()) {
    std::erase_if(all, [&](const PartitionView& view) { return view.name != words[0]; });
    if (all.empty()) {
      if (context.slurm()) {
        return context.out.line("Partition " + words[0] + " not found"), kExitRefused;
      }
      return Error{ErrorCode::not_found,
                   "partition " + printable(words[0]) + ": no such partition"};
    }
  }
  if (options.json) {
    context.out << json_list("partitions", all, [](JsonWriter& json, const PartitionView& view) {
      write_json(json, view);
    });
    return kExitDone;
  }
  for (const PartitionView& view : all) context.out << partition_block(view, options.one_line);
  return kExitDone;
}

uint64_t free_of(const LicenceView& view) {
  return view.total > view.used ? view.total - view.used : 0;
}

// "MinJobAge               = 300 sec": programs look for these lines.
void print_slurm_config(const ConfigReply& reply, Context& context) {
  const auto line = [&context](std::string_view key, std::string_view value) {
    std::string text(key);
    text.resize(std::max<size_t>(text.size(), 23), ' ');
    context.out.line(text + " = " + std::string(value));
  };
  const auto value_of = [&reply](std::string_view key, std::string_view none) {
    for (const ConfigValue& item : reply.entries) {
      if (item.section.empty() && item.key == key) return item.value;
    }
    return std::string(none);
  };
  const auto in_seconds = [&](std::string_view key, std::string_view none) {
    const Result<Milliseconds> interval = parse_interval(value_of(key, none));
    const Milliseconds amount = interval.ok() ? *interval : Milliseconds{0};
    return std::to_string(std::chrono::duration_cast<Seconds>(amount).count()) + " sec";
  };
  context.out.line("Configuration data as of " + moment_or(context.now(), ""));
  line("AcctGatherNodeFreq", "0 sec");
  line("ClusterName", value_of("cluster", "gd"));
  line("KillWait", in_seconds("kill_wait", "30"));
  line("MinJobAge", in_seconds("min_job_age", "300"));
  line("SchedulerTimeSlice", "30 sec");
  line("SlurmctldHost[0]", value_of("controller", "localhost"));
  line("SLURM_VERSION", kSlurmRelease);
}

Result<int> show_config(const CtlOptions& options, Context& context, Words) {
  const auto reply = TRY(TRY(context.controller())->ask<ConfigReply>(ConfigQuery{}));
  if (context.slurm()) return print_slurm_config(reply, context), kExitDone;
  if (options.json) {
    context.out << json_list(
        "config", reply.entries, [](JsonWriter& json, const ConfigValue& item) {
          json.begin_object().key("section").string(item.section).key("key").string(item.key);
          json.key("value").string(item.value).key("default").boolean(item.is_default).end_object();
        });
    return kExitDone;
  }
  std::string section;
  for (const ConfigValue& item : reply.entries) {
    if (item.section != section) {
      section = item.section;
      context.out.line("\n[" + section + "]");
    }
    context.out.line(item.key + " = " + item.value + (item.is_default ? "   # default" : ""));
  }
  return kExitDone;
}

Result<int> show_licences(const CtlOptions& options, Context& context, Words words) {
  auto all = TRY(TRY(context.controller())->ask<LimitQueryReply>(LimitQuery{})).licences;
  if (!words.empty()) {
    std::erase_if(all, [&](const LicenceView& view) { return view.name != words[0]; });
    if (all.empty()) {
      return Error{ErrorCode::not_found, "licence " + printable(words[0]) + ": no such licence"};
    }
  }
  if (options.json) {
    context.out << json_list("licenses", all, [](JsonWriter& json, const LicenceView& view) {
      json.begin_object().key("LicenseName").string(view.name).key("Total").number(view.total);
      json.key("Used").number(view.used).key("Free").number(free_of(view));
      json.key("Remote").boolean(false).key("Reserved").number(uint64_t{0}).end_object();
    });
    return kExitDone;
  }
  if (all.empty()) return context.out.line("No licenses configured in Slurm."), kExitDone;
  for (const LicenceView& view : all) {
    context.out.line("LicenseName=" + view.name + (options.one_line ? "" : "\n   ") +
                     " Total=" + std::to_string(view.total) + " Used=" + std::to_string(view.used) +
                     " Free=" + std::to_string(free_of(view)) + " Reserved=0 Remote=no");
  }
  return kExitDone;
}

// Every limit of those whose jobs have been seen, with what is in use.
Result<int> show_limits(const CtlOptions& options, Context& context, Words) {
  const auto all = TRY(TRY(context.controller())->ask<LimitQueryReply>(LimitQuery{})).limits;
  if (options.json) {
    context.out << json_list("limits", all, [](JsonWriter& json, const LimitView& view) {
      json.begin_object().key("kind").string(view.kind).key("name").string(view.name);
      json.key("user").string(view.user).key("what").string(view.what);
      json.key("used").number(view.used).key("limit").number(view.limit).end_object();
    });
    return kExitDone;
  }
  Table table({"KIND", "NAME", "USER", "WHAT", "USED", "LIMIT"});
  const auto amount = [](const LimitView& view, uint64_t value) {
    return view.what == "mem" ? format_mib(value) : std::to_string(value);
  };
  for (const LimitView& view : all) {
    table.add({view.kind, view.name, view.user, view.what, amount(view, view.used),
               amount(view, view.limit)});
  }
  context.out << table.text(terminal_width(context.out.fd()), "");
  return kExitDone;
}

Result<int> show_script(const CtlOptions&, Context& context, Words words) {
  const JobId job = TRY(parse_one_job(words));
  const auto reply = TRY(TRY(context.controller())->ask<ScriptReply>(ScriptQuery{.job = job}));
  context.out << reply.script;
  return kExitDone;
}

Result<int> show_hostnames(const CtlOptions&, Context& context, Words words) {
  const std::optional<std::string> inside = get_env("SLURM_JOB_NODELIST");
  if (words.empty() && !inside) return usage("no host list given");
  for (const std::string& name : TRY(expand_hostlist(words.empty() ? *inside : words[0]))) {
    context.out.line(name);
  }
  return kExitDone;
}

Result<std::vector<std::string>> host_names(Words words) {
  if (words.empty()) return usage("no host names given");
  std::vector<std::string> names;
  for (const std::string& word : words) {
    for (std::string& name : TRY(expand_hostlist(word))) names.push_back(std::move(name));
  }
  return names;
}

Result<int> show_hostlist(const CtlOptions&, Context& context, Words words) {
  const std::vector<std::string> names = TRY(host_names(words));
  context.out.line(fold_hostlist(names));
  return kExitDone;
}

Result<int> show_sorted_hostlist(const CtlOptions&, Context& context, Words words) {
  std::vector<std::string> names = TRY(host_names(words));
  sort_hosts(names);
  context.out.line(fold_hostlist(names));
  return kExitDone;
}

struct Shown {
  std::string_view name;
  Result<int> (*show)(const CtlOptions& options, Context& context, Words words);
};

constexpr Shown kShown[] = {
    {"job", show_jobs},
    {"jobs", show_jobs},
    {"jobid", show_jobs},
    {"node", show_nodes},
    {"nodes", show_nodes},
    {"partition", show_partitions},
    {"partitions", show_partitions},
    {"part", show_partitions},
    {"config", show_config},
    {"lic", show_licences},
    {"license", show_licences},
    {"licenses", show_licences},
    {"limits", show_limits},
    {"reservation", show_reservations},
    {"reservations", show_reservations},
    {"res", show_reservations},
    {"script", show_script},
    {"hostnames", show_hostnames},
    {"hostname", show_hostnames},
    {"hostlist", show_hostlist},
    {"hostlistsorted", show_sorted_hostlist},
};

}  // namespace

Result<int> show_words(const CtlOptions& options, Context& context, Words words) {
  if (words.empty()) return usage("show what? job, node, partition, config, script, hostnames");
  // "show job=42" is "show job 42".
  std::vector<std::string> rest(words.begin() + 1, words.end());
  std::string what = words[0];
  if (const size_t equals = what.find('='); equals != std::string::npos) {
    rest.insert(rest.begin(), what.substr(equals + 1));
    what.resize(equals);
  }
  std::vector<std::string_view> known;
  for (const Shown& each : kShown) {
    if (equal_no_case(each.name, what)) return each.show(options, context, rest);
    known.push_back(each.name);
  }
  return usage("cannot show '" + printable(what) + "'" + did_you_mean(what, known));
}

Result<int> write_words(const CtlOptions&, Context& context, Words words) {
  if (words.size() < 2 || words[0] != "batch_script") return usage("write batch_script JOB [FILE]");
  const JobId job = TRY(parse_one_job(words.subspan(1, 1)));
  const auto reply = TRY(TRY(context.controller())->ask<ScriptReply>(ScriptQuery{.job = job}));
  const std::string file =
      words.size() > 2 ? words[2] : "slurm-" + std::to_string(job.value) + ".sh";
  if (file == "-")
    context.out << reply.script;
  else
    TRY(replace_file(file, reply.script, 0644));
  if (file != "-") {
    context.out.line("batch script for job " + std::to_string(job.value) + " written to " + file);
  }
  return kExitDone;
}

bool look_like_key(std::string_view word) {
  constexpr size_t kShortestFingerprint = 8;
  const bool odd = std::ranges::any_of(word, [](char c) {
    return (c >= 'A' && c <= 'Z') ||
           std::string_view(".:+=^!/*?&<>()[]{}@%$#").find(c) != std::string_view::npos;
  });
  return word.size() >= kShortestFingerprint && odd;
}

Result<int> list_keys(const CtlOptions& options, Context& context, const std::string& user) {
  const auto keys =
      TRY(TRY(context.controller())->ask<KeyListReply>(KeyListRequest{.user = user})).keys;
  constexpr std::string_view kKinds[] = {"user", "node", "job"};
  const auto kind = [&](const KeyRecord& key) { return kKinds[static_cast<size_t>(key.kind) % 3]; };
  if (options.json) {
    context.out << json_list("keys", keys, [&](JsonWriter& json, const KeyRecord& key) {
      json.begin_object().key("key").string(key.public_key).key("kind").string(kind(key));
      json.key("name").string(key.name).key("uid").number(key.uid);
      json.key("made_by").string(key.made_by).end_object();
    });
    return kExitDone;
  }
  Table table({"KEY", "KIND", "NAME", "MADE", "EXPIRES", "BY"});
  for (const KeyRecord& key : keys) {
    table.add({key.public_key.substr(0, 12), std::string(kind(key)), key.name,
               moment_or(key.made, "-"), moment_or(key.expires, "never"), key.made_by});
  }
  context.out << table.text(terminal_width(context.out.fd()));
  return kExitDone;
}

Result<int> ping(const CtlOptions& options, Context& context, Words) {
  const Milliseconds before = boot_time();
  const Result<PingReply> asked = TRY(context.controller())->ask<PingReply>(PingRequest{});
  if (context.slurm()) {
    const std::string host = asked.ok() ? asked.value().host : "localhost";
    context.out.line("Slurmctld(primary) at " + host + " is " + (asked.ok() ? "UP" : "DOWN"));
    return asked.ok() ? kExitDone : kExitRefused;
  }
  const PingReply reply = TRY(Result<PingReply>(asked));
  const auto took = std::to_string((boot_time() - before).count()) + " ms";
  if (options.json) {
    JsonWriter json(JsonStyle::pretty);
    json.begin_object().key("version").string(reply.version).key("cluster").string(reply.cluster);
    json.key("host").string(reply.host).key("you").string(reply.you).key("uid").number(reply.uid);
    json.key("administrator").boolean(reply.administrator).end_object();
    context.out << json.take();
    return kExitDone;
  }
  context.out.line("gdctld " + reply.version + " of cluster " + reply.cluster + " on " +
                   reply.host + " answers in " + took + "; up since " +
                   moment_or(reply.started, "?"));
  context.out.line("you are " + reply.you + " (uid " + std::to_string(reply.uid) + ")" +
                   (reply.administrator ? ", an administrator" : ""));
  return kExitDone;
}

}  // namespace gd::cmd

// sreport - who used how much of the cluster in a period, from the records of jobs.
#include "cmd/sreport.h"

#include <pwd.h>

#include <set>

#include "base/text.h"
#include "cmd/client.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/job_query.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{
    .name = "sreport",
    .slurm_name = "sreport",
    .summary = "Report who used how much of the cluster",
    .arguments = "cluster|user|job REPORT [KEY=VALUE]...",
    .examples =
        "sreport cluster utilization start=2026-11-01 end=2026-12-01\n"
        "sreport -t hours cluster AccountUtilizationByUser start=now-7days end=now tree\n"
        "sreport -P -t minper user top start=now-30days end=now topcount=5\n"
        "sreport job sizes grouping=2,8,64\n"};

// The first field of GECOS.
std::string proper_name(const std::string& user) {
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr || entry->pw_gecos == nullptr) return "";
  const std::string_view gecos = entry->pw_gecos;
  return std::string(gecos.substr(0, gecos.find(',')));
}

// What still runs or is still listed as live, then the past: each job once.
Result<void> add_jobs(const ReportQuery& query, Client& controller, UsageReport& report) {
  std::set<JobId> live;
  const auto take = [&](Message&& page, auto&& is_new) -> Result<bool> {
    auto* reply = std::get_if<JobQueryReply>(&page);
    if (reply == nullptr) return Error{ErrorCode::internal, "an answer that lists no jobs"};
    narrow(reply->jobs, query.filter);
    for (const JobView& view : reply->jobs) {
      if (is_new(view.job.id) && counts(query, view.job)) report.add(view.job);
    }
    return reply->more;
  };
  TRY(controller.pages(JobQuery{.filter = query.filter}, [&](Message&& page) {
    return take(std::move(page), [&](JobId id) { return live.insert(id).second; });
  }));
  const JobQuery past{.filter = query.filter, .history = true, .since = query.period.start};
  return controller.pages(past, [&](Message&& page) {
    return take(std::move(page), [&](JobId id) { return !live.contains(id); });
  });
}

// Of the nodes that there are now.
TresSeconds cluster_count(const std::vector<NodeView>& nodes) {
  TresSeconds count;
  for (const NodeView& node : nodes) {
    count["cpu"] += node.usable.cpus;
    count["mem"] += node.usable.memory_mib;
    count["node"] += 1;
    for (const GresCount& gres : node.usable.gres) count["gres/" + gres.name] += gres.count;
  }
  count["billing"] = count["cpu"];
  return count;
}

Result<int> run(const ReportOptions& options, Context& context) {
  const TimePoint now = context.now();
  Result<ReportQuery> parsed = parse_report(options, now, local_zone());
  if (!parsed.ok() && parsed.error().code == ErrorCode::invalid) {
    context.err << parsed.error().text << "\n";  // Slurm's sentences stand by themselves
    return kExitRefused;
  }
  const ReportQuery query = TRY(std::move(parsed));
  Client* controller = TRY(context.controller());
  TRY(check_clusters(options.clusters, context));
  const Site site = site_of(TRY(controller->ask<ConfigReply>(ConfigQuery{})));
  const auto nodes = TRY(controller->ask<NodeQueryReply>(NodeQuery{})).nodes;
  UsageReport report(query.period, now, query.grouping);
  TRY(add_jobs(query, *controller, report));
  ReportInput input{site, {}, cluster_count(nodes), proper_name};
  for (const auto& [kind, count] : input.count) {
    input.capacity[kind] = count * query.period.seconds();
  }
  context.out << report_text(query, report, input, local_zone());
  return kExitDone;
}

int start(const Invocation& call) {
  return start_command<ReportOptions, define_sreport, run>(kInfo, call);
}

}  // namespace

void define_sreport(Cli& cli, ReportOptions& options) {
  cli.option("-t,--time", "FORM", "Seconds, Minutes, Hours, Percent, SecPer, MinPer or HourPer",
             options.time);
  cli.list("-T,--tres", "KIND[,...]", "cpu, mem, node, billing, gres/NAME, or ALL", options.tres);
  cli.flag("-n,--noheader", "No headings", options.no_header);
  cli.flag("-p,--parsable", "Separated by '|', also at the end", options.parsable);
  cli.flag("-P,--parsable2", "Separated by '|'", options.parsable2);
  cli.flag("-a,--all_clusters", "There is one cluster: as without this option", options.same);
  cli.flag("--local", "There is one cluster: as without this option", options.same);
  cli.flag("-Q,--quiet", "As without this option", options.same);
  define_clusters(cli, options.clusters);
  cli.refuse("--federation -v,--verbose");
  cli.rest(options.words);
}

const Command kSreport{&kInfo, start};

}  // namespace gd::cmd

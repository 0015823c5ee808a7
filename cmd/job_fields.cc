#include "cmd/job_fields.h"

#include <array>

#include "base/duration.h"
#include "base/hostlist.h"
#include "base/text.h"
#include "proto/limit_values.h"

namespace gd::cmd {
namespace {

using Out = std::string&;
using Row = const JobRow&;

const JobRecord& job(Row row) {
  return row.view.job;
}
const JobSpec& spec(Row row) {
  return *row.view.job.spec;
}

TimePoint end_of(const JobView& view) {
  if (view.job.end_time != TimePoint{}) return view.job.end_time;
  const TimePoint start = start_of(view);
  const TimeLimit limit = limit_of(view.job);
  if (start == TimePoint{} || !limit || !view.job.time_limit) return {};
  return start + *limit;
}

void node_list_or_reason(const JobRow& row, Out out) {
  const std::string nodes = node_list_of(row.view.job);
  if (nodes.empty())
    out += "(" + reason_of(row.view.job) + ")";
  else
    out += nodes;
}

void time_left(const JobRow& row, Out out) {
  const TimeLimit limit = limit_of(row.view.job);
  if (!row.view.job.time_limit)
    out += "NOT_SET";
  else if (!limit)
    out += "UNLIMITED";
  else {
    const Seconds left = *limit - elapsed_of(row.view.job, row.now);
    out += left < Seconds{0} ? "INVALID" : format_elapsed(left);
  }
}

std::string memory_text(uint64_t mib, bool fixed_units) {
  return fixed_units ? std::to_string(mib) + "M" : format_mib(mib);
}

void min_memory(const JobRow& row, Out out) {
  const JobSpec& spec = *row.view.job.spec;
  const auto amount = spec.memory_per_cpu_mib ? spec.memory_per_cpu_mib : spec.memory_per_node_mib;
  out += amount && *amount > 0 ? memory_text(*amount, row.fixed_units) : "0";
}

void priority(const JobRow& row, Out out) {
  out += std::to_string(static_cast<uint64_t>(row.view.priority.value_or(0)));
}

std::string or_null(std::string_view text, std::string_view none = "(null)") {
  return std::string(text.empty() ? none : text);
}

constexpr size_t kMostElements = 64;  // of their text in a column, as Slurm

constexpr auto kFields = std::to_array<Field<JobRow>>({
    {'i', "jobarrayid", "JOBID", [](Row r, Out o) { o += job_name_of(job(r), kMostElements); }},
    {'A', "jobid", "JOBID", [](Row r, Out o) { o += std::to_string(job(r).id.value); }},
    {'F', "arrayjobid", "ARRAY_JOB_ID",
     [](Row r, Out o) { o += std::to_string(array_id_of(job(r)).value); }},
    {'K', "arraytaskid", "ARRAY_TASK_ID",
     [](Row r, Out o) { o += job(r).array ? elements_of(job(r), kMostElements) : "N/A"; }},
    {'P', "partition", "PARTITION", [](Row r, Out o) { o += spec(r).partition; }},
    {'j', "name", "NAME", [](Row r, Out o) { o += printable(spec(r).name, 1024); }},
    {'u', "username", "USER", [](Row r, Out o) { o += job(r).user; }},
    {'U', "userid", "UID", [](Row r, Out o) { o += std::to_string(job(r).uid); }},
    {'g', "groupname", "GROUP", [](Row r, Out o) { o += job(r).group; }},
    {'G', "groupid", "GROUP", [](Row r, Out o) { o += std::to_string(job(r).gid); }},
    {'a', "account", "ACCOUNT", [](Row r, Out o) { o += or_null(spec(r).account); }},
    {'t', "statecompact", "ST", [](Row r, Out o) { o += short_name(job(r).state); }},
    {'T', "state", "STATE", [](Row r, Out o) { o += long_name(job(r).state); }},
    {'M', "timeused", "TIME", [](Row r, Out o) { o += format_elapsed(elapsed_of(job(r), r.now)); }},
    {'l', "timelimit", "TIME_LIMIT", [](Row r, Out o) { o += format_elapsed(limit_of(job(r))); }},
    {'L', "timeleft", "TIME_LEFT", time_left},
    {'D', "numnodes", "NODES", [](Row r, Out o) { o += std::to_string(nodes_of(job(r))); }},
    {'C', "numcpus", "CPUS", [](Row r, Out o) { o += std::to_string(cpus_of(job(r))); }},
    {0, "numtasks", "TASKS", [](Row r, Out o) { o += std::to_string(spec(r).tasks.value_or(1)); }},
    {'c', "mincpus", "MIN_CPUS",
     [](Row r, Out o) { o += std::to_string(spec(r).cpus_per_task.value_or(1)); }},
    {'m', "minmemory", "MIN_MEMORY", min_memory},
    {'d', "mintmpdisk", "MIN_TMP_DISK", [](Row, Out o) { o += "0"; }},
    {'N', "nodelist", "NODELIST", [](Row r, Out o) { o += node_list_of(job(r)); }},
    {'B', "batchhost", "EXEC_HOST", [](Row r, Out o) { o += or_null(job(r).batch_node, "n/a"); }},
    {'R', "reasonlist", "NODELIST(REASON)", node_list_or_reason},
    {'r', "reason", "REASON", [](Row r, Out o) { o += reason_of(job(r)); }},
    {'n', "reqnodes", "REQ_NODES", [](Row r, Out o) { o += spec(r).node_list; }},
    {'x', "excnodes", "EXC_NODES", [](Row r, Out o) { o += spec(r).exclude; }},
    {'E', "dependency", "DEPENDENCY",
     [](Row r, Out o) { o += or_null(format_dependency(job(r).dependency)); }},
    {'f', "feature", "FEATURES", [](Row r, Out o) { o += or_null(spec(r).constraint); }},
    {'k', "comment", "COMMENT",
     [](Row r, Out o) { o += or_null(printable(spec(r).comment, 4096)); }},
    {'S', "starttime", "START_TIME", [](Row r, Out o) { o += moment_or(start_of(r.view), "N/A"); }},
    {'e', "endtime", "END_TIME", [](Row r, Out o) { o += moment_or(end_of(r.view), "N/A"); }},
    {'V', "submittime", "SUBMIT_TIME",
     [](Row r, Out o) { o += moment_or(job(r).submit_time, "N/A"); }},
    {'Q', "prioritylong", "PRIORITY", priority},
    {'p', "priority", "PRIORITY", priority},
    {'y', "nice", "NICE", [](Row r, Out o) { o += std::to_string(spec(r).nice); }},
    {'q', "qos", "QOS", [](Row r, Out o) { o += or_null(spec(r).qos, "normal"); }},
    {'Z', "workdir", "WORK_DIR", [](Row r, Out o) { o += spec(r).chdir; }},
    {'o', "command", "COMMAND", [](Row r, Out o) { o += or_null(spec(r).command); }},
    {'h', "oversubscribe", "OVER_SUBSCRIBE",
     [](Row r, Out o) { o += spec(r).exclusive ? "NO" : "OK"; }},
    {'b', "tres-per-node", "TRES_PER_NODE",
     [](Row r,
        Out o) { o += spec(r).gres_per_node.empty() ? "N/A" : gres_text(spec(r).gres_per_node); }},
    {0, "tres-alloc", "TRES_ALLOC", [](Row r, Out o) { o += tres_of(job(r), r.fixed_units); }},
    {0, "stdout", "STDOUT", [](Row r, Out o) { o += spec(r).output; }},
    {0, "stderr", "STDERR",
     [](Row r, Out o) { o += spec(r).error.empty() ? spec(r).output : spec(r).error; }},
    // What gd has no such thing for reads as on a Slurm job that did not ask for it.
    {'v', "reservation", "RESERVATION", [](Row r, Out o) { o += or_null(spec(r).reservation); }},
    {'W', "licenses", "LICENSES",
     [](Row r, Out o) { o += or_null(format_licences(spec(r).licences)); }},
    {'w', "wckey", "WCKEY", [](Row r, Out o) { o += or_null(spec(r).wckey); }},
    {'H', "sockets", "SOCKETS_PER_NODE", [](Row, Out o) { o += "*"; }},
    {'I', "cores", "CORES_PER_SOCKET", [](Row, Out o) { o += "*"; }},
    {'J', "threads", "THREADS_PER_CORE", [](Row, Out o) { o += "*"; }},
    {'X', "corespec", "CORE_SPEC", [](Row, Out o) { o += "N/A"; }},
    {'Y', "schednodes", "SCHEDNODES", [](Row, Out o) { o += "(null)"; }},
    {'z', "sct", "S:C:T", [](Row, Out o) { o += "*:*:*"; }},
    {0, "contiguous", "CONTIGUOUS", [](Row, Out o) { o += "0"; }},
    {0, "exit_code", "EXIT_CODE", [](Row r, Out o) { o += exit_text(job(r)); }},
    {0, "restartcnt", "RESTART_COUNT", [](Row r, Out o) { o += std::to_string(job(r).restarts); }},
});

}  // namespace

std::span<const Field<JobRow>> job_fields() {
  return kFields;
}

std::string gres_text(const std::vector<GresCount>& all) {
  std::string out;
  for (const GresCount& gres : all) {
    out += out.empty() ? "gres:" : ",gres:";
    out +=
        gres.name + (gres.type.empty() ? "" : ":" + gres.type) + ":" + std::to_string(gres.count);
  }
  return out;
}

TimePoint start_of(const JobView& view) {
  const JobRecord& job = view.job;
  if (job.start_time != TimePoint{}) return job.start_time;
  const TimePoint expected = view.expected_start.value_or(TimePoint{});
  const bool told_when = job.spec->begin || !job.spec->cron.empty();
  const bool waits = job.state == JobState::pending && told_when;
  return waits ? std::max(expected, job.eligible_time) : expected;
}

std::string node_list_of(const JobRecord& job) {
  if (job.state == JobState::pending) return "";
  std::vector<std::string> names;
  names.reserve(job.nodes.size());
  for (const NodeShare& share : job.nodes) names.push_back(share.node);
  if (names.size() == 1) return names[0];
  return fold_hostlist(names);
}

Seconds elapsed_of(const JobRecord& job, TimePoint now) {
  if (job.start_time == TimePoint{} || job.state == JobState::pending) return Seconds{0};
  const TimePoint end = job.end_time != TimePoint{} ? job.end_time : now;
  return std::max(Seconds{0}, std::chrono::duration_cast<Seconds>(end - job.start_time));
}

TimeLimit limit_of(const JobRecord& job) {
  const std::optional<Seconds> limit = job.time_limit ? job.time_limit : job.spec->time_limit;
  if (!limit || *limit >= kMaxDuration) return std::nullopt;
  return limit;
}

uint32_t cpus_of(const JobRecord& job) {
  if (job.nodes.empty()) return total_cpus(*job.spec);
  uint32_t cpus = 0;
  for (const NodeShare& share : job.nodes) cpus += share.held.cpus;
  return cpus;
}

uint32_t nodes_of(const JobRecord& job) {
  return job.nodes.empty() ? job.spec->nodes_min : static_cast<uint32_t>(job.nodes.size());
}

uint64_t memory_of(const JobRecord& job) {
  if (job.nodes.empty()) {
    const JobSpec& spec = *job.spec;
    if (spec.memory_per_cpu_mib) return *spec.memory_per_cpu_mib * total_cpus(spec);
    return spec.memory_per_node_mib.value_or(0) * spec.nodes_min;
  }
  uint64_t memory = 0;
  for (const NodeShare& share : job.nodes) memory += share.held.memory_mib;
  return memory;
}

std::string reason_of(const JobRecord& job) {
  return std::string(name(job.reason));
}

std::string moment_or(TimePoint moment, std::string_view none) {
  return moment == TimePoint{} ? std::string(none) : format_moment(moment, local_zone());
}

std::string exit_text(const JobRecord& job) {
  return std::to_string(job.exit.code) + ":" + std::to_string(job.exit.signal);
}

std::string tres_of(const JobRecord& job, bool fixed_units) {
  std::string out = "cpu=" + std::to_string(cpus_of(job));
  if (const uint64_t memory = memory_of(job); memory > 0)
    out += ",mem=" + memory_text(memory, fixed_units);
  out += ",node=" + std::to_string(nodes_of(job)) + ",billing=" + std::to_string(cpus_of(job));
  for (const GresCount& gres : job.spec->gres_per_node) {
    out += ",gres/" + gres.name + (gres.type.empty() ? "" : ":" + gres.type) + "=" +
           std::to_string(gres.count * nodes_of(job));
  }
  return out;
}

}  // namespace gd::cmd

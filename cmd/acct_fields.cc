// sacct's columns. A step has the job's values where it has none of its own.
#include <algorithm>
#include <array>

#include "base/duration.h"
#include "base/hostlist.h"
#include "base/text.h"
#include "cmd/gdacct.h"
#include "cmd/job_fields.h"
#include "cmd/usage_text.h"
#include "proto/step_name.h"

namespace gd::cmd {
namespace {

using Row = const AcctRow&;
using Out = std::string&;

// What it has for itself, or what its tasks were said to need.
uint64_t cpus_of_step(const StepRecord& step) {
  uint64_t cpus = 0;
  for (const StepShare& share : step.shares) {
    cpus += share.cpus > 0 ? share.cpus : share.tasks * step.cpus_per_task.value_or(1);
  }
  return cpus;
}

bool is_job(Row row) {
  return row.step == nullptr && !row.batch;
}

size_t nodes_of_step(Row row) {
  return row.step != nullptr ? row.step->shares.size() : 1;
}

uint32_t tasks_of_row(Row row) {
  return row.step != nullptr ? tasks_of(*row.step) : 1;
}

uint64_t cpus_of_row(Row row) {
  const bool numbered = row.step != nullptr && row.step->id < kInteractiveStep;
  if (numbered) return cpus_of_step(*row.step);
  return cpus_of(row.job);
}

void step_suffix(Row row, Out out) {
  if (row.batch)
    out += ".batch";
  else if (row.step != nullptr)
    out += "." + step_name(row.step->id);
}

constexpr size_t kMostElements = 64;  // of their text in a column

void job_id(Row row, Out out) {
  out += job_name_of(row.job, kMostElements);
  step_suffix(row, out);
}

void job_id_raw(Row row, Out out) {
  out += std::to_string(row.job.id.value);
  step_suffix(row, out);
}

void job_name(Row row, Out out) {
  if (row.batch)
    out += "batch";
  else if (row.step == nullptr)
    out += printable(row.job.spec->name, 1024);
  else
    out += row.step->name.empty() ? step_name(row.step->id) : printable(row.step->name, 1024);
}

const ExitStatus& exit_of(Row row) {
  return row.step != nullptr ? row.step->exit : row.job.exit;
}
Usage usage_of(Row row) {
  return row.step != nullptr ? row.step->usage : gd::usage_of(row.job);
}

void state(Row row, Out out) {
  if (row.step == nullptr) {
    out += long_name(row.job.state);
    if (row.job.state == JobState::cancelled && row.job.cancelled_by && !row.batch) {
      out += " by " + std::to_string(*row.job.cancelled_by);
    }
    return;
  }
  if (row.step->state != StepState::ended)
    out += "RUNNING";
  else if (row.step->exit.signal != 0)
    out += "CANCELLED";
  else
    out += row.step->exit.code == 0 ? "COMPLETED" : "FAILED";
}

TimePoint start_of(Row row) {
  return row.step != nullptr ? row.step->start_time : row.job.start_time;
}
TimePoint end_of(Row row) {
  return row.step != nullptr ? row.step->end_time : row.job.end_time;
}

Seconds elapsed(Row row) {
  if (row.step == nullptr) return elapsed_of(row.job, row.now);
  if (row.step->start_time == TimePoint{}) return Seconds{0};
  const TimePoint end = row.step->end_time == TimePoint{} ? row.now : row.step->end_time;
  return std::max(Seconds{0}, std::chrono::duration_cast<Seconds>(end - row.step->start_time));
}

std::string memory(uint64_t mib, char units) {
  return units == 0 ? format_mib(mib) : in_units(mib << 10, units);
}

std::string tres(Row row, bool held) {
  if (held && row.job.nodes.empty()) return "";
  std::string text = tres_of(row.job);
  return text;
}

std::string requested_memory(Row row) {
  const JobSpec& spec = *row.job.spec;
  if (spec.memory_per_cpu_mib) {
    return memory(*spec.memory_per_cpu_mib * total_cpus(spec), row.units);
  }
  return spec.memory_per_node_mib ? memory(*spec.memory_per_node_mib * spec.nodes_min, row.units)
                                  : "0";
}

void of_job(Row row, Out out, std::string_view text) {
  if (is_job(row)) out += text;
}

std::string waited(Row row) {  // from the moment it could have started
  if (row.job.start_time == TimePoint{}) return "";
  const auto time = std::chrono::duration_cast<Seconds>(row.job.start_time - row.job.eligible_time);
  return format_time_limit(std::max(time, Seconds{0}));
}

std::string amount(const std::optional<uint64_t>& bytes, char units) {
  if (!bytes) return "";
  return units == 0 ? short_bytes(*bytes) : in_units(*bytes >> 10, units);
}

using Known = std::optional<uint64_t>;
using Figure = Known (*)(const Usage&);

Known read_of(const Usage& usage) {
  return usage.read_bytes;
}
Known written_of(const Usage& usage) {
  return usage.write_bytes;
}
Known peak_of(const Usage& usage) {
  return usage.memory_peak_mib;
}

// A step is counted as one on each node, not task by task: the most is a node's.
const StepShare* most_of_step(Row row, Figure figure) {
  const StepShare* best = nullptr;
  if (row.step == nullptr) return best;
  for (const StepShare& share : row.step->shares) {
    const Known mine = figure(share.usage);
    if (mine && (best == nullptr || *mine > *figure(best->usage))) best = &share;
  }
  return best;
}
template <Figure figure>
void most(Row row, Out out) {
  if (is_job(row)) return;
  const StepShare* share = most_of_step(row, figure);
  out += amount(share != nullptr ? figure(share->usage) : figure(usage_of(row)), row.units);
}
template <Figure figure>
void most_node(Row row, Out out) {
  if (const StepShare* share = most_of_step(row, figure)) out += share->node;
}
template <Figure figure>
void mean(Row row, Out out) {
  const Known sum = figure(usage_of(row));
  if (!is_job(row) && sum) out += amount(*sum / tasks_of_row(row), row.units);
}
void mean_cpu(Row row, Out out) {
  if (is_job(row)) return;
  const Usage usage = usage_of(row);
  out += clock_time((usage.cpu_user_ms + usage.cpu_system_ms) / tasks_of_row(row));
}

// "cpu=00:00:12,fs/disk=4096,mem=12288K"
void used_in(Row row, Out out) {
  if (is_job(row)) return;
  const Usage usage = usage_of(row);
  out += "cpu=" + format_time_limit(Seconds{(usage.cpu_user_ms + usage.cpu_system_ms) / 1000});
  if (usage.read_bytes) out += ",fs/disk=" + std::to_string(*usage.read_bytes);
  out += ",mem=" + std::to_string(usage.memory_peak_mib << 10) + "K";
}
void used_out(Row row, Out out) {
  const auto written = usage_of(row).write_bytes;
  if (!is_job(row) && written) out += "fs/disk=" + std::to_string(*written);
}

#define UNKNOWN(name, header)        \
  {                                  \
    0, name, header, [](Row, Out) {} \
  }

constexpr auto kFields = std::to_array<Field<AcctRow>>({
    {0, "jobid", "JobID", job_id},
    {0, "jobidraw", "JobIDRaw", job_id_raw},
    {0, "jobname", "JobName", job_name},
    {0, "user", "User", [](Row r, Out o) { of_job(r, o, r.job.user); }},
    {0, "uid", "UID", [](Row r, Out o) { of_job(r, o, std::to_string(r.job.uid)); }},
    {0, "group", "Group", [](Row r, Out o) { of_job(r, o, r.job.group); }},
    {0, "gid", "GID", [](Row r, Out o) { of_job(r, o, std::to_string(r.job.gid)); }},
    {0, "account", "Account", [](Row r, Out o) { o += r.job.spec->account; }},
    {0, "partition", "Partition", [](Row r, Out o) { of_job(r, o, r.job.spec->partition); }},
    {0, "qos", "QOS",
     [](Row r, Out o) {
       of_job(r, o, r.job.spec->qos.empty() ? "normal" : std::string_view(r.job.spec->qos));
     }},
    {0, "state", "State", state},
    {0, "exitcode", "ExitCode",
     [](Row r, Out o) {
       o += std::to_string(exit_of(r).code) + ":" + std::to_string(exit_of(r).signal);
     }},
    {0, "derivedexitcode", "DerivedExitCode", [](Row r, Out o) { of_job(r, o, "0:0"); }},
    {0, "reason", "Reason", [](Row r, Out o) { of_job(r, o, reason_of(r.job)); }},
    {0, "elapsed", "Elapsed", [](Row r, Out o) { o += format_time_limit(elapsed(r)); }},
    {0, "elapsedraw", "ElapsedRaw", [](Row r, Out o) { o += std::to_string(elapsed(r).count()); }},
    {0, "submit", "Submit", [](Row r, Out o) { o += moment_or(r.job.submit_time, "Unknown"); }},
    {0, "eligible", "Eligible",
     [](Row r, Out o) { o += moment_or(r.job.eligible_time, "Unknown"); }},
    {0, "start", "Start", [](Row r, Out o) { o += moment_or(start_of(r), "Unknown"); }},
    {0, "end", "End", [](Row r, Out o) { o += moment_or(end_of(r), "Unknown"); }},
    {0, "timelimit", "Timelimit",
     [](Row r, Out o) { of_job(r, o, format_time_limit(limit_of(r.job))); }},
    {0, "timelimitraw", "TimelimitRaw",
     [](Row r, Out o) {
       if (const TimeLimit l = limit_of(r.job); l
           && is_job(r)) o += std::to_string(l->count() / 60);
     }},
    {0, "totalcpu", "TotalCPU",
     [](Row r, Out o) { o += clock_time(usage_of(r).cpu_user_ms + usage_of(r).cpu_system_ms); }},
    {0, "avecpu", "AveCPU", mean_cpu},
    {0, "usercpu", "UserCPU", [](Row r, Out o) { o += clock_time(usage_of(r).cpu_user_ms); }},
    {0, "systemcpu", "SystemCPU", [](Row r, Out o) { o += clock_time(usage_of(r).cpu_system_ms); }},
    {0, "cputime", "CPUTime",
     [](Row r, Out o) { o += format_time_limit(elapsed(r) * cpus_of(r.job)); }},
    {0, "cputimeraw", "CPUTimeRAW",
     [](Row r, Out o) { o += std::to_string((elapsed(r) * cpus_of(r.job)).count()); }},
    {0, "nnodes", "NNodes",
     [](Row r, Out o) { o += std::to_string(is_job(r) ? nodes_of(r.job) : nodes_of_step(r)); }},
    {0, "ntasks", "NTasks",
     [](Row r, Out o) {
       if (!is_job(r)) o += std::to_string(tasks_of_row(r));
     }},
    {0, "ncpus", "NCPUS", [](Row r, Out o) { o += std::to_string(cpus_of_row(r)); }},
    {0, "alloccpus", "AllocCPUS",
     [](Row r, Out o) { o += std::to_string(r.job.nodes.empty() ? 0 : cpus_of_row(r)); }},
    {0, "reqcpus", "ReqCPUS", [](Row r, Out o) { o += std::to_string(total_cpus(*r.job.spec)); }},
    {0, "reqmem", "ReqMem", [](Row r, Out o) { of_job(r, o, requested_memory(r)); }},
    {0, "maxrss", "MaxRSS",
     [](Row r, Out o) {
       if (!is_job(r))
         o += in_units(usage_of(r).memory_peak_mib << 10, r.units == 0 ? 'K' : r.units);
     }},
    {0, "nodelist", "NodeList",
     [](Row r, Out o) {
       const std::string n = r.step != nullptr ? step_node_list(*r.step) : node_list_of(r.job);
       o += n.empty() ? "None assigned" : n;
     }},
    {0, "alloctres", "AllocTRES", [](Row r, Out o) { o += tres(r, true); }},
    {0, "reqtres", "ReqTRES", [](Row r, Out o) { of_job(r, o, tres(r, false)); }},
    {0, "comment", "Comment",
     [](Row r, Out o) { of_job(r, o, printable(r.job.spec->comment, 4096)); }},
    {0, "wckey", "WCKey", [](Row r, Out o) { of_job(r, o, r.job.spec->wckey); }},
    {0, "cluster", "Cluster", [](Row r, Out o) { of_job(r, o, r.cluster); }},
    {0, "reqgres", "ReqGRES",
     [](Row r, Out o) { of_job(r, o, gres_text(r.job.spec->gres_per_node)); }},
    {0, "allocgres", "AllocGRES",
     [](Row r, Out o) {
       if (!r.job.nodes.empty()) of_job(r, o, gres_text(r.job.spec->gres_per_node));
     }},
    {0, "reserved", "Reserved", [](Row r, Out o) { of_job(r, o, waited(r)); }},
    {0, "planned", "Planned", [](Row r, Out o) { of_job(r, o, waited(r)); }},
    // What gd does not measure, or has no such thing as: empty, which is not zero.
    UNKNOWN("admincomment", "AdminComment"),
    UNKNOWN("systemcomment", "SystemComment"),
    UNKNOWN("associd", "AssocID"),
    UNKNOWN("avecpufreq", "AveCPUFreq"),
    {0, "avediskread", "AveDiskRead", mean<read_of>},
    {0, "avediskwrite", "AveDiskWrite", mean<written_of>},
    UNKNOWN("avepages", "AvePages"),
    UNKNOWN("averss", "AveRSS"),
    UNKNOWN("avevmsize", "AveVMSize"),
    UNKNOWN("blockid", "BlockID"),
    UNKNOWN("consumedenergy", "ConsumedEnergy"),
    UNKNOWN("consumedenergyraw", "ConsumedEnergyRaw"),
    UNKNOWN("dbindex", "DBIndex"),
    UNKNOWN("failednode", "FailedNode"),
    UNKNOWN("flags", "Flags"),
    UNKNOWN("layout", "Layout"),
    {0, "maxdiskread", "MaxDiskRead", most<read_of>},
    {0, "maxdiskreadnode", "MaxDiskReadNode", most_node<read_of>},
    UNKNOWN("maxdiskreadtask", "MaxDiskReadTask"),
    {0, "maxdiskwrite", "MaxDiskWrite", most<written_of>},
    {0, "maxdiskwritenode", "MaxDiskWriteNode", most_node<written_of>},
    UNKNOWN("maxdiskwritetask", "MaxDiskWriteTask"),
    UNKNOWN("maxpages", "MaxPages"),
    UNKNOWN("maxpagesnode", "MaxPagesNode"),
    UNKNOWN("maxpagestask", "MaxPagesTask"),
    {0, "maxrssnode", "MaxRSSNode", most_node<peak_of>},
    UNKNOWN("maxrsstask", "MaxRSSTask"),
    UNKNOWN("maxvmsize", "MaxVMSize"),
    UNKNOWN("maxvmsizenode", "MaxVMSizeNode"),
    UNKNOWN("maxvmsizetask", "MaxVMSizeTask"),
    UNKNOWN("mcslabel", "McsLabel"),
    UNKNOWN("mincpu", "MinCPU"),
    UNKNOWN("mincpunode", "MinCPUNode"),
    UNKNOWN("mincputask", "MinCPUTask"),
    UNKNOWN("reqcpufreq", "ReqCPUFreq"),
    UNKNOWN("reqcpufreqmin", "ReqCPUFreqMin"),
    UNKNOWN("reqcpufreqmax", "ReqCPUFreqMax"),
    UNKNOWN("reqcpufreqgov", "ReqCPUFreqGov"),
    UNKNOWN("reservation", "Reservation"),
    UNKNOWN("reservationid", "ReservationId"),
    UNKNOWN("suspended", "Suspended"),
    UNKNOWN("tresusageinave", "TRESUsageInAve"),
    UNKNOWN("tresusageinmax", "TRESUsageInMax"),
    UNKNOWN("tresusageinmin", "TRESUsageInMin"),
    {0, "tresusageintot", "TRESUsageInTot", used_in},
    UNKNOWN("tresusageoutave", "TRESUsageOutAve"),
    UNKNOWN("tresusageoutmax", "TRESUsageOutMax"),
    UNKNOWN("tresusageoutmin", "TRESUsageOutMin"),
    {0, "tresusageouttot", "TRESUsageOutTot", used_out},
    UNKNOWN("wckeyid", "WCKeyID"),
    {0, "constraints", "Constraints", [](Row r, Out o) { of_job(r, o, r.job.spec->constraint); }},
    {0, "workdir", "WorkDir", [](Row r, Out o) { of_job(r, o, r.job.spec->chdir); }},
    {0, "submitline", "SubmitLine", [](Row r, Out o) { of_job(r, o, r.job.spec->command); }},
    {0, "restarts", "Restarts", [](Row r, Out o) { of_job(r, o, std::to_string(r.job.restarts)); }},
});
#undef UNKNOWN

}  // namespace

std::string step_node_list(const StepRecord& step) {
  std::vector<std::string> names;
  for (const StepShare& share : step.shares) names.push_back(share.node);
  return fold_hostlist(names);
}

std::span<const Field<AcctRow>> acct_fields() {
  return kFields;
}

int acct_width(std::string_view name) {
  constexpr std::pair<std::string_view, int> kWidths[] = {
      {"jobid", -12},     {"jobidraw", -12},  {"user", 9},          {"uid", 6},
      {"group", 9},       {"gid", 6},         {"exitcode", 8},      {"derivedexitcode", 15},
      {"submit", 19},     {"eligible", 19},   {"start", 19},        {"end", 19},
      {"reason", 22},     {"nodelist", 15},   {"nnodes", 8},        {"ntasks", 8},
      {"reqcpus", 8},     {"comment", 14},    {"admincomment", 19}, {"workdir", 20},
      {"submitline", 20}, {"elapsedraw", 10}, {"timelimitraw", 13}, {"reqgres", 12},
      {"allocgres", 12}};
  for (const auto& [known, width] : kWidths) {
    if (known == name) return width;
  }
  return 10;
}

}  // namespace gd::cmd

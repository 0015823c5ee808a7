// sstat - what the steps of running jobs use, in Slurm's form.
//
// gd counts a step by its control group, one a node: what Slurm tells of a step's tasks is told
// of its nodes, and a task's number, which nobody knows, is empty.
#include "cmd/sstat.h"

#include <algorithm>
#include <map>

#include "base/duration.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/gdacct.h"
#include "cmd/job_fields.h"
#include "cmd/job_query.h"
#include "cmd/slurm_text.h"
#include "cmd/usage_text.h"
#include "proto/step_name.h"

namespace gd::cmd {
namespace {

using Row = const SstatRow&;
using Out = std::string&;

constexpr CommandInfo kInfo{.name = "sstat",
                            .slurm_name = "sstat",
                            .summary = "Show what the steps of running jobs use",
                            .arguments = "",
                            .examples =
                                "sstat -j 42\n"
                                "sstat -a -j 42 -o JobID,AveCPU,MaxRSS\n"
                                "sstat -P -n -j 42.batch\n"};

constexpr char kDefaultFormat[] =
    "jobid,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,maxrssnode,maxrsstask,averss,"
    "maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,mincputask,avecpu,ntasks,"
    "avecpufreq,reqcpufreqmin,reqcpufreqmax,reqcpufreqgov,consumedenergy,maxdiskread,"
    "maxdiskreadnode,maxdiskreadtask,avediskread,maxdiskwrite,maxdiskwritenode,maxdiskwritetask,"
    "avediskwrite,tresusageinave,tresusageinmax,tresusageinmaxnode,tresusageinmaxtask,"
    "tresusageinmin,tresusageinminnode,tresusageinmintask,tresusageintot,tresusageoutave,"
    "tresusageoutmax,tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutmin,tresusageoutminnode,"
    "tresusageoutmintask,tresusageouttot";

uint64_t cpu_ms(const StepSample& sample) {
  return sample.so_far.cpu_user_ms + sample.so_far.cpu_system_ms;
}
std::optional<uint64_t> cpu_of(const StepSample& sample) {
  return cpu_ms(sample);
}
std::optional<uint64_t> peak_of(const StepSample& sample) {
  return sample.so_far.memory_peak_mib << 20;
}
std::optional<uint64_t> memory_now_of(const StepSample& sample) {
  return sample.memory_mib << 20;
}
std::optional<uint64_t> read_of(const StepSample& sample) {
  return sample.so_far.read_bytes;
}
std::optional<uint64_t> written_of(const StepSample& sample) {
  return sample.so_far.write_bytes;
}

using Figure = std::optional<uint64_t> (*)(const StepSample&);

std::string amount(Row row, uint64_t bytes) {
  return row.fixed_units ? std::to_string(bytes) : short_bytes(bytes);
}

// The sample with the highest figure, if that is known of any.
template <Figure figure>
const StepSample* highest(Row row) {
  const StepSample* best = nullptr;
  for (const StepSample* sample : row.samples) {
    if (figure(*sample) && (best == nullptr || *figure(*sample) > *figure(*best))) best = sample;
  }
  return best;
}

template <Figure figure>
std::optional<uint64_t> total(Row row) {
  std::optional<uint64_t> sum;
  for (const StepSample* sample : row.samples) {
    if (const auto part = figure(*sample)) sum = sum.value_or(0) + *part;
  }
  return sum;
}

template <Figure figure>
void most(Row row, Out out) {
  if (const StepSample* best = highest<figure>(row)) out += amount(row, *figure(*best));
}
template <Figure figure>
void most_node(Row row, Out out) {
  if (const StepSample* best = highest<figure>(row)) out += best->node;
}
template <Figure figure>
void mean(Row row, Out out) {
  if (const auto sum = total<figure>(row)) out += amount(row, *sum / row.tasks);
}

void mean_cpu(Row row, Out out) {
  if (const auto sum = total<cpu_of>(row)) out += clock_time(*sum / row.tasks);
}
// Of tasks; of nodes only where each has one.
const StepSample* least_cpu(Row row) {
  if (row.tasks != row.samples.size()) return nullptr;
  const auto least = std::ranges::min_element(
      row.samples, {}, [](const StepSample* sample) { return cpu_ms(*sample); });
  return least == row.samples.end() ? nullptr : *least;
}

std::string tres_in(Row row, uint64_t cpu, const std::optional<uint64_t>& disk, uint64_t memory) {
  std::string text = "cpu=" + format_time_limit(Seconds{cpu / 1000});
  if (disk) text += ",fs/disk=" + std::to_string(*disk);
  return text + ",mem=" + amount(row, memory);
}
void tres_in_total(Row row, Out out) {
  if (row.samples.empty()) return;
  out += tres_in(row, *total<cpu_of>(row), total<read_of>(row), *total<memory_now_of>(row));
}
void tres_out_total(Row row, Out out) {
  if (const auto disk = total<written_of>(row)) out += "fs/disk=" + std::to_string(*disk);
}

#define UNKNOWN(name, header)        \
  {                                  \
    0, name, header, [](Row, Out) {} \
  }

constexpr auto kFields = std::to_array<Field<SstatRow>>({
    {0, "avecpu", "AveCPU", mean_cpu},
    UNKNOWN("avecpufreq", "AveCPUFreq"),
    {0, "avediskread", "AveDiskRead", mean<read_of>},
    {0, "avediskwrite", "AveDiskWrite", mean<written_of>},
    UNKNOWN("avepages", "AvePages"),
    {0, "averss", "AveRSS", mean<memory_now_of>},
    UNKNOWN("avevmsize", "AveVMSize"),
    UNKNOWN("consumedenergy", "ConsumedEnergy"),
    UNKNOWN("consumedenergyraw", "ConsumedEnergyRaw"),
    {0, "jobid", "JobID",
     [](Row r, Out o) { o += job_name_of(r.job, 64) + "." + step_name(r.step); }},
    {0, "maxdiskread", "MaxDiskRead", most<read_of>},
    {0, "maxdiskreadnode", "MaxDiskReadNode", most_node<read_of>},
    UNKNOWN("maxdiskreadtask", "MaxDiskReadTask"),
    {0, "maxdiskwrite", "MaxDiskWrite", most<written_of>},
    {0, "maxdiskwritenode", "MaxDiskWriteNode", most_node<written_of>},
    UNKNOWN("maxdiskwritetask", "MaxDiskWriteTask"),
    UNKNOWN("maxpages", "MaxPages"),
    UNKNOWN("maxpagesnode", "MaxPagesNode"),
    UNKNOWN("maxpagestask", "MaxPagesTask"),
    {0, "maxrss", "MaxRSS", most<peak_of>},
    {0, "maxrssnode", "MaxRSSNode", most_node<peak_of>},
    UNKNOWN("maxrsstask", "MaxRSSTask"),
    UNKNOWN("maxvmsize", "MaxVMSize"),
    UNKNOWN("maxvmsizenode", "MaxVMSizeNode"),
    UNKNOWN("maxvmsizetask", "MaxVMSizeTask"),
    {0, "mincpu", "MinCPU",
     [](Row r, Out o) {
       if (const StepSample* least = least_cpu(r)) o += clock_time(cpu_ms(*least));
     }},
    {0, "mincpunode", "MinCPUNode",
     [](Row r, Out o) {
       if (const StepSample* least = least_cpu(r)) o += least->node;
     }},
    UNKNOWN("mincputask", "MinCPUTask"),
    {0, "nodelist", "Nodelist",
     [](Row r, Out o) {
       const char* gap = "";
       for (const StepSample* sample : r.samples) o += std::exchange(gap, ",") + sample->node;
     }},
    {0, "ntasks", "NTasks", [](Row r, Out o) { o += std::to_string(r.tasks); }},
    UNKNOWN("pids", "Pids"),
    UNKNOWN("reqcpufreq", "ReqCPUFreq"),
    UNKNOWN("reqcpufreqmin", "ReqCPUFreqMin"),
    UNKNOWN("reqcpufreqmax", "ReqCPUFreqMax"),
    UNKNOWN("reqcpufreqgov", "ReqCPUFreqGov"),
    UNKNOWN("tresusageinave", "TRESUsageInAve"),
    UNKNOWN("tresusageinmax", "TRESUsageInMax"),
    UNKNOWN("tresusageinmaxnode", "TRESUsageInMaxNode"),
    UNKNOWN("tresusageinmaxtask", "TRESUsageInMaxTask"),
    UNKNOWN("tresusageinmin", "TRESUsageInMin"),
    UNKNOWN("tresusageinminnode", "TRESUsageInMinNode"),
    UNKNOWN("tresusageinmintask", "TRESUsageInMinTask"),
    {0, "tresusageintot", "TRESUsageInTot", tres_in_total},
    UNKNOWN("tresusageoutave", "TRESUsageOutAve"),
    UNKNOWN("tresusageoutmax", "TRESUsageOutMax"),
    UNKNOWN("tresusageoutmaxnode", "TRESUsageOutMaxNode"),
    UNKNOWN("tresusageoutmaxtask", "TRESUsageOutMaxTask"),
    UNKNOWN("tresusageoutmin", "TRESUsageOutMin"),
    UNKNOWN("tresusageoutminnode", "TRESUsageOutMinNode"),
    UNKNOWN("tresusageoutmintask", "TRESUsageOutMinTask"),
    {0, "tresusageouttot", "TRESUsageOutTot", tres_out_total},
});
#undef UNKNOWN

// Slurm's: as wide as the heading, at least ten, but for these.
int width_of(std::string_view name) {
  constexpr std::pair<std::string_view, int> kWidths[] = {
      {"jobid", -12},        {"nodelist", 20},     {"pids", 20},        {"maxpages", 8},
      {"ntasks", 8},         {"maxpagestask", 14}, {"maxdiskread", 12}, {"avediskread", 12},
      {"maxvmsizenode", 14}, {"maxvmsizetask", 14}};
  for (const auto& [known, width] : kWidths) {
    if (known == name) return width;
  }
  for (const Field<SstatRow>& field : kFields) {
    if (field.name == name) return std::max(static_cast<int>(field.header.size()), 10);
  }
  return 10;
}

struct Asked {
  JobArgument argument;
  std::string text;
};

Result<std::vector<Asked>> parse_jobs(const SstatOptions& options) {
  std::vector<Asked> asked;
  for (const std::string& word : options.jobs) {
    for (const std::string& text : split_job_list(word)) {
      asked.push_back({TRY(parse_job_argument(text)), text});
    }
  }
  return asked;
}

Result<std::vector<JobView>> fetch(Client& controller, const Asked& asked) {
  JobQuery query;
  query.live = true;
  const JobArgument& argument = asked.argument;
  if (argument.elements)
    query.filter.elements.push_back({argument.job, *argument.elements});
  else
    query.filter.jobs.push_back(argument.job);
  query.filter.states = {JobState::running, JobState::suspended, JobState::completing};
  return fetch_jobs(controller, query);
}

Result<int> run(const SstatOptions& options, Context& context) {
  if (options.help_format) return context.out << list_fields(sstat_fields()), kExitDone;
  if (options.jobs.empty()) {
    return Error{ErrorCode::invalid, "You didn't give me any jobs to stat."};
  }
  const std::vector<Asked> all = TRY(parse_jobs(options));
  const auto items = TRY(parse_sstat_format(options.format.value_or(kDefaultFormat)));
  Client* controller = TRY(context.controller());
  AcctListing<SstatRow> listing(options.form, items, sstat_fields());
  std::string text;
  if (!options.no_header) listing.header(text);
  const SstatSteps which = options.all_steps ? SstatSteps::all : SstatSteps::one;
  for (const Asked& asked : all) {
    const Result<std::vector<JobView>> jobs = fetch(*controller, asked);
    if (!jobs.ok()) {
      return Error{jobs.error().code,
                   context.slurm() ? slurm_reason(jobs.error()) : jobs.error().text};
    }
    size_t shown = 0;
    for (const JobView& view : *jobs) {
      for (SstatRow& row : sstat_rows(view, asked.argument.step, which)) {
        row.fixed_units = options.fixed_units;
        listing.row(row, text);
        ++shown;
      }
    }
    if (shown == 0) context.warn("error: couldn't get steps for job " + printable(asked.text));
  }
  context.out << text;
  return kExitDone;
}

int start(const Invocation& call) {
  return start_command<SstatOptions, define_sstat, run>(kInfo, call);
}

}  // namespace

void define_sstat(Cli& cli, SstatOptions& options) {
  cli.list("-j,--jobs", "JOB[.STEP][,...]", "These jobs or steps", options.jobs)
      .complete(Completes::job);
  cli.flag("-a,--allsteps", "All running steps of a job, not the first alone", options.all_steps);
  cli.option("-o,--format,--fields", "FIELD[%WIDTH][,...]", "Columns; --helpformat lists them",
             options.format);
  cli.flag("-e,--helpformat", "The fields that --format knows", options.help_format);
  cli.flag("-n,--noheader", "No line of headings", options.no_header);
  cli.flag("-p,--parsable", "Separated by '|', also at the end", options.form.parsable);
  cli.flag("-P,--parsable2", "Separated by '|'", options.form.parsable2);
  cli.flag("--noconvert", "Amounts in bytes", options.fixed_units);
  cli.refuse("-i,--pidformat -v,--verbose");
}

std::vector<SstatRow> sstat_rows(const JobView& view, const std::optional<StepId>& wanted,
                                 SstatSteps which) {
  std::map<StepId, uint32_t> steps;
  for (const StepRecord& step : view.job.steps) {
    const bool place = step.id == kExternStep && !wanted;
    if (step.state != StepState::running || place || (wanted && step.id != *wanted)) continue;
    steps[step.id] = std::max(tasks_of(step), 1U);
  }
  std::vector<SstatRow> rows;
  for (const auto& [step, tasks] : steps) {  // those with a number come first
    SstatRow& row =
        rows.emplace_back(SstatRow{.job = view.job, .step = step, .samples = {}, .tasks = tasks});
    for (const StepSample& sample : view.samples) {
      if (sample.step == step) row.samples.push_back(&sample);
    }
    if (which == SstatSteps::one) break;
  }
  return rows;
}

std::span<const Field<SstatRow>> sstat_fields() {
  return kFields;
}

Result<std::vector<FormatItem>> parse_sstat_format(std::string_view format) {
  std::vector<FormatItem> items = TRY(parse_percent_format(format, width_of));
  for (const FormatItem& item : items) {
    const bool known = std::ranges::any_of(
        kFields, [&](const Field<SstatRow>& field) { return field.name == item.name; });
    if (!known) {
      return Error{ErrorCode::invalid, "Invalid field requested: \"" + printable(item.name) + "\""};
    }
  }
  return items;
}

const Command kSstat{&kInfo, start};

}  // namespace gd::cmd

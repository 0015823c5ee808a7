// A job as `scontrol show job` prints it, and as JSON. The order of the lines and the
// spelling of the keys are Slurm's: programs read them.
#include <algorithm>
#include <vector>

#include "base/duration.h"
#include "base/text.h"
#include "cmd/block.h"
#include "cmd/job_fields.h"
#include "cmd/usage_text.h"
#include "proto/file_pattern.h"
#include "proto/limit_values.h"

namespace gd::cmd {
namespace {

std::string or_null(std::string_view text) {
  return std::string(text.empty() ? "(null)" : text);
}

std::string flag(bool value) {
  return value ? "1" : "0";
}

std::string stream_path(const JobRecord& job, const std::string& pattern) {
  if (pattern.empty()) return "/dev/null";
  const PatternValues values{.job = job.id,
                             .job_name = job.spec->name,
                             .user = job.user,
                             .node = job.batch_node,
                             .array_job = element_of(job) ? job.array->array : JobId{},
                             .array_task = element_of(job).value_or(0)};
  std::string path = expand_pattern(pattern, values);
  return path[0] == '/' ? path : job.spec->chdir + "/" + path;
}

TimePoint end_of(const JobView& view) {
  const JobRecord& job = view.job;
  if (job.end_time != TimePoint{}) return job.end_time;
  const TimeLimit limit = limit_of(job);
  return job.start_time == TimePoint{} || !limit ? TimePoint{} : job.start_time + *limit;
}

void add_identity(Block& block, const JobView& view) {
  const JobRecord& job = view.job;
  const JobSpec& spec = *job.spec;
  block.line().add("JobId", std::to_string(job.id.value));
  if (job.array) {
    block.add("ArrayJobId", std::to_string(job.array->array.value))
        .add("ArrayTaskId", elements_of(job));
    if (job.array->limit != 0) block.add("ArrayTaskThrottle", std::to_string(job.array->limit));
  }
  block.add("JobName", printable(spec.name, 1024));
  block.line()
      .add("UserId", job.user + "(" + std::to_string(job.uid) + ")")
      .add("GroupId", job.group + "(" + std::to_string(job.gid) + ")")
      .add("MCS_label", "N/A");
  block.line()
      .add("Priority", std::to_string(static_cast<uint64_t>(view.priority.value_or(0))))
      .add("Nice", std::to_string(spec.nice))
      .add("Account", or_null(spec.account))
      .add("QOS", spec.qos.empty() ? "normal" : spec.qos);
  block.line()
      .add("JobState", long_name(job.state))
      .add("Reason", reason_of(job))
      .add("Dependency", or_null(format_dependency(job.dependency)));
  block.line()
      .add("Requeue", flag(spec.requeue.value_or(true)))
      .add("Restarts", std::to_string(job.restarts))
      .add("BatchFlag", flag(spec.kind == JobKind::batch))
      .add("Reboot", "0")
      .add("ExitCode", exit_text(job));
}

void add_times(Block& block, const JobView& view, TimePoint now) {
  const JobRecord& job = view.job;
  block.line()
      .add("RunTime", format_time_limit(elapsed_of(job, now)))
      .add("TimeLimit", format_time_limit(limit_of(job)))
      .add("TimeMin", "N/A");
  block.line()
      .add("SubmitTime", moment_or(job.submit_time, "Unknown"))
      .add("EligibleTime", moment_or(job.eligible_time, "Unknown"));
  block.line().add("AccrueTime", moment_or(job.eligible_time, "Unknown"));
  block.line()
      .add("StartTime", moment_or(start_of(view), "Unknown"))
      .add("EndTime", moment_or(end_of(view), "Unknown"))
      .add("Deadline", "N/A");
  if (job.preempted) block.line().add("PreemptTime", moment_or(job.preempted->at, "None"));
  block.line().add("SuspendTime", "None").add("SecsPreSuspend", "0");
}

void add_resources(Block& block, const JobRecord& job) {
  const JobSpec& spec = *job.spec;
  block.line()
      .add("Partition", or_null(spec.partition))
      .add("AllocNode:Sid", spec.submit_host + ":0");
  block.line()
      .add("ReqNodeList", or_null(spec.node_list))
      .add("ExcNodeList", or_null(spec.exclude));
  block.line().add("NodeList", node_list_of(job));
  if (!job.batch_node.empty()) block.line().add("BatchHost", job.batch_node);
  block.line()
      .add("NumNodes", std::to_string(nodes_of(job)))
      .add("NumCPUs", std::to_string(cpus_of(job)))
      .add("NumTasks", std::to_string(spec.tasks.value_or(1)))
      .add("CPUs/Task", std::to_string(spec.cpus_per_task.value_or(1)))
      .add("ReqB:S:C:T", "0:0:*:*");
  block.line().add("TRES", tres_of(job));
  block.line().add("Socks/Node", "*").add("NtasksPerN:B:S:C", "0:0:*:*").add("CoreSpec", "*");
  const bool per_cpu = spec.memory_per_cpu_mib.has_value();
  const uint64_t memory = per_cpu ? *spec.memory_per_cpu_mib : spec.memory_per_node_mib.value_or(0);
  block.line()
      .add("MinCPUsNode", std::to_string(spec.cpus_per_task.value_or(1)))
      .add(per_cpu ? "MinMemoryCPU" : "MinMemoryNode", memory == 0 ? "0" : format_mib(memory))
      .add("MinTmpDiskNode", "0");
  block.line().add("Features", or_null(spec.constraint)).add("DelayBoot", "00:00:00");
  block.line()
      .add("OverSubscribe", spec.exclusive ? "NO" : "OK")
      .add("Contiguous", "0")
      .add("Licenses", or_null(format_licences(spec.licences)))
      .add("Network", "(null)");
}

void add_files(Block& block, const JobRecord& job) {
  const JobSpec& spec = *job.spec;
  block.line().add(
      "Command", or_null(spec.command.empty() && !spec.argv.empty() ? spec.argv[0] : spec.command));
  block.line().add("WorkDir", spec.chdir);
  if (!spec.comment.empty()) block.line().add("Comment", printable(spec.comment, 4096));
  if (spec.kind == JobKind::batch) {
    block.line().add("StdErr", stream_path(job, spec.error.empty() ? spec.output : spec.error));
    block.line().add("StdIn", stream_path(job, spec.input));
    block.line().add("StdOut", stream_path(job, spec.output));
  }
  block.line().add("Power", "");
  if (spec.mail_events != 0) {
    block.line()
        .add("MailUser", spec.mail_user.empty() ? job.user : spec.mail_user)
        .add("MailType", format_mail_events(spec.mail_events));
  }
  if (!spec.gres_per_node.empty()) block.line().add("TresPerNode", gres_text(spec.gres_per_node));
  block.line().add("Image", spec.image.name.empty() ? "(default)" : spec.image.name);
  const std::string& digest = !job.receipts.empty() ? received(job).digest : spec.image.digest;
  if (!digest.empty()) block.line().add("ImageDigest", digest);
  if (!job.reason_text.empty()) block.line().add("ReasonText", printable(job.reason_text, 1000));
}

// Beyond Slurm's lines: what it used, uses, and how that went.
void add_usage(Block& block, const JobView& view) {
  const Usage used = usage_so_far(view);
  if (used.memory_peak_mib == 0) return;  // nothing was counted yet
  block.line()
      .add("UsedCPU", clock_time(used.cpu_user_ms + used.cpu_system_ms))
      .add("MemoryPeak", short_bytes(used.memory_peak_mib << 20));
  if (used.pids_peak != 0) block.add("ProcessesPeak", std::to_string(used.pids_peak));
  if (used.read_bytes) block.add("DiskRead", short_bytes(*used.read_bytes));
  if (used.write_bytes) block.add("DiskWritten", short_bytes(*used.write_bytes));
  if (const auto now = now_of(view)) {
    block.line()
        .add("CPUNow", std::to_string((now->cpu_milli + 5) / 10) + "%")
        .add("MemoryNow", short_bytes(now->memory_mib << 20))
        .add("ProcessesNow", std::to_string(now->pids));
  }
  const UsageSeries* series = series_of(view.job);
  if (series == nullptr) return;
  const SparkStyle style = spark_style();
  const auto add_series = [&](std::string key, const std::vector<uint64_t>& points,
                              const std::string& top) {
    block.line().add(std::move(key), spark(points, style) + ",max=" + top);
  };
  block.line().add("SeriesSpacing", format_interval(series->spacing));
  add_series("SeriesCPU", series->cpu_milli,
             std::to_string((std::ranges::max(series->cpu_milli) + 5) / 10) + "%");
  add_series("SeriesMemory", series->memory_mib,
             short_bytes(std::ranges::max(series->memory_mib) << 20));
  if (!series->io_kib_s.empty()) {
    add_series("SeriesDisk", series->io_kib_s,
               short_bytes(std::ranges::max(series->io_kib_s) << 10) + "/s");
  }
}

void write_numbers(JsonWriter& json, std::string_view key, const std::vector<uint64_t>& numbers) {
  json.key(key).begin_array();
  for (const uint64_t number : numbers) json.number(number);
  json.end_array();
}

void write_known(JsonWriter& json, std::string_view key, const std::optional<uint64_t>& number) {
  json.key(key);
  if (number)
    json.number(*number);
  else
    json.null();
}

void write_usage(JsonWriter& json, const JobView& view) {
  const Usage used = usage_so_far(view);
  json.key("cpu_user_ms").number(used.cpu_user_ms);
  json.key("cpu_system_ms").number(used.cpu_system_ms);
  json.key("memory_peak_mib").number(used.memory_peak_mib);
  json.key("processes_peak").number(used.pids_peak);
  write_known(json, "read_bytes", used.read_bytes);
  write_known(json, "write_bytes", used.write_bytes);
  if (const auto now = now_of(view)) {
    json.key("now").begin_object();
    json.key("cpu_milli").number(now->cpu_milli).key("memory_mib").number(now->memory_mib);
    json.key("processes").number(now->pids);
    write_known(json, "read_bytes_s", now->read_bytes_s);
    write_known(json, "write_bytes_s", now->write_bytes_s);
    json.end_object();
  }
  if (const UsageSeries* series = series_of(view.job)) {
    json.key("series").begin_object();
    json.key("spacing_seconds").number(series->spacing.count());
    write_numbers(json, "cpu_milli", series->cpu_milli);
    write_numbers(json, "memory_mib", series->memory_mib);
    write_numbers(json, "io_kib_s", series->io_kib_s);
    json.end_object();
  }
}

void moment(JsonWriter& json, std::string_view key, TimePoint at) {
  json.key(key).number(std::chrono::duration_cast<Seconds>(at.time_since_epoch()).count());
}

void write_request(JsonWriter& json, const JobSpec& spec) {
  json.key("partition").string(spec.partition).key("account").string(spec.account);
  json.key("qos").string(spec.qos).key("comment").string(spec.comment);
  json.key("wckey").string(spec.wckey).key("features").string(spec.constraint);
  json.key("required_nodes").string(spec.node_list).key("excluded_nodes").string(spec.exclude);
  json.key("nice").number(spec.nice).key("tasks").number(spec.tasks.value_or(1));
  json.key("cpus_per_task").number(spec.cpus_per_task.value_or(1));
  json.key("command").string(spec.command).key("current_working_directory").string(spec.chdir);
  json.key("standard_output").string(spec.output).key("standard_error").string(spec.error);
  json.key("standard_input").string(spec.input).key("container").string(spec.image.name);
}

void write_receipt(JsonWriter& json, const Receipt& receipt) {
  json.key("receipt").begin_object().key("image").string(receipt.image);
  json.key("digest").string(receipt.digest).key("facts").begin_array();
  for (const std::string& fact : receipt.facts) json.string(fact);
  json.end_array().end_object();
}

}  // namespace

std::string receipt_block(const Receipt& receipt) {
  if (!receipt.given()) return "";
  std::string text = "   Received:\n";
  for (const std::string& fact : receipt.facts) text += "      " + printable(fact, 1024) + "\n";
  return text + "\n";
}

std::string job_block(const JobView& view, TimePoint now, bool one_line) {
  Block block;
  add_identity(block, view);
  add_times(block, view, now);
  add_resources(block, view.job);
  add_files(block, view.job);
  add_usage(block, view);
  if (const JobSpec& spec = *view.job.spec; !spec.cron.empty()) {
    block.line().add("CronJob", "Yes").add("CrontabSpec", '"' + spec.cron + '"');
  }
  return block.text(one_line ? BlockForm::one_line : BlockForm::lines);
}

void write_json(JsonWriter& json, const JobView& view, TimePoint now) {
  const JobRecord& job = view.job;
  json.begin_object().key("job_id").number(job.id.value);
  if (job.array) {
    json.key("array_job_id").number(job.array->array.value);
    json.key("array_task_string").string(elements_of(job));
    json.key("array_max_tasks").number(job.array->limit);
    if (const auto element = element_of(job)) json.key("array_task_id").number(*element);
  }
  json.key("name").string(job.spec->name);
  json.key("user_name").string(job.user).key("user_id").number(job.uid);
  json.key("group_name").string(job.group).key("group_id").number(job.gid);
  json.key("state").string(long_name(job.state));
  json.key("job_state").string(long_name(job.state)).key("state_reason").string(reason_of(job));
  json.key("reason").string(reason_of(job));
  json.key("reason_text").string(job.reason_text);
  json.key("priority").number(static_cast<uint64_t>(view.priority.value_or(0)));
  json.key("dependency").string(format_dependency(job.dependency));
  if (!job.spec->cron.empty()) json.key("cron").string(job.spec->cron);
  write_request(json, *job.spec);
  json.key("cpus").number(cpus_of(job)).key("node_count").number(nodes_of(job));
  json.key("memory_mib").number(memory_of(job)).key("nodes").string(node_list_of(job));
  json.key("batch_host").string(job.batch_node).key("restart_cnt").number(job.restarts);
  moment(json, "submit_time", job.submit_time);
  moment(json, "eligible_time", job.eligible_time);
  moment(json, "start_time", start_of(view));
  moment(json, "end_time", end_of(view));
  json.key("elapsed_seconds").number(elapsed_of(job, now).count());
  json.key("time_limit_seconds");
  if (const TimeLimit limit = limit_of(job))
    json.number(limit->count());
  else
    json.null();
  json.key("exit_code").string(exit_text(job));
  json.key("return_code").number(job.exit.code).key("exit_signal").number(job.exit.signal);
  write_usage(json, view);
  json.key("job_resources").begin_object().key("allocated_nodes").begin_array();
  for (const NodeShare& share : job.nodes) {
    json.begin_object().key("node").string(share.node).key("cpus").number(share.held.cpus);
    json.key("memory_mib").number(share.held.memory_mib).end_object();
  }
  json.end_array().end_object();
  write_receipt(json, received(job));
  json.end_object();
}

}  // namespace gd::cmd

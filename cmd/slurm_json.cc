#include "cmd/slurm_json.h"

#include <algorithm>

#include "base/text.h"
#include "base/user.h"
#include "cmd/job_fields.h"
#include "cmd/node_fields.h"
#include "proto/dependency.h"
#include "proto/limit_values.h"

namespace gd::cmd {
namespace {

int64_t epoch(TimePoint moment) {
  return std::chrono::floor<Seconds>(moment.time_since_epoch()).count();
}

// Fields that are always the same, by their names with blanks between.
void write_empty(JsonWriter& json, std::string_view names) {
  for (const std::string_view name : split(names, ' ')) json.key(name).string("");
}
void write_zero(JsonWriter& json, std::string_view names) {
  for (const std::string_view name : split(names, ' ')) json.key(name).number(0);
}
void write_null(JsonWriter& json, std::string_view names) {
  for (const std::string_view name : split(names, ' ')) json.key(name).null();
}
void write_none(JsonWriter& json, std::string_view names) {
  for (const std::string_view name : split(names, ' ')) json.key(name).begin_array().end_array();
}

template <class Number>
void write_or_null(JsonWriter& json, std::string_view name, const std::optional<Number>& value) {
  json.key(name);
  if (value)
    json.number(*value);
  else
    json.null();
}

std::string absolute(const JobSpec& spec, const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  return spec.chdir + "/" + path;
}

void write_array(JsonWriter& json, const JobRecord& job) {
  json.key("array_job_id").number(job.array ? job.array->array.value : 0);
  write_or_null(json, "array_task_id", element_of(job));
  json.key("array_max_tasks").number(job.array ? job.array->limit : 0);
  json.key("array_task_string").string(job.array ? elements_of(job) : "");
}

void write_times(JsonWriter& json, const JobView& view) {
  const JobRecord& job = view.job;
  const TimeLimit limit = limit_of(job);
  TimePoint end = job.end_time;
  if (end == TimePoint{} && job.start_time != TimePoint{} && limit) end = job.start_time + *limit;
  json.key("accrue_time").number(epoch(job.eligible_time));
  json.key("eligible_time").number(epoch(job.eligible_time));
  json.key("submit_time").number(epoch(job.submit_time));
  json.key("start_time").number(epoch(start_of(view))).key("end_time").number(epoch(end));
  json.key("deadline").number(job.spec->deadline ? epoch(*job.spec->deadline) : 0);
  json.key("time_limit");
  if (limit)
    json.number(std::chrono::ceil<std::chrono::minutes>(*limit).count());
  else
    json.null();
  write_zero(json,
             "delay_boot last_sched_evaluation preempt_time pre_sus_time resize_time suspend_time "
             "time_minimum");
}

void write_request(JsonWriter& json, const JobSpec& spec) {
  json.key("account").string(spec.account).key("comment").string(spec.comment);
  json.key("qos").string(spec.qos).key("wckey").string(spec.wckey);
  json.key("name").string(spec.name).key("partition").string(spec.partition);
  json.key("features").string(spec.constraint).key("container").string(spec.image.name);
  json.key("excluded_nodes").string(spec.exclude).key("required_nodes").string(spec.node_list);
  json.key("licenses").string(format_licences(spec.licences));
  json.key("resv_name").string(spec.reservation);
  json.key("batch_flag").boolean(spec.kind == JobKind::batch);
  json.key("requeue").boolean(spec.requeue.value_or(true));
  json.key("contiguous").boolean(false).key("reboot").boolean(false);
  write_or_null(json, "cpus_per_task", spec.cpus_per_task);
  write_or_null(json, "memory_per_node", spec.memory_per_node_mib);
  write_or_null(json, "memory_per_cpu", spec.memory_per_cpu_mib);
  json.key("max_nodes").number(spec.nodes_max.value_or(0)).key("max_cpus").number(0);
  json.key("minimum_cpus_per_node").number(spec.cpus_per_task.value_or(1));
  json.key("tasks").number(spec.tasks.value_or(1));
  json.key("tasks_per_node").number(spec.tasks_per_node.value_or(0));
  write_or_null(json, "nice", spec.nice == 0 ? std::optional<int32_t>{} : spec.nice);
  json.key("command").string(spec.command).key("current_working_directory").string(spec.chdir);
  json.key("standard_output").string(absolute(spec, spec.output));
  json.key("standard_error").string(absolute(spec, spec.error));
  json.key("standard_input").string(spec.input.empty() ? "/dev/null" : absolute(spec, spec.input));
  json.key("tres_per_node").string(gres_text(spec.gres_per_node));
}

void write_held(JsonWriter& json, const JobRecord& job) {
  uint64_t cpus = 0;
  for (const NodeShare& share : job.nodes) cpus += share.held.cpus;
  json.key("nodes").string(node_list_of(job)).key("batch_host").string(job.batch_node);
  json.key("job_resources").begin_object().key("nodes").string(node_list_of(job));
  json.key("allocated_cpus").number(cpus).key("allocated_hosts").number(job.nodes.size());
  json.key("allocated_nodes").begin_array();
  for (const NodeShare& share : job.nodes) {
    json.begin_object().key("sockets").begin_object().end_object();
    json.key("nodename").string(share.node).key("cpus_used").number(share.held.cpus);
    json.key("memory_used").number(0).key("memory_allocated").number(share.held.memory_mib);
    json.end_object();
  }
  json.end_array().end_object();
  json.key("cpus").number(cpus_of(job)).key("node_count").number(nodes_of(job));
  json.key("tres_req_str").string(tres_of(job, true));
  json.key("tres_alloc_str").string(job.nodes.empty() ? "" : tres_of(job, true));
  json.key("billable_tres");
  if (job.nodes.empty())
    json.null();
  else
    json.real(static_cast<double>(cpus_of(job)));
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

std::string gres_list(const std::vector<GresCount>& all) {  // "gpu:a100:2,disk:1"
  std::string text;
  for (const GresCount& gres : all) {
    text += (text.empty() ? "" : ",") + gres.name + (gres.type.empty() ? "" : ":" + gres.type);
    text += ":" + std::to_string(gres.count);
  }
  return text;
}

void write_reason(JsonWriter& json, const NodeRecord& node) {
  const bool given = !node.reason.empty();
  json.key("reason").string(node.reason);
  json.key("reason_changed_at").number(given ? epoch(node.reason_time) : 0);
  json.key("reason_set_by_user");
  if (given)
    json.string(user_label(node.reason_uid));
  else
    json.null();
}

std::string tres_text(const Resources& amount) {
  const std::string cpus = std::to_string(amount.cpus);
  return "cpu=" + cpus + ",mem=" + std::to_string(amount.memory_mib) + "M,billing=" + cpus;
}

// "IDLE+DRAIN", "DOWN*": the state, and what else is so.
void write_state(JsonWriter& json, const NodeView& view) {
  const std::string text = control_node_state(view);
  const std::string plain = text.substr(0, text.find_last_not_of("*$~#%") + 1);
  const std::vector<std::string_view> words = split(plain, '+');
  json.key("state").string(to_lower(words[0])).key("state_flags").begin_array();
  for (size_t i = 1; i < words.size(); ++i) json.string(words[i]);
  if (text.ends_with('*')) json.string("NOT_RESPONDING");
  json.end_array();
}

}  // namespace

void write_slurm_json(JsonWriter& json, const JobView& view, std::string_view cluster) {
  const JobRecord& job = view.job;
  json.begin_object().key("job_id").number(job.id.value);
  write_array(json, job);
  json.key("cluster").string(cluster);
  json.key("user_id").number(job.uid).key("user_name").string(job.user);
  json.key("group_id").number(job.gid).key("group_name").string(job.group);
  json.key("job_state").string(long_name(job.state));
  json.key("state_reason").string(reason_of(job));
  json.key("state_description").string(job.reason_text);
  json.key("priority").number(static_cast<uint64_t>(view.priority.value_or(0)));
  json.key("dependency").string(format_dependency(job.dependency));
  json.key("restart_cnt").number(job.restarts);
  json.key("exit_code").number(job.exit.code * 256 + job.exit.signal);  // as wait() has it
  write_times(json, view);
  write_request(json, *job.spec);
  write_held(json, job);
  write_zero(json,
             "association_id derived_exit_code het_job_id het_job_offset minimum_tmp_disk_per_node "
             "sockets_per_board tasks_per_board");
  write_null(json,
             "core_spec cores_per_socket cpu_frequency_governor cpu_frequency_maximum "
             "cpu_frequency_minimum profile shared sockets_per_node tasks_per_core "
             "tasks_per_socket thread_spec threads_per_core");
  write_empty(json,
              "admin_comment batch_features burst_buffer burst_buffer_state cluster_features "
              "cpus_per_tres federation_origin federation_siblings_active "
              "federation_siblings_viable het_job_id_set mcs_label memory_per_tres prefer "
              "system_comment tres_bind tres_freq tres_per_job tres_per_socket tres_per_task");
  write_none(json, "flags gres_detail");
  json.key("show_flags").begin_array();
  for (const char* flag : {"SHOW_ALL", "SHOW_DETAIL", "SHOW_LOCAL"}) json.string(flag);
  json.end_array().end_object();
}

void write_slurm_json(JsonWriter& json, const NodeView& view) {
  const NodeRecord& node = view.node;
  const NodeInfo& info = node.info;
  const std::string& address = info.stream_address;
  const size_t colon = std::min(address.rfind(':'), address.size());
  const Result<uint32_t> port = parse_number<uint32_t>(address.substr(colon).erase(0, 1));
  json.begin_object().key("name").string(node.name).key("hostname").string(node.name);
  json.key("address").string(address.substr(0, colon));
  json.key("port").number(port.ok() ? *port : 0);
  write_state(json, view);
  json.key("architecture").string(info.architecture).key("operating_system").string(info.os);
  json.key("cpus").number(view.usable.cpus).key("boards").number(1);
  json.key("sockets").number(info.sockets).key("cores").number(info.cores_per_socket);
  json.key("threads").number(info.threads_per_core);
  json.key("alloc_cpus").number(view.allocated.cpus);
  json.key("idle_cpus").number(view.usable.cpus - std::min(view.usable.cpus, view.allocated.cpus));
  json.key("cpu_load").number(static_cast<int64_t>(view.load * 100));
  json.key("real_memory").number(view.usable.memory_mib);
  json.key("alloc_memory").number(view.allocated.memory_mib);
  json.key("free_memory").number(view.free_memory_mib);
  json.key("temporary_disk").number(info.tmp_disk_mib).key("weight").number(1);
  json.key("features").string(joined(info.features));
  json.key("active_features").string(joined(info.features));
  json.key("partitions").begin_array();
  for (const std::string& name : view.partitions) json.string(name);
  json.end_array();
  write_reason(json, node);
  json.key("slurmd_version").string(info.version);
  json.key("gres").string(gres_list(view.usable.gres));
  json.key("gres_used").string(gres_list(view.allocated.gres));
  json.key("tres").string(tres_text(view.usable));
  json.key("tres_used").string(view.allocated.cpus == 0 ? "" : tres_text(view.allocated));
  json.key("tres_weighted").real(static_cast<double>(view.allocated.cpus));
  json.key("gres_drained").string("N/A").key("next_state_after_reboot").string("invalid");
  write_zero(json, "boot_time cpu_binding last_busy slurmd_start_time");
  write_null(json, "owner");
  write_empty(json, "burstbuffer_network_address comment extra mcs_label");
  write_none(json, "next_state_after_reboot_flags");
  json.end_object();
}

}  // namespace gd::cmd

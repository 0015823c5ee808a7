// A job of the past as JSON, in the shape of Slurm 22.05's `sacct --json` (its dbv0.0.38): the
// same keys at the same depths. What gd does not record is null, as there.
#include <algorithm>

#include "base/json.h"
#include "base/process.h"
#include "cmd/gdacct.h"
#include "cmd/job_fields.h"
#include "cmd/slurm_text.h"
#include "proto/step_name.h"

namespace gd::cmd {
namespace {

int64_t epoch(TimePoint moment) {
  return std::chrono::floor<Seconds>(moment.time_since_epoch()).count();
}

void write_exit(JsonWriter& json, std::string_view key, const ExitStatus& exit, bool is_over) {
  json.key(key).begin_object();
  if (!is_over) {
    json.key("status").string("PENDING").key("return_code").null().end_object();
    return;
  }
  const bool killed = exit.signal != 0;
  json.key("status").string(killed ? "SIGNALED" : exit.code == 0 ? "SUCCESS" : "ERROR");
  json.key("return_code").number(killed ? 0 : exit.code);
  if (killed) {
    json.key("signal").begin_object().key("signal_id").number(exit.signal);
    json.key("name").string(signal_name(exit.signal)).end_object();
  }
  json.end_object();
}

void write_cpu_time(JsonWriter& json, std::string_view key, uint64_t milliseconds) {
  json.key(key).begin_object().key("seconds").number(milliseconds / 1000);
  json.key("microseconds").number(milliseconds % 1000 * 1000).end_object();
}

void write_cpu_times(JsonWriter& json, const Usage& usage) {
  write_cpu_time(json, "system", usage.cpu_system_ms);
  write_cpu_time(json, "total", usage.cpu_system_ms + usage.cpu_user_ms);
  write_cpu_time(json, "user", usage.cpu_user_ms);
}

struct Tres {
  std::string_view type, name;
  int id = 0;
  uint64_t count = 0;
};

void write_tres(JsonWriter& json, std::string_view key, const std::vector<Tres>& list) {
  json.key(key).begin_array();
  for (const Tres& each : list) {
    json.begin_object().key("type").string(each.type).key("name");
    if (each.name.empty())
      json.null();
    else
      json.string(each.name);
    json.key("id").number(each.id).key("count").number(each.count).end_object();
  }
  json.end_array();
}

constexpr int kFirstGresId = 1001;  // as in Slurm, whose own ones are below

// Of what it holds, or asks for while it holds nothing.
std::vector<Tres> tres_list(const JobRecord& job) {
  const uint64_t cpus = cpus_of(job);
  std::vector<Tres> list{{"cpu", "", 1, cpus},
                         {"mem", "", 2, memory_of(job)},
                         {"node", "", 4, nodes_of(job)},
                         {"billing", "", 5, cpus}};
  int id = kFirstGresId;
  const std::vector<GresCount>& asked = job.spec->gres_per_node;
  for (const GresCount& gres : asked) {
    uint64_t count = gres.count * nodes_of(job);
    if (!job.nodes.empty()) {
      count = 0;
      for (const NodeShare& share : job.nodes) {
        for (const GresCount& held : share.held.gres) {
          if (held.name == gres.name) count += held.count;
        }
      }
    }
    list.push_back({"gres", gres.name, id++, count});
  }
  return list;
}

void write_step_tres(JsonWriter& json, const StepRecord& step) {
  json.key("tres").begin_object();
  for (const char* part : {"requested", "consumed"}) {
    json.key(part).begin_object();
    for (const char* kind : {"max", "min", "average"}) {
      json.key(kind).begin_array().end_array();
    }
    const bool consumed = part[0] == 'c' && step.usage.memory_peak_mib > 0;
    write_tres(json, "total",
               consumed ? std::vector<Tres>{{"mem", "", 2, step.usage.memory_peak_mib << 20}}
                        : std::vector<Tres>{});
    json.end_object();
  }
  uint64_t cpus = 0;
  for (const StepShare& share : step.shares) cpus += std::max(share.cpus, share.tasks);
  write_tres(json, "allocated",
             {{"cpu", "", 1, cpus},
              {"mem", "", 2, step.memory_mib.value_or(0)},
              {"node", "", 4, step.shares.size()}});
  json.end_object();
}

std::string step_state(const StepRecord& step) {
  if (step.state != StepState::ended) return "RUNNING";
  if (step.exit.signal != 0) return "CANCELLED";
  return step.exit.code == 0 ? "COMPLETED" : "FAILED";
}

void write_step(JsonWriter& json, const JobRecord& job, const StepRecord& step, TimePoint now) {
  const bool is_over = step.state == StepState::ended;
  std::vector<std::string> nodes;
  for (const StepShare& share : step.shares) nodes.push_back(share.node);
  json.begin_object().key("nodes").begin_object().key("list").begin_array();
  for (const std::string& node : nodes) json.string(node);
  json.end_array().key("count").number(nodes.size());
  json.key("range").string(step_node_list(step)).end_object();
  write_step_tres(json, step);
  const TimePoint end = is_over ? step.end_time : now;
  const bool began = step.start_time != TimePoint{};
  json.key("time").begin_object();
  json.key("elapsed").number(began ? std::max<int64_t>(epoch(end) - epoch(step.start_time), 0) : 0);
  json.key("end").number(is_over ? epoch(step.end_time) : 0);
  json.key("start").number(epoch(step.start_time)).key("suspended").number(0);
  write_cpu_times(json, step.usage);
  json.end_object();
  write_exit(json, "exit_code", step.exit, is_over);
  json.key("tasks").begin_object().key("count").number(tasks_of(step)).end_object();
  json.key("pid").null().key("CPU").begin_object().key("requested_frequency").begin_object();
  json.key("min").number(0).key("max").number(0).end_object();
  json.key("governor").begin_array().end_array().end_object();
  json.key("kill_request_user").null().key("state").string(step_state(step));
  json.key("statistics").begin_object().key("CPU").begin_object().key("actual_frequency").number(0);
  json.end_object().key("energy").begin_object().key("consumed").null().end_object().end_object();
  json.key("step").begin_object().key("job_id").number(job.id.value);
  json.key("het").begin_object().key("component").null().end_object();
  const std::string id = step_name(step.id);
  json.key("id").string(id).key("name").string(step.name.empty() ? id : step.name).end_object();
  json.key("task").begin_object().key("distribution").string(step.cyclic ? "Cyclic" : "Block");
  json.end_object().end_object();
}

void write_array(JsonWriter& json, const JobRecord& job) {
  json.key("array").begin_object().key("job_id").number(job.array ? job.array->array.value : 0);
  json.key("limits").begin_object().key("max").begin_object().key("running").begin_object();
  json.key("tasks").number(job.array ? job.array->limit : 0).end_object().end_object();
  json.end_object();
  const auto element = element_of(job);
  json.key("task");
  if (job.array && !element)
    json.string(elements_of(job));
  else
    json.null();
  json.key("task_id");
  if (element)
    json.number(*element);
  else
    json.null();
  json.end_object();
}

void write_times(JsonWriter& json, const JobRecord& job, TimePoint now) {
  json.key("time").begin_object();
  json.key("elapsed").number(elapsed_of(job, now).count());
  json.key("eligible").number(epoch(job.eligible_time)).key("end").number(epoch(job.end_time));
  json.key("start").number(epoch(job.start_time)).key("submission").number(epoch(job.submit_time));
  json.key("suspended").number(0);
  const Usage usage = usage_of(job);
  write_cpu_time(json, "system", usage.cpu_system_ms);
  json.key("limit");
  if (const TimeLimit limit = limit_of(job))
    json.number(limit->count() / 60);
  else
    json.null();
  write_cpu_time(json, "total", usage.cpu_system_ms + usage.cpu_user_ms);
  write_cpu_time(json, "user", usage.cpu_user_ms);
  json.end_object();
}

void write_owner(JsonWriter& json, const JobRecord& job, std::string_view cluster) {
  json.key("association").begin_object().key("account").string(job.spec->account);
  json.key("cluster").string(cluster).key("partition").null();
  json.key("user").string(job.user).end_object();
  json.key("cluster").string(cluster).key("constraints").string(job.spec->constraint);
  json.key("container");
  if (job.spec->image.name.empty())
    json.null();
  else
    json.string(job.spec->image.name);
}

// The highest exit code of its steps, as Slurm derives it.
ExitStatus derived_exit(const JobRecord& job) {
  ExitStatus highest;
  for (const StepRecord& step : job.steps) {
    if (step.id < kInteractiveStep && step.exit.code > highest.code) highest.code = step.exit.code;
  }
  return highest;
}

}  // namespace

void write_acct_json(JsonWriter& json, const JobRecord& job, TimePoint now,
                     std::string_view cluster) {
  const JobSpec& spec = *job.spec;
  const bool is_over = ended(job.state);
  json.begin_object().key("account").string(spec.account);
  json.key("comment").begin_object().key("administrator").null().key("job");
  if (spec.comment.empty())
    json.null();
  else
    json.string(spec.comment);
  json.key("system").null().end_object();
  json.key("allocation_nodes").number(job.nodes.size());
  write_array(json, job);
  write_owner(json, job, cluster);
  write_exit(json, "derived_exit_code", derived_exit(job), is_over);
  write_times(json, job, now);
  write_exit(json, "exit_code", job.exit, is_over);
  json.key("flags").begin_array().end_array().key("group").string(job.group);
  json.key("het").begin_object().key("job_id").number(0).key("job_offset").null().end_object();
  json.key("job_id").number(job.id.value).key("name").string(spec.name);
  json.key("mcs").begin_object().key("label").string("").end_object();
  const std::string nodes = node_list_of(job);
  json.key("nodes").string(nodes.empty() ? "None assigned" : nodes);
  json.key("partition").string(job.partition.empty() ? spec.partition : job.partition);
  json.key("priority").null().key("qos").string(spec.qos.empty() ? "normal" : spec.qos);
  json.key("required").begin_object().key("CPUs").number(cpus_of(job));
  json.key("memory").number(memory_of(job)).end_object();
  json.key("kill_request_user");
  if (job.cancelled_by)
    json.string(std::to_string(*job.cancelled_by));
  else
    json.null();
  json.key("reservation").begin_object().key("id").number(0);
  json.key("name").string(spec.reservation).end_object();
  json.key("state").begin_object().key("current").string(long_name(job.state));
  json.key("reason").string(reason_of(job)).end_object();
  json.key("steps").begin_array();
  for (const StepRecord& step : job.steps) write_step(json, job, step, now);
  json.end_array().key("tres").begin_object();
  write_tres(json, "allocated", job.nodes.empty() ? std::vector<Tres>{} : tres_list(job));
  write_tres(json, "requested", tres_list(job));
  json.end_object().key("user").string(job.user);
  json.key("wckey").begin_object().key("wckey").string(spec.wckey);
  json.key("flags").begin_array().end_array().end_object();
  json.key("working_directory").string(spec.chdir).end_object();
}

}  // namespace gd::cmd

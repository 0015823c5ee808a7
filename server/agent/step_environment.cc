#include "server/agent/step_environment.h"

#include <algorithm>
#include <array>

#include "base/hostlist.h"
#include "base/text.h"
#include "proto/index_set.h"
#include "server/agent/step_folder.h"

namespace gd::agent {
namespace {

constexpr char kDefaultPath[] = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

// Of an outer job; those that hold for this one are set again.
constexpr std::array kOfAnotherJob = {
    "SLURM_NTASKS",
    "SLURM_NPROCS",
    "SLURM_CPUS_PER_TASK",
    "SLURM_NTASKS_PER_NODE",
    "SLURM_MEM_PER_NODE",
    "SLURM_MEM_PER_CPU",
    "SLURM_RESTART_COUNT",
    "SLURM_STEP_ID",
    "SLURM_STEPID",
    "SLURM_STEP_NODELIST",
    "SLURM_STEP_NUM_NODES",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_STEP_TASKS_PER_NODE",
    "SLURM_JOB_ACCOUNT",
    "SLURM_JOB_QOS",
    "SLURM_JOB_GPUS",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_COUNT",
    "SLURM_ARRAY_TASK_MAX",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_STEP",
    "SLURM_JOB_END_TIME",
    "SLURM_JOB_START_TIME",
    "SLURM_TASK_PID",
    "ENVIRONMENT",
    "GD_IMAGE",
    "GD_STEP_ID",
};

std::string number(uint64_t value) {
  return std::to_string(value);
}

bool is_numbered(StepId step) {
  return step.value < kInteractiveStep.value;
}

void set_identity(Environment& env, const StepUser& user) {
  env["HOME"] = user.home;
  env["USER"] = user.name;
  env["LOGNAME"] = user.name;
  if (!env.contains("SHELL") || env["SHELL"].empty()) {
    env["SHELL"] = user.shell.empty() ? "/bin/sh" : user.shell;
  }
  if (!env.contains("PATH") || env["PATH"].empty()) env["PATH"] = kDefaultPath;
  // The job has a /tmp of its own; a folder of the submitting host means nothing there, unless
  // it is one of the user's home.
  const auto temporary = env.find("TMPDIR");
  if (temporary == env.end() || !std::string_view(temporary->second).starts_with(user.home + "/")) {
    env["TMPDIR"] = "/tmp";
  }
}

void set_array(Environment& env, const StepLaunch& launch) {
  env["SLURM_ARRAY_JOB_ID"] = number(launch.array_job.value);
  env["SLURM_ARRAY_TASK_ID"] = number(launch.array_task);
  const Result<ArraySpec> array = parse_array_spec(launch.spec.array);
  if (!array.ok() || array->elements.empty()) return;  // the controller has checked it
  const IndexSet& all = array->elements;
  env["SLURM_ARRAY_TASK_COUNT"] = number(all.size());
  env["SLURM_ARRAY_TASK_MIN"] = number(all.front());
  env["SLURM_ARRAY_TASK_MAX"] = number(all.back());
  env["SLURM_ARRAY_TASK_STEP"] = number(all.runs.size() == 1 ? all.runs.front().step : 1);
}

void set_job(Environment& env, const StepLaunch& launch, const StepUser& user) {
  const JobSpec& spec = launch.spec;
  const std::string id = number(launch.job.value);
  env["SLURM_JOB_ID"] = env["SLURM_JOBID"] = env["GD_JOB_ID"] = id;
  env["SLURM_JOB_NAME"] = spec.name;
  env["SLURM_JOB_USER"] = user.name;
  env["SLURM_JOB_UID"] = number(launch.uid);
  env["SLURM_JOB_GID"] = number(launch.gid);
  env["SLURM_JOB_PARTITION"] = launch.partition;
  env["SLURM_CLUSTER_NAME"] = launch.cluster;
  env["SLURM_SUBMIT_DIR"] = spec.submit_dir;
  env["SLURM_SUBMIT_HOST"] = spec.submit_host;
  if (!spec.account.empty()) env["SLURM_JOB_ACCOUNT"] = spec.account;
  if (!spec.qos.empty()) env["SLURM_JOB_QOS"] = spec.qos;
  if (launch.restarts > 0) env["SLURM_RESTART_COUNT"] = number(launch.restarts);
  if (launch.array_job.value != 0) set_array(env, launch);
  env["GD_IMAGE"] = spec.image.name.empty() ? "host" : spec.image.name;
  if (spec.kind == JobKind::batch) env["ENVIRONMENT"] = "BATCH";
}

void set_place(Environment& env, const StepLaunch& launch, const std::string& node) {
  const std::string nodes = fold_hostlist(launch.nodes);
  const std::string node_count = number(launch.nodes.size());
  env["SLURM_JOB_NODELIST"] = env["SLURM_NODELIST"] = nodes;
  env["SLURM_JOB_NUM_NODES"] = env["SLURM_NNODES"] = node_count;
  env["SLURM_JOB_CPUS_PER_NODE"] = run_lengths(launch.cpus_per_node);
  env["SLURM_TASKS_PER_NODE"] = run_lengths(tasks_per_node(launch));
  const uint32_t here = launch.node_index < launch.cpus_per_node.size()
                            ? launch.cpus_per_node[launch.node_index]
                            : launch.held.cpus;
  env["SLURM_CPUS_ON_NODE"] = number(here);
  env["SLURM_NODEID"] = number(launch.node_index);
  env["SLURM_PROCID"] = env["SLURM_LOCALID"] = env["SLURM_GTIDS"] = "0";
  env["SLURMD_NODENAME"] = node;
}

void set_asked(Environment& env, const StepLaunch& launch) {
  const JobSpec& spec = launch.spec;
  if (spec.tasks || spec.tasks_per_node) {
    uint64_t tasks = 0;
    for (const uint32_t here : tasks_per_node(launch)) tasks += here;
    env["SLURM_NTASKS"] = env["SLURM_NPROCS"] = number(tasks);
  }
  if (spec.tasks_per_node) env["SLURM_NTASKS_PER_NODE"] = number(*spec.tasks_per_node);
  if (spec.cpus_per_task) env["SLURM_CPUS_PER_TASK"] = number(*spec.cpus_per_task);
  if (spec.memory_per_cpu_mib) {
    env["SLURM_MEM_PER_CPU"] = number(*spec.memory_per_cpu_mib);
  } else if (spec.memory_per_node_mib) {
    env["SLURM_MEM_PER_NODE"] = number(*spec.memory_per_node_mib);
  }
}

void set_step(Environment& env, const StepLaunch& launch, const std::string& node) {
  env["GD_STEP_ID"] = step_name(launch.step);
  if (!is_numbered(launch.step)) return;
  env["SLURM_STEP_ID"] = env["SLURM_STEPID"] = number(launch.step.value);
  env["SLURM_STEP_NODELIST"] = node;
  env["SLURM_STEP_NUM_NODES"] = env["SLURM_STEP_NUM_TASKS"] = "1";
  env["SLURM_STEP_TASKS_PER_NODE"] = "1";
}

}  // namespace

Result<Environment> parse_environment(std::string_view bytes) {
  Environment env;
  for (const std::string_view entry : split(bytes, '\0')) {
    if (entry.empty()) continue;
    const size_t equals = entry.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Error{ErrorCode::invalid,
                   "environment entry '" + printable(entry, 60) + "' is not NAME=value"};
    }
    std::string key(entry.substr(0, equals));
    env.insert_or_assign(std::move(key), std::string(entry.substr(equals + 1)));
  }
  return env;
}

std::vector<std::string> render_environment(const Environment& environment) {
  std::vector<std::string> entries;
  entries.reserve(environment.size());
  for (const auto& [key, value] : environment) entries.push_back(key + "=" + value);
  return entries;
}

Environment step_environment(const StepLaunch& launch, Environment exported, const StepUser& user,
                             const std::string& node) {
  for (const char* key : kOfAnotherJob) exported.erase(key);
  set_identity(exported, user);
  set_job(exported, launch, user);
  set_place(exported, launch, node);
  set_asked(exported, launch);
  set_step(exported, launch, node);
  return exported;
}

std::string run_lengths(const std::vector<uint32_t>& counts) {
  std::string text;
  for (size_t i = 0; i < counts.size();) {
    size_t end = i;
    while (end < counts.size() && counts[end] == counts[i]) ++end;
    if (!text.empty()) text += ',';
    text += number(counts[i]);
    if (end - i > 1) text += "(x" + number(end - i) + ")";
    i = end;
  }
  return text;
}

std::vector<uint32_t> tasks_per_node(const StepLaunch& launch) {
  const size_t nodes = std::max<size_t>(launch.nodes.size(), 1);
  const JobSpec& spec = launch.spec;
  if (spec.tasks_per_node && !spec.tasks) return std::vector<uint32_t>(nodes, *spec.tasks_per_node);
  const uint32_t per_task = std::max(spec.cpus_per_task.value_or(1), 1U);
  std::vector<uint32_t> here(nodes, 0);
  if (!spec.tasks) {  // as many as have room
    for (size_t i = 0; i < nodes; ++i) {
      const uint32_t cpus = i < launch.cpus_per_node.size() ? launch.cpus_per_node[i] : 1;
      here[i] = std::max(cpus / per_task, 1U);
    }
    return here;
  }
  uint32_t left = *spec.tasks;
  for (size_t i = 0; i < nodes && left > 0; ++i) {  // each node has one before any has two
    here[i] = 1;
    --left;
  }
  for (size_t i = 0; i < nodes && left > 0; ++i) {
    const uint32_t cpus = i < launch.cpus_per_node.size() ? launch.cpus_per_node[i] : 1;
    uint32_t room = std::max(cpus / per_task, 1U) - here[i];
    if (spec.tasks_per_node) {
      room = std::min(room, *spec.tasks_per_node - std::min(here[i], *spec.tasks_per_node));
    }
    const uint32_t more = std::min(left, room);
    here[i] += more;
    left -= more;
  }
  if (left > 0) here.back() += left;  // more tasks than cpus: the controller allowed it
  return here;
}

}  // namespace gd::agent

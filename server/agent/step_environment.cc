#include "server/agent/step_environment.h"

#include <algorithm>
#include <array>

#include "base/hostlist.h"
#include "base/text.h"
#include "proto/index_set.h"
#include "proto/step_name.h"
#include "proto/task_layout.h"

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
    "GD_JOB_DIR",
    "GD_STEP_ID",
};

std::string number(uint64_t value) {
  return std::to_string(value);
}

bool is_numbered(StepId step) {
  return step.value < kInteractiveStep.value;
}

std::vector<uint32_t> job_tasks(const StepLaunch& launch) {
  return tasks_per_node(launch.spec, launch.cpus_per_node);
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
  env["SLURM_TASKS_PER_NODE"] = run_lengths(job_tasks(launch));
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
    for (const uint32_t here : job_tasks(launch)) tasks += here;
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

// As srun's own variable reads it again.
void set_binding(Environment& env, const CpuBindChoice& bind) {
  if (bind == CpuBindChoice{}) return;
  const std::string loud = bind.verbose ? "verbose" : "quiet";
  const std::string type(to_string(bind.unit));
  env["SLURM_CPU_BIND"] = loud + "," + type;
  env["SLURM_CPU_BIND_VERBOSE"] = loud;
  env["SLURM_CPU_BIND_TYPE"] = type;
  env["SLURM_CPU_BIND_LIST"] = "";
}

// What srun tells its tasks; gdtasks adds what differs from task to task of a node.
void set_step(Environment& env, const StepLaunch& launch) {
  env["GD_STEP_ID"] = step_name(launch.step);
  if (launch.step == kBatchStep || launch.step == kExternStep) return;
  // A job of srun's own has one step, which Slurm calls 0.
  const uint32_t id = is_numbered(launch.step) ? launch.step.value : 0;
  env["SLURM_STEP_ID"] = env["SLURM_STEPID"] = number(id);
  env["SLURM_STEP_NODELIST"] = fold_hostlist(launch.step_nodes);
  env["SLURM_STEP_NUM_NODES"] = number(launch.step_nodes.size());
  env["SLURM_STEP_TASKS_PER_NODE"] = env["SLURM_TASKS_PER_NODE"] = run_lengths(launch.step_tasks);
  uint64_t tasks = 0;
  for (const uint32_t here : launch.step_tasks) tasks += here;
  env["SLURM_STEP_NUM_TASKS"] = env["SLURM_NTASKS"] = env["SLURM_NPROCS"] = number(tasks);
  if (launch.cpus_per_task) env["SLURM_CPUS_PER_TASK"] = number(*launch.cpus_per_task);
  if (launch.step_cpus > 0) env["SLURM_CPUS_ON_NODE"] = number(launch.step_cpus);
  set_binding(env, launch.cpu_bind);
  env["SLURM_NODEID"] = number(launch.step_node_index);
  const std::vector<uint32_t> mine = tasks_here(launch);
  if (mine.empty()) return;
  std::string all;
  for (const uint32_t task : mine) all += (all.empty() ? "" : ",") + number(task);
  env["SLURM_GTIDS"] = all;
  env["SLURM_PROCID"] = number(mine.front());
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
  set_step(exported, launch);
  return exported;
}

std::vector<uint32_t> tasks_here(const StepLaunch& launch) {
  if (launch.step_node_index >= launch.step_tasks.size()) return {0};
  return task_numbers(launch.step_tasks, launch.cyclic)[launch.step_node_index];
}

}  // namespace gd::agent

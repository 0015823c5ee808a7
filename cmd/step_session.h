// A step of one or of many tasks, joined to this process's standard streams until all of its
// tasks have ended: gdrun without a terminal.
//
//   output   of all tasks, by the step's nodes: TaskOutput says where each goes
//   input    to all tasks, or to one
//   Ctrl-C   as srun has it: once tells the state, twice within a second goes to the tasks, a third
//            time ends them
//   SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 are passed on
//
// Beside the step's own client it watches (sattach): output from now on, input as the client's, but
// not its end; and a signal here ends the watching and nothing else.
//
// A node with one task sends that task's streams as they are, one with more sends frames
// (proto/task_frames.h). While the session lasts the controller is told that somebody is there,
// where the job is this session's own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/client.h"
#include "cmd/context.h"
#include "cmd/task_output.h"
#include "proto/messages.h"

namespace gd::cmd {

struct StepSessionOptions {
  JobId job;
  std::optional<StepId> step;  // in a running job; else the job's own
  std::vector<StepAccess> nodes;
  bool cyclic = false;
  bool programs = false;  // each node sends frames
  bool owns_job = false;  // ending the session ends the job
  bool quiet = false;
  bool kill_on_bad_exit = false;
  std::optional<Seconds> wait;  // for the others, after the first task's end
  bool takes_input = true;
  std::optional<uint32_t> input_task;  // the only one that gets the input
  bool watches = false;
  std::string opening;  // said once all nodes have let it in; empty: nothing
};

// The tasks of a step, in rising order.
std::vector<TaskPlace> task_places(const std::vector<StepAccess>& nodes, bool cyclic);

// The exit code: the highest of the tasks', 128 + signal for those that were killed. Ends that
// were no success are told on standard error, as srun tells them.
Result<int> run_step_session(const StepSessionOptions& options, TaskOutput& output, Client& client,
                             Context& context);

// "n1: task 3: Exited with exit code 2", "n1: tasks 0-3: Killed"; empty if it was a success.
std::string task_end_text(const std::string& node, const std::vector<uint32_t>& tasks,
                          const ExitStatus& exit);

}  // namespace gd::cmd

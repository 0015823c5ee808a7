// gdinit: pid 1 of a container that an OCI runtime made.
//
// The same monitor as in our own containers (monitor.cc), started by the runtime inside, with
// the descriptors of child.h open: the link to the shepherd, the task, and the program's three.
// Static, for there may be nothing else in the image. Ends with 125 if it cannot even begin.
#include <unistd.h>

#include "server/container/child.h"
#include "server/container/init_task.h"

namespace gd::container {
namespace {

constexpr int kCannotBegin = 125;

Result<InitTask> read_task() {
  InitTask task = TRY(parse_init_task(TRY(read_all(kInitTask, "task", kMaxInitTaskBytes))));
  Stdio& stdio = task.process.stdio;
  stdio.in = kInitStdio;
  stdio.out = kInitStdio + 1;
  stdio.err = kInitStdio + 2;
  return task;
}

int run() {
  const Result<InitTask> task = read_task();
  if (!task.ok()) return kCannotBegin;
  std::vector<std::string> notes;  // told by the shepherd, which has prepared the same process
  const Result<PreparedProcess> process = prepare_process(task->process, notes);
  if (!process.ok()) return kCannotBegin;
  ChildContext context;
  context.course = Course::runtime;
  context.first_step = task->first_step;
  context.process = &*process;
  context.link = kInitLink;
  context.lifetime = task->lifetime;
  run_monitor(context, init_steps());
}

}  // namespace
}  // namespace gd::container

int main() {
  return gd::container::run();
}

#include "cmd/task_output.h"

#include <fcntl.h>

#include <algorithm>
#include <system_error>

namespace gd::cmd {
namespace {

constexpr mode_t kFileMode = 0666;  // less the umask

std::string path_of(const StreamPlan& plan, const PatternValues& values) {
  return expand_pattern(plan.pattern, values);
}

bool is_for(const StreamPlan& plan, uint32_t task) {
  return !plan.only || *plan.only == task;
}

}  // namespace

std::string task_label(uint32_t task, uint32_t tasks) {
  const std::string number = std::to_string(task);
  const size_t width = std::to_string(tasks > 0 ? tasks - 1 : 0).size();
  return std::string(width - std::min(width, number.size()), ' ') + number + ": ";
}

Result<TaskOutput::Target*> TaskOutput::target_of(const StreamPlan& plan,
                                                  const PatternValues& values, bool append,
                                                  StreamId own) {
  if (plan.target == StreamTarget::none || !is_for(plan, values.task)) return nullptr;
  const bool mine = plan.target == StreamTarget::own;
  const std::string number = own == StreamId::error ? "2" : "1";
  const std::string path = mine ? number : path_of(plan, values);
  const std::string key = (mine ? "own " : "file ") + path;
  std::unique_ptr<Target>& target = targets_[key];
  if (target) return target.get();
  auto fresh = std::make_unique<Target>();
  fresh->name = mine ? (own == StreamId::error ? "standard error" : "standard output") : path;
  if (!mine) {
    // Appending always: what else writes to the file is not written over.
    const int flags = O_WRONLY | O_CREAT | O_APPEND | (append ? 0 : O_TRUNC);
    fresh->file = TRY(open_file(path, flags, kFileMode));
  }
  const int fd = mine ? (own == StreamId::error ? 2 : 1) : fresh->file.get();
  fresh->writer = std::make_unique<FdWriter>(fd);
  target = std::move(fresh);
  return target.get();
}

Result<TaskOutput> TaskOutput::open(const FilePlan& plan, const PatternValues& values,
                                    const std::vector<TaskPlace>& tasks, OutputMode mode) {
  TRY(check_tasks(plan, tasks.size()));
  TaskOutput all;
  const auto count = static_cast<uint32_t>(tasks.size());
  for (const TaskPlace& place : tasks) {
    PatternValues mine = values;
    mine.task = place.task;
    mine.node = place.node.substr(0, place.node.find('.'));
    mine.node_index = place.node_index;
    Task task;
    task.output.target = TRY(all.target_of(plan.output, mine, plan.append, StreamId::output));
    task.error.target = TRY(all.target_of(plan.error, mine, plan.append, StreamId::error));
    for (Stream* stream : {&task.output, &task.error}) {
      if (mode == OutputMode::raw || stream->target == nullptr) continue;
      const bool label = mode == OutputMode::labels;
      stream->lines =
          std::make_unique<LineLabels>(label ? task_label(place.task, count) : std::string());
    }
    all.tasks_.push_back(std::move(task));
  }
  if (plan.input.target == StreamTarget::file) {
    all.input_ = TRY(open_file(path_of(plan.input, values), O_RDONLY));
  } else if (plan.input.target == StreamTarget::none) {
    all.input_ = TRY(open_file("/dev/null", O_RDONLY));
  }
  return all;
}

void TaskOutput::start(Poller& poller) {
  for (auto& [key, target] : targets_) target->writer->start(poller, [](size_t) {});
}

void TaskOutput::add(size_t task, StreamId stream, std::string_view bytes) {
  Stream& to = stream == StreamId::error ? tasks_[task].error : tasks_[task].output;
  if (to.target == nullptr || bytes.empty()) return;
  if (!to.lines) return to.target->writer->add(bytes);
  const std::string text = to.lines->take(bytes);
  if (!text.empty()) to.target->writer->add(text);
}

void TaskOutput::end(size_t task) {
  for (Stream* stream : {&tasks_[task].output, &tasks_[task].error}) {
    const std::string rest = stream->lines ? stream->lines->finish() : std::string();
    if (!rest.empty()) stream->target->writer->add(rest);
  }
}

bool TaskOutput::idle() const {
  return std::ranges::all_of(targets_, [](const auto& one) { return one.second->writer->idle(); });
}

Result<void> TaskOutput::check_written() const {
  for (const auto& [key, target] : targets_) {
    if (const int number = target->writer->error(); number != 0) {
      return Error{ErrorCode::exhausted, target->name + ": " +
                                             std::generic_category().message(number) +
                                             ": the rest of it is lost"};
    }
  }
  return {};
}

}  // namespace gd::cmd

// Where the output of a step's tasks goes: one's own streams or files, with labels or without.
//
// A file that several tasks name is opened once. Without labels the lines of several tasks leave
// whole, unless they are to leave as they come (-u); the output of one task always does.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/poller.h"
#include "base/result.h"
#include "cmd/fd_writer.h"
#include "cmd/line_labels.h"
#include "cmd/run_files.h"
#include "proto/messages_stream.h"

namespace gd::cmd {

struct TaskPlace {  // one task, for its files' names and its label
  uint32_t task = 0;
  std::string node;
  uint32_t node_index = 0;  // in the step
};

enum class OutputMode : uint8_t { raw, lines, labels };

class TaskOutput {
 public:
  // `values`: what all tasks' names have in common. Opens the files; tasks in rising order.
  static Result<TaskOutput> open(const FilePlan& plan, const PatternValues& values,
                                 const std::vector<TaskPlace>& tasks, OutputMode mode);

  void start(Poller& poller);
  void add(size_t task, StreamId stream, std::string_view bytes);
  void end(size_t task);  // nothing more of it will come
  [[nodiscard]] bool idle() const;
  [[nodiscard]] int input() const { return input_.valid() ? input_.get() : 0; }
  // The first write that a full disk refused, said of its file.
  [[nodiscard]] Result<void> check_written() const;

 private:
  struct Target {
    std::string name;
    UniqueFd file;  // not valid: one's own stream
    std::unique_ptr<FdWriter> writer;
  };
  struct Stream {
    Target* target = nullptr;  // none: what comes is dropped
    std::unique_ptr<LineLabels> lines;
  };
  struct Task {
    Stream output, error;
  };
  Result<Target*> target_of(const StreamPlan& plan, const PatternValues& values, bool append,
                            StreamId own);

  std::map<std::string, std::unique_ptr<Target>> targets_;  // by path; "1" and "2": one's own
  std::vector<Task> tasks_;
  UniqueFd input_;
};

// "0: ", as wide as the highest task's.
std::string task_label(uint32_t task, uint32_t tasks);

}  // namespace gd::cmd

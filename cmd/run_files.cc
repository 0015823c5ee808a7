#include "cmd/run_files.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace gd::cmd {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<StreamPlan> plan_stream(std::string_view option, const std::string& value) {
  if (value.empty() || value == "all") return StreamPlan{};
  if (value == "none") return StreamPlan{.target = StreamTarget::none};
  if (!is_number(value)) return StreamPlan{.target = StreamTarget::file, .pattern = value};
  StreamPlan own;
  Result<uint32_t> task = parse_number<uint32_t>(value);
  if (!task.ok()) return std::move(task).error().in(option);
  own.only = *task;
  return own;
}

Result<void> check_task(std::string_view option, const StreamPlan& plan, size_t tasks) {
  if (!plan.only || *plan.only < tasks) return {};
  return Error{ErrorCode::usage,
               std::string(option) + "=" + std::to_string(*plan.only) +
                   ": there is no such task, the step has " + std::to_string(tasks) +
                   ", counted from 0; a file of that name is ./" + std::to_string(*plan.only)};
}

}  // namespace

Result<void> check_tasks(const FilePlan& plan, size_t tasks) {
  TRY(check_task("--input", plan.input, tasks));
  TRY(check_task("--output", plan.output, tasks));
  return check_task("--error", plan.error, tasks);
}

bool FilePlan::has_pattern() const {
  const std::array<const StreamPlan*, 3> streams = {&input, &output, &error};
  return std::ranges::any_of(streams, [](const StreamPlan* stream) {
    return stream->pattern.find('%') != std::string::npos;
  });
}

Result<FilePlan> plan_files(const FileOptions& options) {
  FilePlan plan;
  plan.input = TRY(plan_stream("--input", options.input));
  if (plan.input.pattern.find("%t") != std::string::npos) {
    return Error{ErrorCode::usage,
                 "--input=" + printable(options.input) +
                     ": one file is read, not one for each task; let the tasks open theirs"};
  }
  plan.output = TRY(plan_stream("--output", options.output));
  plan.error = options.error.empty() ? plan.output : TRY(plan_stream("--error", options.error));
  plan.append = options.open_mode == OpenMode::append;
  return plan;
}

PatternValues pattern_values(const JobRecord& job, StepId step) {
  PatternValues values{.job = job.id, .step = step, .job_name = job.spec->name, .user = job.user};
  // A job of gdrun's own has one step, which Slurm calls 0.
  if (step == kInteractiveStep) values.step = StepId{0};
  if (job.array) {
    values.array_job = job.array->array;
    values.array_task = element_of(job).value_or(0);
  }
  return values;
}

}  // namespace gd::cmd

#include "cmd/run_files.h"

#include <fcntl.h>

#include <algorithm>
#include <array>

namespace gd::cmd {
namespace {

constexpr mode_t kFileMode = 0666;  // less the umask

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<StreamPlan> plan_stream(std::string_view option, const std::string& value) {
  if (value.empty() || value == "all") return StreamPlan{};
  if (value == "none") return StreamPlan{StreamTarget::none, ""};
  if (!is_number(value)) return StreamPlan{StreamTarget::file, value};
  if (value.find_first_not_of('0') == std::string::npos) return StreamPlan{};
  return Error{ErrorCode::usage, std::string(option) + "=" + value +
                                     ": there is no such task, 0 is the only one; a file of that "
                                     "name is ./" +
                                     value};
}

std::string path_of(const StreamPlan& stream, const PatternValues& values) {
  if (stream.target == StreamTarget::none) return "/dev/null";
  return expand_pattern(stream.pattern, values);
}

}  // namespace

bool FilePlan::has_pattern() const {
  const std::array<const StreamPlan*, 3> streams = {&input, &output, &error};
  return std::ranges::any_of(streams, [](const StreamPlan* stream) {
    return stream->pattern.find('%') != std::string::npos;
  });
}

Result<FilePlan> plan_files(const FileOptions& options) {
  FilePlan plan;
  plan.input = TRY(plan_stream("--input", options.input));
  plan.output = TRY(plan_stream("--output", options.output));
  plan.error = options.error.empty() ? plan.output : TRY(plan_stream("--error", options.error));
  plan.append = options.open_mode == OpenMode::append;
  return plan;
}

PatternValues pattern_values(const JobRecord& job, StepId step) {
  PatternValues values{.job = job.id,
                       .step = step,
                       .job_name = job.spec->name,
                       .user = job.user,
                       .node = job.batch_node};
  // A job of gdrun's own has one step, which Slurm calls 0.
  if (step == kInteractiveStep) values.step = StepId{0};
  for (const StepRecord& known : job.steps) {
    if (known.id == step) values.node = known.node;
  }
  for (size_t i = 0; i < job.nodes.size(); ++i) {
    if (job.nodes[i].node == values.node) values.node_index = static_cast<uint32_t>(i);
  }
  values.node = values.node.substr(0, values.node.find('.'));
  if (job.array) {
    values.array_job = job.array->array;
    values.array_task = element_of(job).value_or(0);
  }
  return values;
}

Result<RunFiles> open_files(const FilePlan& plan, const PatternValues& values) {
  // Appending always: what else writes to the file is not written over.
  const int flags = O_WRONLY | O_CREAT | O_APPEND | (plan.append ? 0 : O_TRUNC);
  RunFiles files;
  if (plan.input.target != StreamTarget::own) {
    files.input = TRY(open_file(path_of(plan.input, values), O_RDONLY));
  }
  if (plan.output.target != StreamTarget::own) {
    files.output = TRY(open_file(path_of(plan.output, values), flags, kFileMode));
  }
  if (plan.error.target == StreamTarget::own) return files;
  const bool same = plan.output.target != StreamTarget::own &&
                    path_of(plan.error, values) == path_of(plan.output, values);
  files.error = same ? TRY(duplicate(files.output.get()))
                     : TRY(open_file(path_of(plan.error, values), flags, kFileMode));
  return files;
}

}  // namespace gd::cmd

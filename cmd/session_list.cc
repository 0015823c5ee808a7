#include "cmd/session_list.h"

#include <algorithm>

#include "base/duration.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/format.h"
#include "cmd/job_query.h"

namespace gd::cmd {
namespace {

constexpr size_t kMostCommand = 40;

std::string command_of(const StepRecord& step) {
  const std::string command = step.argv.empty() ? "(shell)" : join(step.argv, " ");
  return std::string(first_columns(printable(command), kMostCommand));
}

const StepSample* sample_of(const JobView& view, const StepRecord& step) {
  const auto found = std::ranges::find_if(
      view.samples, [&](const StepSample& sample) { return sample.step == step.id; });
  return found == view.samples.end() ? nullptr : &*found;
}

std::string state_of(const SessionRow& row) {
  if (!row.now) return "-";
  return row.now->attached ? "attached" : "left";
}

}  // namespace

std::vector<SessionRow> sessions_of(const std::vector<JobView>& views, TimePoint now) {
  std::vector<const JobView*> sorted;
  for (const JobView& view : views) sorted.push_back(&view);
  std::ranges::sort(sorted, {}, [](const JobView* view) { return view->job.id; });
  std::vector<SessionRow> rows;
  for (const JobView* view : sorted) {
    for (const StepRecord& step : view->job.steps) {
      if (!step.pty || step.state == StepState::ended || step.shares.empty()) continue;
      SessionRow row{.id = std::to_string(view->job.id.value),
                     .node = step.shares.front().node,
                     .name = view->job.spec->name,
                     .command = command_of(step)};
      if (step.id != kInteractiveStep) row.id += "." + std::to_string(step.id.value);
      if (const StepSample* sample = sample_of(*view, step)) row.now = sample->session;
      row.elapsed = std::max(Seconds{0}, std::chrono::floor<Seconds>(now - step.start_time));
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

Grid session_grid(const std::vector<SessionRow>& rows) {
  Grid grid;
  grid.columns = {{"SESSION"},    {"NODE"}, {"STATE"},  {"IDLE", true},
                  {"TIME", true}, {"NAME"}, {"COMMAND"}};
  for (const SessionRow& row : rows) {
    grid.rows.push_back({row.id, printable(row.node), state_of(row),
                         row.now ? format_elapsed(row.now->idle) : "-", format_elapsed(row.elapsed),
                         printable(row.name), row.command});
  }
  return grid;
}

Result<int> list_sessions(Context& context) {
  const JobQuery query{
      .filter = {.users = {own_name()}, .states = {JobState::running, JobState::suspended}},
      .live = true};
  const auto views = TRY(fetch_jobs(*TRY(context.controller()), query));
  const GridLines lines = layout(session_grid(sessions_of(views, context.now())), 0);
  context.out.line(lines.header);
  for (const std::string& line : lines.rows) context.out.line(line);
  return kExitDone;
}

}  // namespace gd::cmd

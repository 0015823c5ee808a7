// gdstat --live: jobs that hold nodes, with what they use now and used at most.
#include <sys/ioctl.h>
#include <unistd.h>

#include <thread>

#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/gdstat.h"
#include "cmd/live_table.h"

namespace gd::cmd {
namespace {

constexpr uint32_t kDefaultInterval = 3;  // seconds; nodes sample every few

size_t terminal_rows(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 2 ? size.ws_row : 24;
}

// From the top of the screen, over what was there: it does not flicker.
void draw_over(const GridLines& lines, Output& out) {
  const std::string bold = wants_colour(out.fd()) ? "\033[1m" : "";
  const std::string plain = bold.empty() ? "" : "\033[0m";
  out << "\033[H" << bold << lines.header << plain << "\033[K\r\n";
  const size_t room = terminal_rows(out.fd()) - 2;
  const size_t shown = std::min(lines.rows.size(), room);
  for (size_t i = 0; i < shown; ++i) out << lines.rows[i] << "\033[K\r\n";
  if (shown < lines.rows.size()) {
    out << "and " << std::to_string(lines.rows.size() - shown) << " more jobs";
  }
  out << "\033[K\033[J";
}

void print(const GridLines& lines, Output& out) {
  out.line(lines.header);
  for (const std::string& row : lines.rows) out.line(row);
}

}  // namespace

Result<int> run_live(const StatOptions& options, StatPlan plan, Context& context) {
  plan.query.filter.states = {JobState::running, JobState::suspended, JobState::completing};
  const JobSort sort = parse_job_sort(options.live_sort).value_or(JobSort::cpu);
  const int width = terminal_width(context.out.fd());
  const bool again = width > 0 || options.iterate.has_value();
  if (width > 0) context.out << "\033[2J";
  while (true) {
    const auto views = TRY(fetch_jobs(*TRY(context.controller()), plan.query));
    std::vector<LiveJob> jobs = live_jobs(views, context.now());
    sort_live(jobs, sort, order_of(sort));
    const GridLines lines =
        layout(job_grid(jobs, sort), static_cast<size_t>(terminal_width(context.out.fd())));
    if (width > 0)
      draw_over(lines, context.out);
    else
      print(lines, context.out);
    if (!again || !context.out.flush()) return kExitDone;
    std::this_thread::sleep_for(Seconds{options.iterate.value_or(kDefaultInterval)});
    if (width == 0) context.out << "\n";
  }
}

}  // namespace gd::cmd

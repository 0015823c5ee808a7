#include "gdtop/model.h"

#include <algorithm>
#include <array>

#include "base/duration.h"
#include "base/text.h"
#include "cmd/format.h"

namespace gd::top {
namespace {

using cmd::JobSort;
using cmd::LiveJob;
using cmd::LiveNode;
using cmd::NodeSort;
using cmd::SortOrder;

SortOrder turned(SortOrder order, bool reversed) {
  if (!reversed) return order;
  return order == SortOrder::ascending ? SortOrder::descending : SortOrder::ascending;
}

template <class Sort, size_t count>
Sort shifted(Sort sort, ptrdiff_t by, const std::string_view (&)[count]) {
  const auto at = static_cast<ptrdiff_t>(sort) + by + static_cast<ptrdiff_t>(count);
  return static_cast<Sort>(at % static_cast<ptrdiff_t>(count));
}

// Red: about to be killed for its memory. Yellow: holds cpus and lets them idle.
Style style_of(const LiveJob& job) {
  constexpr Seconds kWarmUp{60};
  if (!job.now) return Style::plain;
  if (job.held_mib != 0 && job.now->memory_mib * 10 > job.held_mib * 9) return Style::warning;
  const uint64_t held_milli = uint64_t{job.cpus} * 1000;
  if (job.now->cpu_milli * 10 >= held_milli * 9) return Style::busy;
  if (job.now->cpu_milli * 10 < held_milli && job.elapsed > kWarmUp) return Style::idle;
  return Style::plain;
}

Style style_of(const LiveNode& node) {
  if (!node.up) return Style::warning;
  if (node.cpus != 0 && node.cpus_held == node.cpus) return Style::busy;
  return Style::plain;
}

std::string fitted(const std::string& text, size_t columns) {
  return std::string(cmd::first_columns(text, columns));
}

}  // namespace

void Model::set_data(Data data) {
  data_ = std::move(data);
  error_.clear();
  refill();
}

void Model::set_user(std::string user) {
  user_ = std::move(user);
  refill();
}

void Model::refill() {
  jobs_ = cmd::live_jobs(data_.jobs, data_.now);
  std::erase_if(jobs_, [&](const LiveJob& job) { return !user_.empty() && job.user != user_; });
  cmd::sort_live(jobs_, job_sort_, turned(cmd::order_of(job_sort_), reversed_));
  nodes_ = cmd::live_nodes(data_.nodes, data_.jobs);
  cmd::sort_live(nodes_, node_sort_, turned(cmd::order_of(node_sort_), reversed_));
  for (size_t row = 0; row < count(); ++row) {
    if (name_at(row) == cursor_name_) cursor_ = row;
  }
  move(0);
}

size_t Model::count() const {
  return table_ == Table::jobs ? jobs_.size() : nodes_.size();
}

const std::string& Model::name_at(size_t row) const {
  return table_ == Table::jobs ? jobs_[row].job : nodes_[row].name;
}

void Model::move(ptrdiff_t by) {
  const auto last = static_cast<ptrdiff_t>(count()) - 1;
  const auto to =
      std::clamp<ptrdiff_t>(static_cast<ptrdiff_t>(cursor_) + by, 0, std::max<ptrdiff_t>(last, 0));
  cursor_ = static_cast<size_t>(to);
  if (by != 0 || cursor_name_.empty()) remember_cursor();
}

void Model::remember_cursor() {
  cursor_name_ = cursor_ < count() ? name_at(cursor_) : "";
}

Action Model::press(const Key& key) {
  switch (mode_) {
    case Mode::help: mode_ = Mode::browse; return Action::none;  // any key
    case Mode::ask_user: ask_user(key); return Action::none;
    case Mode::browse: break;
  }
  return browse(key);
}

Action Model::browse(const Key& key) {
  constexpr auto kFar = static_cast<ptrdiff_t>(1) << 40;
  switch (key.kind) {
    case KeyKind::up: move(-1); break;
    case KeyKind::down: move(1); break;
    case KeyKind::page_up: move(-static_cast<ptrdiff_t>(page_)); break;
    case KeyKind::page_down: move(static_cast<ptrdiff_t>(page_)); break;
    case KeyKind::home: move(-kFar); break;
    case KeyKind::end: move(kFar); break;
    case KeyKind::left: next_sort(-1); break;
    case KeyKind::right: next_sort(1); break;
    case KeyKind::tab:
      table_ = table_ == Table::jobs ? Table::nodes : Table::jobs;
      cursor_ = top_ = 0;
      remember_cursor();
      break;
    case KeyKind::character: return choose(key.character);
    case KeyKind::enter:
    case KeyKind::escape:
    case KeyKind::backspace: break;
  }
  return Action::none;
}

Action Model::choose(char letter) {
  switch (letter) {
    case 'q': return Action::quit;
    case ' ': return Action::refresh;
    case 'h':
    case '?': mode_ = Mode::help; break;
    case 'r':
      reversed_ = !reversed_;
      refill();
      break;
    case 'u':
      typed_ = user_;
      mode_ = Mode::ask_user;
      break;
    case 'c': sort_by(JobSort::cpu); break;
    case 'm': sort_by(JobSort::memory); break;
    case 'p': sort_by(JobSort::peak); break;
    case 'i': sort_by(JobSort::io); break;
    case 'n': sort_by(JobSort::pids); break;
    case 't': sort_by(JobSort::time); break;
    case 'j': sort_by(JobSort::job); break;
    case 'o': sort_by(JobSort::user); break;
    default: break;
  }
  return Action::none;
}

// What jobs are sorted by has a letter; of nodes the same letter means what is nearest to it.
void Model::sort_by(JobSort sort) {
  reversed_ = false;
  if (table_ == Table::jobs) {
    job_sort_ = sort;
  } else {
    switch (sort) {
      case JobSort::cpu: node_sort_ = NodeSort::cpu; break;
      case JobSort::memory:
      case JobSort::peak: node_sort_ = NodeSort::memory; break;
      case JobSort::pids: node_sort_ = NodeSort::load; break;
      case JobSort::job: node_sort_ = NodeSort::jobs; break;
      case JobSort::io:
      case JobSort::time:
      case JobSort::user: node_sort_ = NodeSort::node; break;
    }
  }
  refill();
}

void Model::next_sort(ptrdiff_t by) {
  reversed_ = false;
  if (table_ == Table::jobs)
    job_sort_ = shifted(job_sort_, by, cmd::kJobSorts);
  else
    node_sort_ = shifted(node_sort_, by, cmd::kNodeSorts);
  refill();
}

void Model::ask_user(const Key& key) {
  switch (key.kind) {
    case KeyKind::character:
      if (key.character > ' ' && typed_.size() < kMaxUserFilter) typed_ += key.character;
      break;
    case KeyKind::backspace:
      if (!typed_.empty()) typed_.pop_back();
      break;
    case KeyKind::enter:
      mode_ = Mode::browse;
      set_user(typed_);
      break;
    case KeyKind::escape: mode_ = Mode::browse; break;
    default: break;
  }
}

std::string Model::title() const {
  uint32_t up = 0;
  uint64_t cpus = 0, held = 0, cpu_milli = 0;
  for (const LiveNode& node : nodes_) {
    up += node.up ? 1 : 0;
    cpus += node.cpus;
    held += node.cpus_held;
    cpu_milli += node.cpu_milli;
  }
  return "gd " + data_.cluster + "  nodes " + std::to_string(up) + "/" +
         std::to_string(nodes_.size()) + " up  cpus " + std::to_string(held) + "/" +
         std::to_string(cpus) + " held  jobs " + std::to_string(data_.jobs.size()) + "  cpu " +
         std::to_string((cpu_milli + 5) / 10) + "%";
}

std::string Model::subtitle() const {
  if (mode_ == Mode::ask_user) return "user (empty: all): " + typed_ + "_";
  if (!error_.empty()) return error_;
  const bool of_jobs = table_ == Table::jobs;
  const std::string_view sort = of_jobs ? cmd::kJobSorts[static_cast<size_t>(job_sort_)]
                                        : cmd::kNodeSorts[static_cast<size_t>(node_sort_)];
  std::string text = std::string(of_jobs ? "jobs" : "nodes") + " by " + std::string(sort);
  if (reversed_) text += ", reversed";
  if (of_jobs && !user_.empty()) text += ", of " + printable(user_);
  return text + "   q quit  ? help  Tab jobs/nodes  < > sort  u user";
}

std::vector<Line> Model::help() {
  constexpr std::string_view kLines[] = {
      "q          leave",
      "Tab        jobs, nodes",
      "arrows, PgUp, PgDn, Home, End    move",
      "< >        left and right arrow: sort by another column; r reverses",
      "c m p i n t j o    sort by cpu, memory, peak, I/O, processes, time, job, user",
      "u          jobs of one user; empty: of all",
      "Space      ask again now",
      "",
      "green: uses the cpus it holds     yellow: holds cpus and lets them idle",
      "red: more than nine tenths of its memory is used; a node that takes no jobs",
      "CPU% 100 is one cpu. MEM is now, PEAK the most so far, LIMIT what the job may use.",
      "",
      "any key goes back"};
  std::vector<Line> lines;
  for (const std::string_view text : kLines) lines.push_back({std::string(text), Style::help});
  return lines;
}

std::vector<Line> Model::rows(size_t columns, Line& heading) const {
  const bool of_jobs = table_ == Table::jobs;
  const cmd::GridLines grid = cmd::layout(
      of_jobs ? cmd::job_grid(jobs_, job_sort_) : cmd::node_grid(nodes_, node_sort_), columns);
  heading = {grid.header, Style::heading};
  std::vector<Line> lines;
  for (size_t i = 0; i < grid.rows.size(); ++i) {
    lines.push_back({.text = grid.rows[i],
                     .style = of_jobs ? style_of(jobs_[i]) : style_of(nodes_[i]),
                     .chosen = i == cursor_});
  }
  return lines;
}

std::vector<Line> Model::render(size_t rows, size_t columns) {
  std::vector<Line> lines;
  lines.push_back({fitted(title(), columns), Style::title});
  lines.push_back({fitted(subtitle(), columns), error_.empty() ? Style::plain : Style::error});
  if (mode_ == Mode::help) {
    for (Line& line : help()) {
      line.text = fitted(line.text, columns);
      lines.push_back(std::move(line));
    }
  } else {
    Line heading;
    std::vector<Line> all = this->rows(columns, heading);
    lines.push_back(std::move(heading));
    page_ = rows > lines.size() ? rows - lines.size() : 1;
    if (cursor_ < top_) top_ = cursor_;
    if (cursor_ >= top_ + page_) top_ = cursor_ - page_ + 1;
    top_ = std::min(top_, all.size() > page_ ? all.size() - page_ : 0);
    for (size_t i = top_; i < all.size() && i < top_ + page_; ++i) {
      lines.push_back(std::move(all[i]));
    }
  }
  if (lines.size() > rows) lines.resize(rows);
  return lines;
}

}  // namespace gd::top

#include "cmd/export_swf.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "cmd/job_fields.h"

namespace gd::cmd {
namespace {

int64_t seconds_up(Milliseconds time) {
  return std::chrono::ceil<Seconds>(std::max(time, Milliseconds{0})).count();
}

int status_of(JobState state) {
  if (state == JobState::completed) return 1;
  return state == JobState::cancelled ? 5 : 0;
}

void number(std::string& out, int64_t value, char end = ' ') {
  (out += std::to_string(value)) += end;
}

}  // namespace

uint32_t SwfExport::Numbers::of(const std::string& name) {
  const auto next = static_cast<uint32_t>(names_.size() + 1);
  const auto [known, is_new] = known_.try_emplace(name, next);
  if (is_new) names_.push_back(name);
  return known->second;
}

void SwfExport::count_lost(const JobRecord& job) {
  const JobSpec& spec = *job.spec;
  const auto count = [this](Lost what, bool given) { lost_[what] += given ? 1 : 0; };
  count(gres, !spec.gres_per_node.empty());
  count(licences, !spec.licences.empty());
  count(named_nodes, !spec.constraint.empty() || !spec.node_list.empty() || !spec.exclude.empty());
  count(node_counts, spec.nodes_min > 1 || spec.exclusive);
  count(dependencies, !spec.dependency.empty());
  count(reservations, !spec.reservation.empty());
  count(no_limit, !limit_of(job));
}

void SwfExport::add(const JobRecord& job) {
  if (!ended(job.state)) return;
  count_lost(job);
  Row row;
  row.job = job.id.value;
  row.ready = std::max(job.submit_time, job.eligible_time);
  row.held = cpus_of(job);
  row.asked = job.spec->exclusive ? row.held : total_cpus(*job.spec);
  row.status = status_of(job.state);
  const uint32_t cpus = std::max(row.held, 1U);
  if (const TimeLimit limit = limit_of(job)) row.limit = std::max<int64_t>(limit->count(), 1);
  if (const uint64_t mib = memory_of(job); mib > 0) {
    row.asked_memory = static_cast<int64_t>(mib * 1024 / cpus);
  }
  if (job.start_time != TimePoint{}) {
    const Usage used = usage_of(job);
    row.wait = std::chrono::floor<Seconds>(std::max(job.start_time - row.ready, 0ms)).count();
    row.run = std::max<int64_t>(seconds_up(job.end_time - job.start_time), 1);
    row.cpu = static_cast<int64_t>((used.cpu_user_ms + used.cpu_system_ms) / 1000 / cpus);
    const uint64_t peak = used.memory_peak_mib * 1024 / cpus;
    row.memory = peak > 0 ? static_cast<int64_t>(peak) : -1;
  } else {
    row.held = 0;
  }
  row.user = users_.of(job.user);
  row.group = groups_.of(job.group);
  row.name = job_names_.of(job.spec->name);
  row.queue = queues_.of(job.partition.empty() ? job.spec->partition : job.partition);
  rows_.push_back(row);
}

std::string SwfExport::text(const std::string& cluster, std::span<const NodeView> nodes) {
  std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) {
    return std::tie(a.ready, a.job) < std::tie(b.ready, b.job);
  });
  const int64_t begin =
      rows_.empty() ? 0
                    : std::chrono::floor<Seconds>(rows_.front().ready.time_since_epoch()).count();
  uint64_t processors = 0;
  for (const NodeView& node : nodes) processors += node.usable.cpus;
  std::string out = "; Version: 2.2\n; Computer: " + printable(cluster) +
                    "\n; UnixStartTime: " + std::to_string(begin);
  for (const char* key : {"MaxJobs", "MaxRecords"}) {
    (out += "\n; ") += std::string(key) + ": " + std::to_string(rows_.size());
  }
  out += "\n; MaxNodes: " + std::to_string(nodes.size());
  out += "\n; MaxProcs: " + std::to_string(processors) + '\n';
  if (const std::string classes = node_classes(nodes); !classes.empty()) {
    out += "; NodeClasses: " + classes + '\n';
  }
  for (size_t i = 0; i < queues_.names().size(); ++i) {
    out += "; Queue: " + std::to_string(i + 1) + ' ' + printable(queues_.names()[i]) + '\n';
  }
  for (const std::string& note : notes()) out += "; Note: " + note + '\n';
  for (const Row& row : rows_) {
    number(out, row.job);
    number(out, std::chrono::floor<Seconds>(row.ready.time_since_epoch()).count() - begin);
    for (const int64_t value : {row.wait, row.run}) number(out, value);
    number(out, row.held > 0 ? int64_t{row.held} : -1);
    for (const int64_t value : {row.cpu, row.memory}) number(out, value);
    number(out, row.asked);
    for (const int64_t value : {row.limit, row.asked_memory, int64_t{row.status}}) {
      number(out, value);
    }
    for (const uint32_t value : {row.user, row.group, row.name, row.queue}) number(out, value);
    out += "-1 -1 -1\n";
  }
  return out;
}

std::vector<std::string> SwfExport::notes() const {
  constexpr std::string_view kAsked[kLost] = {
      "asked for gres",          "asked for licences",
      "named nodes or features", "asked for several or whole nodes",
      "waited for other jobs",   "ran in a reservation",
      "had no time limit"};
  std::vector<std::string> notes;
  for (size_t i = 0; i < kLost; ++i) {
    if (lost_[i] == 0) continue;
    notes.push_back(std::to_string(lost_[i]) + (lost_[i] == 1 ? " job " : " jobs ") +
                    std::string(kAsked[i]) + ", which a trace cannot say");
  }
  return notes;
}

std::string node_classes(std::span<const NodeView> nodes) {
  std::vector<std::pair<Resources, uint32_t>> classes;
  for (const NodeView& node : nodes) {
    if (node.usable.cpus == 0) continue;
    const Resources each{node.usable.cpus, node.usable.memory_mib, {}};
    const auto same = std::find_if(classes.begin(), classes.end(),
                                   [&](const auto& row) { return row.first == each; });
    if (same == classes.end())
      classes.emplace_back(each, 1);
    else
      ++same->second;
  }
  std::string out;
  for (const auto& [each, count] : classes) {
    out += (out.empty() ? "" : ",") + std::to_string(count) + 'x' + std::to_string(each.cpus);
    if (each.memory_mib > 0) out += 'x' + format_mib(each.memory_mib);
  }
  return out;
}

}  // namespace gd::cmd

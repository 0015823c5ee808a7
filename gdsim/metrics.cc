#include "gdsim/metrics.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace gd::sim {

namespace {

constexpr double kShortRun = 10;  // seconds; a shorter run counts as this long

// The value below which `part` of all are; the lower one of two neighbours.
double quantile(std::vector<double>& values, double part) {
  const auto at = static_cast<size_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

double mean(const std::vector<double>& values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return sum / static_cast<double>(values.size());
}

std::string fixed(double value, int digits) {
  char text[64];
  (void)std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

double number(Seconds value) {
  return static_cast<double>(value.count());
}

}  // namespace

Metrics measure(const Workload& workload, const Schedule& schedule) {
  Metrics result;
  result.jobs = workload.jobs.size();
  result.cpus = workload.cpus();
  result.passes = schedule.passes;
  result.most_waiting = schedule.most_waiting;
  if (workload.jobs.empty()) return result;
  std::vector<double> waits;
  std::vector<double> slowdowns;
  double area = 0;
  double waited_area = 0;
  Seconds last{};
  for (size_t i = 0; i < workload.jobs.size(); ++i) {
    const WorkJob& job = workload.jobs[i];
    const double wait = number(schedule.jobs[i].start - job.submit);
    const double run = number(schedule.jobs[i].end - schedule.jobs[i].start);
    waits.push_back(wait);
    slowdowns.push_back(std::max(1.0, (wait + run) / std::max(run, kShortRun)));
    area += run * job.cpus;
    waited_area += wait * run * job.cpus;
    last = std::max(last, schedule.jobs[i].end);
  }
  result.makespan = number(last - workload.jobs.front().submit);
  result.mean_wait = mean(waits);
  result.median_wait = quantile(waits, 0.5);
  result.p99_wait = quantile(waits, 0.99);
  result.longest_wait = *std::max_element(waits.begin(), waits.end());
  result.area_wait = area > 0 ? waited_area / area : 0;
  result.mean_slowdown = mean(slowdowns);
  result.median_slowdown = quantile(slowdowns, 0.5);
  result.p95_slowdown = quantile(slowdowns, 0.95);
  const double room = static_cast<double>(result.cpus) * result.makespan;
  result.utilization = room > 0 ? area / room : 0;
  return result;
}

std::string as_text(const Metrics& m) {
  std::string text;
  const auto line = [&](std::string name, const std::string& value) {
    name.resize(22, ' ');
    text += name + value + "\n";
  };
  line("jobs", std::to_string(m.jobs));
  line("cpus", std::to_string(m.cpus));
  line("mean wait", fixed(m.mean_wait, 1) + " s");
  line("median wait", fixed(m.median_wait, 0) + " s");
  line("99th percentile wait", fixed(m.p99_wait, 0) + " s");
  line("longest wait", fixed(m.longest_wait, 0) + " s");
  line("area-weighted wait", fixed(m.area_wait, 1) + " s");
  line("mean slowdown", fixed(m.mean_slowdown, 3));
  line("median slowdown", fixed(m.median_slowdown, 3));
  line("95th slowdown", fixed(m.p95_slowdown, 2));
  line("utilization", fixed(100 * m.utilization, 2) + " %");
  line("makespan", fixed(m.makespan, 0) + " s");
  line("passes", std::to_string(m.passes));
  line("most jobs waiting", std::to_string(m.most_waiting));
  return text;
}

std::string as_json(const Metrics& m) {
  std::string text = "{";
  const auto field = [&](std::string_view name, const std::string& value) {
    text += (text.size() > 1 ? ",\"" : "\"") + std::string(name) + "\":" + value;
  };
  field("procs", std::to_string(m.cpus));
  field("jobs", std::to_string(m.jobs));
  field("mean_wait_s", fixed(m.mean_wait, 1));
  field("median_wait_s", fixed(m.median_wait, 0));
  field("p99_wait_s", fixed(m.p99_wait, 0));
  field("max_wait_s", fixed(m.longest_wait, 0));
  field("area_weighted_wait_s", fixed(m.area_wait, 1));
  field("mean_bsld", fixed(m.mean_slowdown, 3));
  field("median_bsld", fixed(m.median_slowdown, 3));
  field("p95_bsld", fixed(m.p95_slowdown, 2));
  field("utilization", fixed(m.utilization, 4));
  field("makespan_s", fixed(m.makespan, 0));
  field("passes", std::to_string(m.passes));
  field("max_queue", std::to_string(m.most_waiting));
  return text + "}\n";
}

std::string job_lines(const Workload& workload, const Schedule& schedule) {
  std::string text;
  for (size_t i = 0; i < workload.jobs.size(); ++i) {
    const WorkJob& job = workload.jobs[i];
    const Seconds wait = schedule.jobs[i].start - job.submit;
    const Seconds limit = workload.keys[job.key].limit;
    text += std::to_string(job.id);
    for (const int64_t value :
         {int64_t{job.submit.count()}, int64_t{wait.count()}, int64_t{job.run.count()},
          int64_t{job.cpus}, int64_t{limit.count()}}) {
      text += " " + std::to_string(value);
    }
    text += "\n";
  }
  return text;
}

std::string start_lines(const Workload& workload, const Schedule& schedule) {
  struct Row {
    Seconds at{};
    size_t job = 0;
    const Life* starts = nullptr;  // null: it makes room
  };
  std::vector<Row> rows;
  for (size_t i = 0; i < workload.jobs.size(); ++i) {
    const JobRun& run = schedule.jobs[i];
    for (const Life& life : run.earlier) {
      rows.push_back({life.start, i, &life});
      rows.push_back({life.end, i, nullptr});
    }
    rows.push_back({run.start, i, &run});
    if (run.preempted) rows.push_back({run.end, i, nullptr});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.at != b.at ? a.at < b.at : a.starts == nullptr && b.starts != nullptr;
  });
  std::string text;
  for (const Row& row : rows) {
    text += std::to_string(row.at.count()) + (row.starts != nullptr ? " start " : " preempt ") +
            std::to_string(workload.jobs[row.job].id);
    std::string nodes;
    if (row.starts != nullptr) {
      for (const sched::NodeUse& use : row.starts->uses) {
        nodes += (nodes.empty() ? " " : "+") + workload.nodes[use.node.value].name;
      }
    }
    text += nodes + "\n";
  }
  return text;
}

}  // namespace gd::sim

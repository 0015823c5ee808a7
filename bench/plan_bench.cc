// Times the planner and the core in memory: a pass over many waiting jobs, a
// submission and an end while they wait, and what a waiting job costs in memory.
//
//   plan_bench [JOBS] [NODES] [SHAPES] [ROUNDS]      defaults: 10000 100 10 200
//
// Nodes are of 20 classes with cpus, memory, GPUs and scratch disks; each shape asks for other
// amounts and another time limit. No disk, no network: what is measured is decide() + apply().
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "server/core/apply.h"
#include "server/core/decide.h"

namespace gd::core {
namespace {

struct Bench {
  Cluster cluster{std::make_shared<const ClusterConfig>(), TimePoint{}};
  TimePoint now{Seconds{1'700'000'000}};
  uint64_t requests = 0;

  Reply run(const Command& command) {
    auto decision = decide(cluster, command, now);
    if (!decision.ok()) {
      std::fprintf(stderr, "plan_bench: %s\n", decision.error().text.c_str());
      std::exit(1);
    }
    for (const Event& event : decision->events) apply(cluster, event);
    (void)cluster.take_changes();
    return std::move(decision->reply);
  }

  double timed_ms(const Command& command) {
    const double begin = cpu_ms();
    run(command);
    return cpu_ms() - begin;
  }

  static double cpu_ms() {  // of this thread: others may be busy too
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
  }

  void add_node(uint32_t number) {
    NodeInfo info;
    info.name = "n" + std::to_string(number);
    info.boot_id = "b";
    const uint32_t kind = number % 20;
    info.total = {32 + 16 * (kind % 5), 128'000 + 64'000 * (kind % 4), {}};
    if (kind % 4 == 0) info.total.gres.push_back({"gpu", "a100", 4 + kind % 8});
    if (kind % 3 == 0) info.total.gres.push_back({"nvme", "", 8});
    run(NodeArrived{NodeHello{info, 1}});
    NodeReport report;
    report.session = cluster.find_node(info.name)->link.session;
    report.number = 1;
    report.full = true;
    run(NodeTold{info.name, report});
  }

  Submit submission(uint32_t shape) {
    Submit command;
    command.actor = {1001, 1001, "alice", "users", {"users"}, false};
    command.request = {++requests, 1};
    command.spec.name = "bench";
    command.spec.cpus_per_task = 1 + shape % 8;
    command.spec.time_limit = Seconds{600 + 60 * (shape % 5000)};
    command.spec.memory_per_node_mib = 2'000 + 10 * (shape % 4000);
    if (shape % 5 == 0) command.spec.gres_per_node.push_back({"gpu", "", 1 + shape % 3});
    if (shape % 7 == 0) command.spec.gres_per_node.push_back({"nvme", "", 1 + shape % 4});
    if (shape % 11 == 0) {
      command.spec.nodes_min = 2 + shape % 7;
      command.spec.nodes_max = command.spec.nodes_min;
    }
    command.script = Digest{};
    return command;
  }

  // One of the running jobs ends.
  double end_one_ms() {
    const JobId id = *cluster.allocated_jobs().begin();
    const JobRecord& job = *cluster.find_job(id);
    StepStatus status;
    status.job = id;
    status.launch = job.launch;
    status.step = kBatchStep;
    status.phase = StepPhase::ended;
    NodeReport report;
    const NodeEntry& node = *cluster.find_node(job.batch_node);
    report.session = node.link.session;
    report.number = node.link.last_report + 1;
    report.steps = {status};
    return timed_ms(NodeTold{job.batch_node, report});
  }
};

struct Times {  // milliseconds
  std::vector<double> values;

  std::string text() {
    std::sort(values.begin(), values.end());
    char text[80];
    (void)std::snprintf(text, sizeof text, "median %.3f ms, longest %.3f ms",
                        values[values.size() / 2], values.back());
    return text;
  }
};

int bench(int argc, char** argv) {
  const auto number = [&](int at, uint32_t otherwise) {
    return argc > at ? static_cast<uint32_t>(std::strtoul(argv[at], nullptr, 10)) : otherwise;
  };
  const uint32_t jobs = number(1, 10'000);
  const uint32_t nodes = number(2, 100);
  const uint32_t shapes = number(3, 10);
  const uint32_t rounds = number(4, 200);
  Bench bed;
  for (uint32_t i = 0; i < nodes; ++i) bed.add_node(i);
  const size_t before = mallinfo2().uordblks;
  for (uint32_t i = 0; i < jobs; ++i) bed.run(bed.submission(i % shapes));
  const size_t after = mallinfo2().uordblks;
  std::printf("%u jobs of %u shapes, %u nodes of 20 classes\n", jobs, shapes, nodes);
  std::printf("memory of a waiting job   %zu octets\n", (after - before) / jobs);
  std::printf("first pass                %.2f ms, ", bed.timed_ms(SchedulePass{}));
  std::printf("%zu jobs started\n", bed.cluster.allocated_jobs().size());
  while (std::get<Passed>(bed.run(SchedulePass{})).more) {
  }  // until the cluster is full
  Times submit, pass_after_submit, end, pass_after_end;
  for (uint32_t i = 0; i < rounds; ++i) {
    bed.now += 10ms;
    submit.values.push_back(bed.timed_ms(bed.submission(i % shapes)));
    pass_after_submit.values.push_back(bed.timed_ms(SchedulePass{}));
    end.values.push_back(bed.end_one_ms());
    pass_after_end.values.push_back(bed.timed_ms(SchedulePass{}));
  }
  const double begin = Bench::cpu_ms();
  Cluster again(std::make_shared<const ClusterConfig>(), bed.now);
  again.restore(bed.cluster.counters());
  for (const auto& [name, node] : bed.cluster.nodes()) again.restore(node.record);
  for (const auto& [id, entry] : bed.cluster.jobs()) again.restore(entry.record);
  std::printf("all restored in           %.0f ms, without reading and decoding\n",
              Bench::cpu_ms() - begin);
  std::printf("submission                %s\n", submit.text().c_str());
  std::printf("the pass after it         %s\n", pass_after_submit.text().c_str());
  std::printf("end of a job              %s\n", end.text().c_str());
  std::printf("the pass after it         %s\n", pass_after_end.text().c_str());
  return 0;
}

}  // namespace
}  // namespace gd::core

int main(int argc, char** argv) {
  return gd::core::bench(argc, argv);
}

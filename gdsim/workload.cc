#include "gdsim/workload.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace gd::sim {

namespace {

Result<NodeClass> parse_node_class(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, 'x');
  if (parts.size() < 2 || parts.size() > 3) {
    return Error{ErrorCode::invalid, "'" + printable(text) +
                                         "' is not COUNTxCPUS or COUNTxCPUSxMEMORY, such as "
                                         "64x32x128G"};
  }
  NodeClass result;
  result.count = TRY(parse_number<uint32_t>(parts[0], 1, kMaxSimNodes));
  result.cpus = TRY(parse_number<uint32_t>(parts[1], 1, 65'536));
  if (parts.size() == 3) result.memory_mib = TRY(parse_mib(parts[2]));
  return result;
}

void add_nodes(Workload& workload, const NodeClass& row) {
  for (uint32_t i = 0; i < row.count; ++i) {
    sched::Node node;
    node.name = "n" + std::to_string(workload.nodes.size() + 1);
    node.usable = {row.cpus, row.memory_mib, {}};
    node.free = node.usable;
    node.exists = true;
    node.open = true;
    workload.nodes.push_back(std::move(node));
  }
}

// Of the nodes' memory, what each of so many tasks can have at most; 0: their memory is not said.
uint64_t most_memory_each(const std::vector<NodeClass>& classes, uint32_t tasks, uint64_t asked) {
  const auto room = [&](uint64_t each) {
    uint64_t fit = 0;
    for (const NodeClass& row : classes) {
      fit += row.count * std::min<uint64_t>(row.cpus, row.memory_mib / each);
    }
    return fit >= tasks;
  };
  const bool said = std::any_of(classes.begin(), classes.end(),
                                [](const NodeClass& row) { return row.memory_mib > 0; });
  if (!said || asked == 0 || room(asked)) return said ? asked : 0;
  uint64_t fits = 0;
  for (uint64_t beyond = asked; beyond - fits > 1;) {
    const uint64_t middle = fits + (beyond - fits) / 2;
    (room(middle) ? fits : beyond) = middle;
  }
  return fits;
}

}  // namespace

uint64_t Workload::cpus() const {
  uint64_t sum = 0;
  for (const sched::Node& node : nodes) sum += node.usable.cpus;
  return sum;
}

Result<std::vector<NodeClass>> parse_node_classes(std::string_view text) {
  std::vector<NodeClass> classes;
  uint64_t count = 0;
  for (const std::string_view part : split(text, ',')) {
    classes.push_back(TRY(parse_node_class(part)));
    count += classes.back().count;
  }
  if (count > kMaxSimNodes) {
    return Error{ErrorCode::exhausted, std::to_string(count) + " nodes, at most " +
                                           std::to_string(kMaxSimNodes) + " can be replayed"};
  }
  return classes;
}

Result<Workload> workload_of(const Trace& trace, const std::vector<NodeClass>& classes) {
  if (trace.jobs.empty()) return Error{ErrorCode::invalid, "there is no job in it"};
  Workload workload;
  if (classes.empty() && trace.processors == 0) {
    return Error{ErrorCode::invalid, "its head does not give MaxProcs; give --nodes"};
  }
  if (classes.empty() && trace.processors > kMaxSimNodes) {
    return Error{ErrorCode::exhausted, std::to_string(trace.processors) +
                                           " processors are too many one-processor nodes; give "
                                           "--nodes"};
  }
  if (classes.empty()) add_nodes(workload, {trace.processors, 1, 0});
  for (const NodeClass& row : classes) add_nodes(workload, row);
  sched::Partition partition;
  partition.name = "main";
  for (uint32_t i = 0; i < workload.nodes.size(); ++i) {
    partition.nodes.push_back(sched::NodeIndex{i});
  }
  workload.partitions.push_back(std::move(partition));

  const uint64_t most = workload.cpus();
  std::map<std::tuple<uint32_t, Seconds, uint64_t>, uint32_t> known;
  for (const TraceJob& row : trace.jobs) {
    const auto cpus = static_cast<uint32_t>(std::min<uint64_t>(row.processors, most));
    const auto next = static_cast<uint32_t>(workload.keys.size());
    const uint64_t memory = most_memory_each(classes, cpus, row.memory_mib);
    const auto [key, is_new] = known.try_emplace({cpus, row.limit, memory}, next);
    if (is_new) {
      sched::ShapeKey shape;
      shape.need.tasks = cpus;
      if (memory > 0)
        shape.need.memory_per_cpu_mib = memory;
      else
        shape.need.memory_per_node_mib = 0;
      shape.partitions = {sched::PartitionIndex{0}};
      shape.limit = row.limit;
      workload.keys.push_back(std::move(shape));
    }
    workload.jobs.push_back({row.id, row.submit, row.run, key->second, cpus, row.user, 0, 0});
  }
  return workload;
}

}  // namespace gd::sim

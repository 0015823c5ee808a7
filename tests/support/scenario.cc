#include "tests/support/scenario.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace gd::test {

using sched::NodeIndex;
using sched::PartitionIndex;

struct Scenario::Line {
  std::string kind;
  std::string name;
  std::map<std::string, std::string, std::less<>> values;

  bool has(std::string_view key) const { return values.contains(key); }
  std::string text(std::string_view key) const {
    const auto found = values.find(key);
    return found == values.end() ? std::string() : found->second;
  }
  uint64_t number(std::string_view key, uint64_t otherwise = 0) const {
    if (!has(key)) return otherwise;
    auto number = parse_number<uint64_t>(text(key));
    GD_CHECK(number.ok(), kind, name, key);
    return number.value();
  }
  std::vector<std::string> list(std::string_view key) const {
    std::vector<std::string> result;
    if (!has(key)) return result;
    const std::string all = text(key);
    for (const std::string_view one : split(all, ',')) result.emplace_back(one);
    return result;
  }
};

Scenario Scenario::parse(std::string_view text) {
  Scenario scenario;
  std::vector<Line> lines;
  for (const std::string_view row : split(text, '\n')) {
    const std::vector<std::string_view> words = split_words(row);
    if (words.empty()) continue;
    GD_CHECK(words.size() >= 2, row);
    Line line{std::string(words[0]), std::string(words[1]), {}};
    for (size_t i = 2; i < words.size(); ++i) {
      const size_t at = words[i].find('=');
      const bool has_value = at != std::string_view::npos;
      line.values[std::string(words[i].substr(0, at))] =
          has_value ? std::string(words[i].substr(at + 1)) : std::string();
    }
    lines.push_back(std::move(line));
  }
  for (const Line& line : lines)
    if (line.kind == "node") scenario.add_node(line);
  for (const Line& line : lines)
    if (line.kind == "partition") scenario.add_partition(line);
  if (scenario.partitions_.empty()) scenario.add_partition({"partition", "main", {}});
  for (const Line& line : lines) {
    if (line.kind == "run")
      scenario.add_run(line);
    else if (line.kind == "queue")
      scenario.add_job(line);
    else
      GD_CHECK(line.kind == "node" || line.kind == "partition", line.kind);
  }
  return scenario;
}

void Scenario::add_node(const Line& line) {
  sched::Node node;
  node.name = "n" + line.name;
  node.features = line.list("features");
  node.usable = {static_cast<uint32_t>(line.number("cpus", 1)), line.number("mem", 100'000), {}};
  node.free = node.usable;
  node.exists = true;
  node.open = !line.has("closed");
  nodes_.push_back(std::move(node));
}

void Scenario::add_partition(const Line& line) {
  sched::Partition partition;
  partition.name = line.name;
  partition.tier = static_cast<uint32_t>(line.number("tier", 1));
  partition.up = !line.has("down");
  const std::vector<std::string> members = line.list("nodes");
  for (uint32_t i = 0; i < nodes_.size(); ++i) {
    const std::string number = nodes_[i].name.substr(1);
    const bool in = std::find(members.begin(), members.end(), number) != members.end();
    if (members.empty() || in) partition.nodes.push_back(NodeIndex{i});
  }
  partitions_.push_back(std::move(partition));
}

void Scenario::add_run(const Line& line) {
  const std::string name = "n" + line.text("on");
  for (sched::Node& node : nodes_) {
    if (node.name != name) continue;
    const Resources held{static_cast<uint32_t>(line.number("cpus", 1)), line.number("mem"), {}};
    node.shares.push_back({JobId{static_cast<uint32_t>(std::stoul(line.name))}, held,
                           TimePoint{Seconds{line.number("until", 1)}}});
    subtract(node.free, held);
    return;
  }
  GD_CHECK(false, name);
}

void Scenario::add_job(const Line& line) {
  const JobId job{static_cast<uint32_t>(std::stoul(line.name))};
  JobSpec spec;
  spec.cpus_per_task = static_cast<uint32_t>(line.number("cpus", 1));
  if (line.has("nodes")) {
    spec.nodes_min = static_cast<uint32_t>(line.number("nodes"));
    spec.nodes_max = spec.nodes_min;
  }
  if (line.has("tasks")) spec.tasks = static_cast<uint32_t>(line.number("tasks"));
  if (line.has("per_node")) spec.tasks_per_node = static_cast<uint32_t>(line.number("per_node"));
  spec.memory_per_node_mib = line.number("mem", 0);
  spec.exclusive = line.has("exclusive");

  sched::ShapeKey key;
  key.need = sched::need_of(spec);
  key.constraint = line.text("features");
  key.node_list = line.list("list");
  key.exclude = line.list("exclude");
  key.limit = Seconds{line.number("limit", 100)};
  const std::string wanted = line.has("partition") ? line.text("partition") : partitions_[0].name;
  sched::QueueKey place{0, -static_cast<double>(line.number("nice")), job};
  for (const std::string_view name : split(wanted, ',')) {
    for (uint32_t i = 0; i < partitions_.size(); ++i) {
      if (partitions_[i].name != name) continue;
      key.partitions.push_back(PartitionIndex{i});
      place.tier = std::max(place.tier, partitions_[i].tier);
    }
  }
  const sched::ShapeId shape = shapes_.intern(key, nodes_, partitions_);
  queue_.add(place, shape);
  shape_of_[job] = shape;
}

std::string Scenario::names(const sched::Placement& placement) const {
  std::string text;
  for (const sched::NodeUse& use : placement.uses) {
    if (!text.empty()) text += "+";
    text += nodes_[use.node.value].name;
  }
  return text;
}

std::string Scenario::render(const sched::Plan& plan) const {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  const auto number = [](JobId job) { return std::to_string(job.value); };
  for (const sched::Start& one : plan.starts) {
    add("start " + number(one.job) + " " + names(one.placement));
  }
  for (const sched::Promise& one : plan.promises) {
    const auto at = std::chrono::floor<Seconds>(one.at.time_since_epoch()).count();
    add("reserve " + number(one.job) + " @" + std::to_string(at));
  }
  for (const sched::Verdict& one : plan.verdicts) {
    if (one.reason == Reason::partition_config) add("reject " + number(one.job));
  }
  return text;
}

std::string Scenario::reasons(const sched::Plan& plan) {
  std::map<JobId, Reason> by_job;
  for (const sched::Verdict& one : plan.verdicts) by_job.emplace(one.job, one.reason);
  std::string text;
  for (const auto& [job, reason] : by_job) {
    text +=
        (text.empty() ? "" : "; ") + std::to_string(job.value) + " " + std::string(name(reason));
  }
  return text;
}

}  // namespace gd::test

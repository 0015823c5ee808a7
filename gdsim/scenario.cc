#include "gdsim/scenario.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "gdsim/scenario_line.h"
#include "proto/job_spec.h"
#include "server/sched/licences.h"

namespace gd::sim {

namespace {

using sched::NodeIndex;
using sched::PartitionIndex;

constexpr Seconds kMaxTime{kMaxScenarioTime};
constexpr uint32_t kMaxCount = 1'000'000;  // of cpus, tasks, nodes
constexpr size_t kMaxSections = 10'000;    // of limits, of one kind

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

class Builder {
 public:
  Result<void> add(Line& line) {
    if (line.kind() == "node") return add_node(line);
    if (line.kind() == "partition") return add_partition(line);
    if (line.kind() == "reserve") return add_reservation(line);
    if (line.kind() == "preempt") return add_preemption(line);
    if (line.kind() == "license") return add_licence(line);
    if (line.kind() == "qos") return add_limits(line, workload_.limits.qos, QosLimits{});
    if (line.kind() == "user") return add_user(line);
    if (line.kind() == "account") return add_account(line);
    if (line.kind() == "run") return add_run(line);
    if (line.kind() == "queue") return add_job(line);
    return add_expected(line);
  }

  void all_nodes() {  // the partition of who names none
    if (!workload_.partitions.empty()) return;
    sched::Partition main;
    main.name = "main";
    for (uint32_t i = 0; i < workload_.nodes.size(); ++i) main.nodes.push_back(NodeIndex{i});
    workload_.partitions.push_back(std::move(main));
    workload_.partition_terms.push_back(sched::preempt_terms(workload_.preempt, nullptr));
  }

  void line_up() {  // the jobs by their submission
    std::stable_sort(workload_.jobs.begin(), workload_.jobs.end(),
                     [](const WorkJob& a, const WorkJob& b) { return a.submit < b.submit; });
    for (uint32_t i = 0; i < workload_.jobs.size(); ++i) jobs_[workload_.jobs[i].id] = i;
    for (const auto& [job, others] : after_) {
      std::vector<uint32_t>& places = workload_.after[jobs_.at(job)];
      for (const int64_t other : others) places.push_back(jobs_.at(other));
    }
  }

  Workload take() { return std::move(workload_); }

 private:
  Result<void> add_node(Line& line) {
    sched::Node node;
    node.name = "n" + std::string(line.name());
    node.features = line.list("features");
    node.usable.cpus = TRY(line.number<uint32_t>("cpus", 1, 1, kMaxCount));
    node.usable.memory_mib = TRY(line.number<uint64_t>("mem", 100'000, 0, uint64_t{1} << 40));
    node.free = node.usable;
    node.exists = true;
    node.open = !line.has("closed");
    const auto index = static_cast<uint32_t>(workload_.nodes.size());
    if (index == kMaxSimNodes) return invalid("more than 1000000 nodes");
    if (!nodes_.emplace(node.name, index).second) return invalid("it is there already");
    workload_.nodes.push_back(std::move(node));
    return {};
  }

  Result<void> add_partition(Line& line) {
    sched::Partition partition;
    partition.name = line.name();
    partition.tier = TRY(line.number<uint32_t>("tier", 1, 0, 65'535));
    partition.up = !line.has("down");
    const std::vector<std::string> members = line.list("nodes");
    const std::set<std::string_view> wanted(members.begin(), members.end());
    for (uint32_t i = 0; i < workload_.nodes.size(); ++i) {
      const std::string_view number = std::string_view(workload_.nodes[i].name).substr(1);
      if (members.empty() || wanted.contains(number)) partition.nodes.push_back(NodeIndex{i});
    }
    if (partition.nodes.size() < wanted.size()) return invalid("a node of it is not there");
    for (const sched::Partition& other : workload_.partitions) {
      if (other.name == partition.name) return invalid("it is there already");
    }
    sched::PreemptTerms terms = sched::preempt_terms(workload_.preempt, nullptr);
    if (line.has("preempt_mode")) terms.mode = TRY(mode_of(line, "preempt_mode"));
    terms.grace = TRY(line.time("grace_time", Seconds{0}));
    workload_.partitions.push_back(std::move(partition));
    workload_.partition_terms.push_back(terms);
    return {};
  }

  static Result<PreemptMode> mode_of(Line& line, std::string_view key) {
    Result<PreemptMode> mode = parse_preempt_mode(line.text(key));
    if (!mode.ok()) return std::move(mode).error().in(key);
    return mode;
  }

  Result<void> add_preemption(Line& line) {
    sched::PreemptPolicy& preempt = workload_.preempt;
    if (preempt.type != PreemptType::none) return invalid("it is there already");
    if (line.name() != "qos" && line.name() != "partition_prio") {
      return invalid("it goes by qos or by partition_prio");
    }
    preempt.type = line.name() == "qos" ? PreemptType::qos : PreemptType::partition_prio;
    preempt.mode = TRY(mode_of(line, "mode"));
    preempt.exempt = TRY(line.time("exempt", Seconds{0}));
    return {};
  }

  Result<void> add_reservation(Line& line) {
    sched::Reservation row;
    row.id = static_cast<uint32_t>(workload_.reservations.size() + 1);
    row.start = TimePoint{TRY(line.time("start", Seconds{0}))};
    row.end = TimePoint{TRY(line.time("end", kMaxTime))};
    if (row.end <= row.start) return invalid("it ends before it begins");
    if (row.id > kMaxSections) return invalid("more than 10000 of them");
    for (const std::string& name : line.list("nodes")) {
      const auto node = nodes_.find("n" + name);
      if (node == nodes_.end()) return invalid("node '" + printable(name) + "' is not there");
      row.nodes.push_back(NodeIndex{node->second});
    }
    std::sort(row.nodes.begin(), row.nodes.end());
    row.nodes.erase(std::unique(row.nodes.begin(), row.nodes.end()), row.nodes.end());
    if (!reservations_.emplace(line.name(), row.id).second) return invalid("it is there already");
    workload_.reservations.push_back(std::move(row));
    workload_.reservation_names.emplace_back(line.name());
    return {};
  }

  Result<void> add_licence(Line& line) {
    LicenceLimit licence;
    licence.name = line.name();
    licence.count = TRY(line.number<uint32_t>("count", 1, 0, kMaxCount));
    for (const LicenceLimit& other : workload_.limits.licences) {
      if (other.name == licence.name) return invalid("it is there already");
    }
    workload_.limits.licences.push_back(std::move(licence));
    licences_.configure(workload_.limits.licences);
    return {};
  }

  template <class Row>
  Result<void> add_limits(Line& line, std::vector<Row>& rows, Row row) {
    row.name = line.name();
    for (const Row& other : rows) {
      if (other.name == row.name) return invalid("it is there already");
    }
    if (rows.size() == kMaxSections) return invalid("more than 10000 of them");
    if constexpr (std::is_same_v<Row, QosLimits>)
      TRY(line.limits(row));
    else
      TRY(line.limits(row.limits));
    rows.push_back(std::move(row));
    return {};
  }

  Result<void> add_user(Line& line) {
    return add_limits(line, workload_.limits.users, UserLimits{});
  }

  Result<void> add_account(Line& line) {
    AccountLimits account;
    account.parent = line.text("parent");
    const auto& all = workload_.limits.accounts;
    const bool known = account.parent.empty() ||
                       std::any_of(all.begin(), all.end(), [&](const AccountLimits& other) {
                         return other.name == account.parent;
                       });
    if (!known) return invalid("its parent '" + printable(account.parent) + "' is not there");
    return add_limits(line, workload_.limits.accounts, std::move(account));
  }

  uint32_t owner_of(Line& line) {
    sched::Owner owner;
    owner.account = line.text("account");
    owner.user = line.text("user");
    if (line.has("qos")) owner.qos = line.text("qos");
    if (owners_.empty()) owners_.emplace(workload_.owners[0], 0);
    const auto [place, is_new] =
        owners_.try_emplace(owner, static_cast<uint32_t>(workload_.owners.size()));
    if (is_new) workload_.owners.push_back(owner);
    return place->second;
  }

  Result<std::vector<sched::LicenceNeed>> licences_of(Line& line) {
    if (!line.has("licenses")) return std::vector<sched::LicenceNeed>{};
    const std::vector<GresCount> asked = TRY(parse_licences(line.text("licenses")));
    std::string unknown;
    auto needs = licences_.resolve(asked, &unknown);
    if (!needs) return invalid("licence '" + unknown + "' is not there");
    return *std::move(needs);
  }

  Result<void> add_run(Line& line) {
    const auto node = nodes_.find("n" + std::string(line.text("on")));
    if (node == nodes_.end()) {
      return invalid("node '" + printable(line.text("on")) + "' is not there");
    }
    Running row;
    row.job = JobId{TRY(line.id())};
    row.node = NodeIndex{node->second};
    row.held.cpus = TRY(line.number<uint32_t>("cpus", 1, 0, kMaxCount));
    row.held.memory_mib = TRY(line.number<uint64_t>("mem", 0, 0, uint64_t{1} << 40));
    row.until = TRY(line.time("until", Seconds{1}));
    row.began = -TRY(line.time("age", Seconds{0}));
    row.owner = owner_of(line);
    if (line.has("partition")) row.partition = TRY(partition_called(line.text("partition"))).value;
    row.licences = TRY(licences_of(line));
    Resources& used = used_[node->second];
    add_to(used, row.held);
    if (!fits_in(used, workload_.nodes[node->second].usable)) {
      return invalid("it does not fit on " + workload_.nodes[node->second].name);
    }
    workload_.running.push_back(std::move(row));
    return {};
  }

  static void add_to(Resources& total, const Resources& more) { gd::add(total, more); }

  Result<JobSpec> spec_of(Line& line) {
    JobSpec spec;
    spec.cpus_per_task = TRY(line.number<uint32_t>("cpus", 1, 1, kMaxCount));
    if (line.has("nodes")) {
      spec.nodes_min = TRY(line.number<uint32_t>("nodes", 1, 1, kMaxCount));
      spec.nodes_max = spec.nodes_min;
    }
    if (line.has("tasks")) spec.tasks = TRY(line.number<uint32_t>("tasks", 1, 1, kMaxCount));
    if (line.has("per_node")) {
      spec.tasks_per_node = TRY(line.number<uint32_t>("per_node", 1, 1, 4'000));
    }
    spec.memory_per_node_mib = TRY(line.number<uint64_t>("mem", 0, 0, uint64_t{1} << 40));
    spec.exclusive = line.has("exclusive");
    return spec;
  }

  Result<sched::ShapeKey> key_of(Line& line) {
    sched::ShapeKey key;
    const JobSpec spec = TRY(spec_of(line));
    key.need = sched::need_of(spec);
    key.constraint = line.text("features");
    TRY(sched::check_constraint(key.constraint));
    key.node_list = line.list("list");
    key.exclude = line.list("exclude");
    key.limit = Seconds{TRY(line.number<int64_t>("limit", 100, 1, kMaxScenarioTime))};
    key.licences = TRY(licences_of(line));
    if (line.has("reservation")) {
      const auto reservation = reservations_.find(line.text("reservation"));
      if (reservation == reservations_.end()) {
        return invalid("reservation '" + printable(line.text("reservation")) + "' is not there");
      }
      key.reservation = reservation->second;
    }
    const std::string_view wanted =
        line.has("partition") ? line.text("partition") : workload_.partitions[0].name;
    for (const std::string_view name : split(wanted, ',')) {
      key.partitions.push_back(TRY(partition_called(name)));
    }
    return key;
  }

  [[nodiscard]] Result<PartitionIndex> partition_called(std::string_view name) const {
    const auto& all = workload_.partitions;
    const auto found = std::ranges::find(all, name, &sched::Partition::name);
    if (found == all.end()) return invalid("partition '" + printable(name) + "' is not there");
    return PartitionIndex{static_cast<uint32_t>(found - all.begin())};
  }

  Result<void> add_job(Line& line) {
    WorkJob job;
    job.id = TRY(line.id());
    const sched::ShapeKey key = TRY(key_of(line));
    job.submit = TRY(line.time("at", Seconds{0}));
    job.run = TRY(line.time("run", key.limit));
    job.run = std::min(job.run, key.limit);
    job.nice = TRY(line.number<int32_t>("nice", 0, -1'000'000, 1'000'000));
    job.cpus = static_cast<uint32_t>(
        std::min<uint64_t>(kMaxCount, uint64_t{key.need.tasks} * key.need.cpus_per_task));
    job.owner = owner_of(line);
    const auto user = static_cast<uint32_t>(users_.size());
    job.user = users_.try_emplace(line.text("user"), user).first->second;
    const auto next = static_cast<uint32_t>(workload_.keys.size());
    const auto [place, is_new] = keys_.try_emplace(key, next);
    if (is_new) workload_.keys.push_back(key);
    job.key = place->second;
    TRY(wait_for_others(line, job));
    const auto place_of_job = static_cast<uint32_t>(workload_.jobs.size());
    if (!jobs_.emplace(job.id, place_of_job).second) return invalid("it is there already");
    workload_.jobs.push_back(job);
    return {};
  }

  Result<void> wait_for_others(Line& line, const WorkJob& job) {
    if (!line.has("after")) return {};
    const std::vector<int64_t> others = TRY(line.numbers<int64_t>("after", 1, 1U << 30));
    for (const int64_t other : others) {
      const auto place = jobs_.find(other);
      if (place == jobs_.end()) {
        return invalid("after: job " + std::to_string(other) + " is on no line before it");
      }
      if (workload_.jobs[place->second].submit > job.submit) {
        return invalid("after: job " + std::to_string(other) + " is submitted later");
      }
    }
    after_.emplace(job.id, others);
    return {};
  }

  Result<void> add_expected(Line& line) {
    const int64_t id = TRY(line.id());
    const auto job = jobs_.find(id);
    if (job == jobs_.end()) return invalid("no such job is queued");
    if (!expected_.insert(job->second).second) return invalid("it is there already");
    Expected row{.job = job->second, .starts = {}, .ends = {}, .nodes = {}};
    row.starts = TRY(moments(line, "start"));
    row.ends = TRY(moments(line, "end"));
    row.nodes = line.text("on");
    if (row.starts.empty() && row.ends.empty() && row.nodes.empty()) {
      return invalid("it says none of start=, end=, on=");
    }
    workload_.expected.push_back(std::move(row));
    return {};
  }

  static Result<std::vector<Seconds>> moments(Line& line, std::string_view key) {
    std::vector<Seconds> result;
    for (const int64_t at : TRY(line.numbers<int64_t>(key, 0, kMaxScenarioTime))) {
      result.emplace_back(at);
    }
    return result;
  }

  Workload workload_;
  std::map<std::string, uint32_t, std::less<>> nodes_;
  std::map<uint32_t, Resources> used_;
  std::map<sched::ShapeKey, uint32_t> keys_;
  std::map<std::string_view, uint32_t> users_;
  std::map<sched::Owner, uint32_t> owners_;
  std::map<std::string_view, uint32_t> reservations_;
  sched::Licences licences_;
  std::map<int64_t, uint32_t> jobs_;  // places in Workload::jobs
  std::map<int64_t, std::vector<int64_t>> after_;
  std::set<uint32_t> expected_;
};

}  // namespace

Result<Workload> parse_scenario(std::string_view text) {
  if (text.size() > kMaxScenarioBytes) {
    return Error{ErrorCode::exhausted, std::to_string(text.size()) +
                                           " octets, a scenario has at "
                                           "most " +
                                           std::to_string(kMaxScenarioBytes)};
  }
  std::vector<NumberedLine> lines = TRY(lines_of(text));
  constexpr std::string_view kKinds[] = {"node",    "preempt", "partition", "reserve",
                                         "license", "qos",     "account",   "user",
                                         "run",     "queue",   "expect"};
  for (const NumberedLine& row : lines) {
    const std::string_view kind = row.line.kind();
    if (std::find(std::begin(kKinds), std::end(kKinds), kind) == std::end(kKinds)) {
      return invalid("line " + std::to_string(row.number) + ": unknown kind '" + printable(kind) +
                     "'" + did_you_mean(kind, kKinds));
    }
  }
  Builder builder;
  for (const std::string_view kind : kKinds) {  // whatever their order in the text
    if (kind == "run") builder.all_nodes();
    if (kind == "expect") builder.line_up();
    for (auto& [number, line] : lines) {
      if (line.kind() != kind) continue;
      Result<void> added = builder.add(line);
      if (added.ok()) added = line.done();
      if (added.ok()) continue;
      return std::move(added).error().in("line " + std::to_string(number) + ": " +
                                         std::string(kind) + " " + printable(line.name(), 40));
    }
  }
  Workload workload = builder.take();
  TRY(check_preempt_lists(workload.limits));
  return workload;
}

}  // namespace gd::sim

// Each kind of change is searched by halving for the largest request that would start: what fits
// fits too if it is made smaller.
#include "server/core/why_hints.h"

#include <functional>

#include "base/duration.h"
#include "base/text.h"
#include "server/core/admission.h"
#include "server/core/associations.h"
#include "server/core/why.h"
#include "server/sched/outlook.h"

namespace gd::core {

namespace {

class Hints {
 public:
  Hints(const Cluster& cluster, const JobRecord& job, TimePoint now)
      : cluster_(cluster),
        job_(job),
        book_(cluster.limits()),
        qos_(known_qos()),
        view_(with(cluster.view(now), book_)),
        outlook_(cluster.config().policy, view_, turn()) {}

  std::vector<std::string> all() {
    if (job_.spec->kind != JobKind::batch) return {};  // its client waits; it may ask anew
    cpus();
    tasks();
    memory();
    length();
    other_qos();
    other_partition();
    return std::move(found_);
  }

 private:
  using Change = std::function<void(JobSpec&, std::optional<Seconds>& limit)>;

  // Before the pass: it copies the counters that are there.
  std::vector<std::string> known_qos() {
    std::vector<std::string> names{kNormalQos};
    for (const QosLimits& qos : book_.settings().qos) {
      if (qos.name != kNormalQos) names.push_back(qos.name);
    }
    sched::Owner owner = owner_of(job_);
    for (const std::string& name : names) {
      owner.qos = name;
      book_.claim_of(owner);
    }
    return names;
  }

  static sched::View with(sched::View view, const sched::LimitBook& book) {
    view.limits = &book;
    return view;
  }

  // Its place in line; one that is not in the queue is looked at as if it were.
  sched::Turn turn() const {
    const JobEntry& entry = cluster_.jobs().at(job_.id);
    return {cluster_.standing_of(entry, shape_key_of(cluster_, job_)), queue_key_of(job_),
            job_.time_limit.value_or(sched::kForever), shape_key_of(cluster_, job_).reservation};
  }

  bool starts(const Change& change) {
    if (++tries_ > kMostTries) return false;
    JobRecord other = job_;
    JobSpec spec = *job_.spec;
    change(spec, other.time_limit);
    if (spec.time_limit) other.time_limit = spec.time_limit;
    if (!choose_owner(cluster_, job_.user, spec).ok()) return false;
    other.spec = std::make_shared<const JobSpec>(std::move(spec));
    if (limit_obstacle(cluster_, other)) return false;
    const sched::ShapeKey key = shape_key_of(cluster_, other);
    if (key.partitions.empty()) return false;
    if (!check_owner(cluster_, *other.spec, key.partitions).ok()) return false;
    const sched::Shape shape =
        cluster_.shapes().judge(key, cluster_.machine(), cluster_.partitions());
    return outlook_.starts(shape, book_.claim_of(owner_of(other)));
  }

  // The most below `now` that would start; 0: none.
  uint64_t most(uint64_t now, const std::function<bool(uint64_t)>& fits) {
    if (now < 2 || !fits(1)) return 0;
    uint64_t low = 1;
    uint64_t high = now;  // does not
    while (high - low > 1) {
      const uint64_t middle = low + (high - low) / 2;
      (fits(middle) ? low : high) = middle;
    }
    return low;
  }

  void add(const std::string& assignment) {
    if (found_.size() == kMostSuggestions) return;
    found_.push_back("gdctl update " + std::to_string(job_.id.value) + " " + assignment);
  }

  void cpus() {
    const uint64_t now = job_.spec->cpus_per_task.value_or(1);
    const uint64_t best = most(now, [&](uint64_t n) {
      return starts([n](JobSpec& spec, auto&) { spec.cpus_per_task = static_cast<uint32_t>(n); });
    });
    if (best > 0) add("CPUs/Task=" + std::to_string(best));
  }

  void tasks() {
    const uint64_t now = job_.spec->tasks.value_or(1);
    const uint64_t best = most(now, [&](uint64_t n) {
      return starts([n](JobSpec& spec, auto&) { spec.tasks = static_cast<uint32_t>(n); });
    });
    if (best > 0) add("NumTasks=" + std::to_string(best));
  }

  void memory() {
    if (!job_.spec->memory_per_node_mib) return;
    const uint64_t best = most(*job_.spec->memory_per_node_mib, [&](uint64_t mib) {
      return starts([mib](JobSpec& spec, auto&) { spec.memory_per_node_mib = mib; });
    });
    if (best > 0) add("MinMemoryNode=" + std::to_string(best));
  }

  // Whole minutes: nobody asks for seconds.
  void length() {
    constexpr uint64_t kMostMinutes = 366 * 24 * 60;
    const uint64_t now =
        job_.time_limit ? static_cast<uint64_t>(
                              std::chrono::ceil<std::chrono::minutes>(*job_.time_limit).count())
                        : kMostMinutes;
    const uint64_t best = most(std::min(now, kMostMinutes), [&](uint64_t minutes) {
      return starts(
          [minutes](JobSpec& spec, auto&) { spec.time_limit = std::chrono::minutes{minutes}; });
    });
    if (best > 0) add("TimeLimit=" + format_time_limit(std::chrono::minutes{best}));
  }

  void other_qos() {
    for (const std::string& name : qos_) {
      if (name == qos_of(*job_.spec) || qos_.size() == 1) continue;
      if (!starts([&](JobSpec& spec, auto&) { spec.qos = name; })) continue;
      return add("QOS=" + name);
    }
  }

  // Those that are open to everybody: the user's groups are not known here.
  void other_partition() {
    for (const PartitionConfig& partition : cluster_.partition_configs()) {
      if (!partition.allow_groups.empty() || !partition.allow_users.empty()) continue;
      if (!partition.allow_images.empty() || job_.spec->partition == partition.name) continue;
      if (job_.spec->image.root_inside && !partition.root_inside) continue;
      if (!starts([&](JobSpec& spec, auto&) { spec.partition = partition.name; })) continue;
      return add("Partition=" + partition.name);
    }
  }

  const Cluster& cluster_;
  const JobRecord& job_;
  sched::LimitBook book_;
  const std::vector<std::string> qos_;
  const sched::View view_;
  sched::Outlook outlook_;
  std::vector<std::string> found_;
  size_t tries_ = 0;
};

}  // namespace

std::vector<std::string> hints(const Cluster& cluster, const JobRecord& job, TimePoint now) {
  return Hints(cluster, job, now).all();
}

}  // namespace gd::core

// Whether a job may come in, and what the planner is asked for it.
#include "server/core/admission.h"

#include <algorithm>

#include "base/hostlist.h"
#include "base/image_name.h"
#include "base/text.h"
#include "proto/message_type.h"
#include "server/core/associations.h"
#include "server/core/check_form.h"
#include "server/core/image_policy.h"
#include "server/core/more_memory.h"
#include "server/sched/explain.h"

namespace gd::core {

namespace {

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

std::vector<std::string> names_of_partitions(const Cluster& cluster) {
  std::vector<std::string> names;
  for (const sched::Partition& partition : cluster.partitions()) names.push_back(partition.name);
  return names;
}

Result<std::vector<sched::PartitionIndex>> partitions_of(const Cluster& cluster,
                                                         const std::string& text) {
  std::vector<sched::PartitionIndex> result;
  for (const std::string_view name : split(text, ',')) {
    const auto index = cluster.find_partition(name);
    if (!index) {
      const std::vector<std::string> known = names_of_partitions(cluster);
      const std::vector<std::string_view> views(known.begin(), known.end());
      return Error{ErrorCode::not_found, "invalid partition specified: " + printable(name) +
                                             "; known are: " + join(known, ",") +
                                             did_you_mean(name, views)};
    }
    if (std::find(result.begin(), result.end(), *index) == result.end()) result.push_back(*index);
  }
  return result;
}

bool any_in(const std::vector<std::string>& list, const std::vector<std::string>& allowed) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& one) {
    return std::find(allowed.begin(), allowed.end(), one) != allowed.end();
  });
}

bool admits(const PartitionConfig& partition, const Actor& actor) {
  if (actor.administrator) return true;
  if (partition.allow_groups.empty() && partition.allow_users.empty()) return true;
  return any_in({actor.user}, partition.allow_users) ||
         any_in(actor.groups, partition.allow_groups);
}

Result<void> check_rights(const Cluster& cluster, const Actor& actor, const JobSpec& spec,
                          const std::vector<sched::PartitionIndex>& partitions) {
  if (actor.uid == 0 && !cluster.config().allow_root_jobs) {
    return Error{ErrorCode::denied, "user root may not submit jobs; allow_root_jobs is not set"};
  }
  if (actor.administrator) return {};
  if (spec.nice < 0) {
    return Error{ErrorCode::denied, "nice " + std::to_string(spec.nice) +
                                        " is below 0: only an administrator may ask for that"};
  }
  if (spec.priority) {
    return Error{ErrorCode::denied, "only an administrator may set a priority"};
  }
  for (const sched::PartitionIndex index : partitions) {
    const PartitionConfig& partition = cluster.partition_configs()[index.value];
    if (!admits(partition, actor)) {
      return Error{ErrorCode::denied,
                   "user " + actor.user + " is not allowed in partition " + partition.name};
    }
  }
  return {};
}

// The limit in force: the asked one, else the first partition's default, else its maximum.
std::optional<Seconds> limit_in_force(const Cluster& cluster, const JobSpec& spec,
                                      const std::vector<sched::PartitionIndex>& partitions) {
  if (spec.time_limit) return spec.time_limit;
  for (const sched::PartitionIndex index : partitions) {
    const PartitionConfig& partition = cluster.partition_configs()[index.value];
    if (partition.default_time) return partition.default_time;
    if (partition.max_time) return partition.max_time;
  }
  return std::nullopt;
}

Result<std::optional<ArrayPart>> array_of(const Cluster& cluster, const JobSpec& spec) {
  std::optional<ArrayPart> part;
  if (spec.array.empty()) return part;
  ArraySpec array = TRY(parse_array_spec(spec.array));
  const uint32_t most = cluster.config().max_array_size;
  if (array.elements.back() >= most) {
    return invalid("array: element " + std::to_string(array.elements.back()) +
                   " asked, max_array_size is " + std::to_string(most) +
                   ", so the last possible one is " + std::to_string(most - 1));
  }
  part.emplace();
  part->elements = std::move(array.elements);
  part->limit = array.limit;
  return part;
}

bool longer(std::optional<Seconds> limit, const PartitionConfig& partition) {
  return partition.max_time && (!limit || *limit > *partition.max_time);
}

}  // namespace

Obstacle obstacle_of(const Cluster& cluster, const JobRecord& job) {
  if (std::optional<Obstacle> limited = limit_obstacle(cluster, job)) return *std::move(limited);
  const sched::ShapeKey key = shape_key_of(cluster, job);
  if (key.partitions.empty()) {
    const auto partitions = partitions_of(cluster, job.spec->partition);
    if (!partitions.ok()) return {Reason::partition_config, partitions.error().text};
    const PartitionConfig& first = cluster.partition_configs()[partitions->front().value];
    if (longer(job.time_limit, first)) {
      return {Reason::partition_time_limit,
              "time limit of " + std::to_string(job.time_limit.value_or(Seconds{0}).count()) +
                  " s is over the " + std::to_string(first.max_time->count()) + " s of partition " +
                  first.name};
    }
    return {Reason::partition_config, std::to_string(job.spec->nodes_min) +
                                          " nodes asked, a job of partition " + first.name +
                                          " may have " + std::to_string(*first.max_nodes)};
  }
  const sched::Shape* known = cluster.shapes().find(key);  // most jobs are like others
  if (known != nullptr && known->possible()) return {};
  const sched::Shape shape = cluster.shapes().judge(key, cluster.machine(), cluster.partitions());
  if (shape.possible()) return {};
  return {Reason::partition_config,
          sched::why_impossible(shape, cluster.machine(), cluster.partitions())};
}

Result<Admitted> admit(const Cluster& cluster, const Actor& actor, const JobSpec& asked) {
  TRY(check_form(asked));
  JobSpec spec = asked;
  TRY(settle_retry(spec));
  if (spec.partition.empty()) {
    const auto index = cluster.default_partition();
    if (!index) return invalid("no partition given, and the cluster has no default one");
    spec.partition = cluster.partitions()[index->value].name;
  }
  const std::vector<sched::PartitionIndex> partitions = TRY(partitions_of(cluster, spec.partition));
  // A container that is kept on a node knows its image; nobody else does.
  const bool keeps = !spec.image.container.empty();
  TRY(check_rights(cluster, actor, spec, partitions));
  TRY(choose_owner(cluster, actor.user, spec));
  if (spec.image.name.empty() && !keeps) {
    spec.image.name = default_image(cluster, actor.user, spec.account, partitions.front());
  }
  TRY(check_owner(cluster, spec, partitions));
  TRY(check_licences(cluster, spec));
  TRY(check_reservation(cluster, actor, spec));
  TRY(check_image_policy(cluster, actor.user, spec.account, spec.image, partitions));

  Admitted result;
  result.dependency = TRY(parse_dependency(spec.dependency));
  result.array = TRY(array_of(cluster, spec));
  result.time_limit = limit_in_force(cluster, spec, partitions);
  if (const auto most = cluster.limits().max_wall({spec.account, actor.user, qos_of(spec)});
      most && !spec.time_limit && (!result.time_limit || *most < *result.time_limit)) {
    result.time_limit = most;
  }
  if (spec.tasks && *spec.tasks < spec.nodes_min) {
    result.warnings.push_back("can't run " + std::to_string(*spec.tasks) + " tasks on " +
                              std::to_string(spec.nodes_min) + " nodes, setting nodes to " +
                              std::to_string(*spec.tasks));
  }
  result.spec = std::make_unique<const JobSpec>(std::move(spec));
  JobRecord probe;
  probe.spec = result.spec;
  probe.user = actor.user;
  probe.time_limit = result.time_limit;
  Obstacle wait = obstacle_of(cluster, probe);
  const bool refuse = cluster.config().enforce_part_limits || denies_on_limit(cluster, probe);
  if (wait.reason != Reason::priority && refuse) return invalid(wait.text);
  if (wait.reason != Reason::priority) {
    result.warnings.push_back("the job has to wait: " + wait.text);
  }
  result.reason = wait.reason;
  result.reason_text = std::move(wait.text);
  return result;
}

sched::ShapeKey shape_key_of(const Cluster& cluster, const JobRecord& job) {
  const JobSpec& spec = *job.spec;
  sched::ShapeKey key;
  for (const std::string_view name : split(spec.partition, ',')) {
    const auto index = cluster.find_partition(name);
    if (!index) continue;
    const PartitionConfig& partition = cluster.partition_configs()[index->value];
    if (longer(job.time_limit, partition)) continue;
    if (partition.max_nodes && spec.nodes_min > *partition.max_nodes) continue;
    key.partitions.push_back(*index);
  }
  std::stable_sort(key.partitions.begin(), key.partitions.end(), [&](auto a, auto b) {
    return cluster.partitions()[a.value].tier > cluster.partitions()[b.value].tier;
  });
  key.need = sched::need_of(spec);
  const uint64_t per_cpu = cluster.config().default_memory_per_cpu_mib;
  if (per_cpu != 0 && !key.need.memory_per_node_mib && !key.need.memory_per_cpu_mib) {
    key.need.memory_per_cpu_mib = per_cpu;
  }
  key.constraint = spec.constraint;
  if (!spec.node_list.empty()) key.node_list = names_in(spec.node_list);
  if (!spec.exclude.empty()) key.exclude = names_in(spec.exclude);
  if (job.time_limit) key.limit = *job.time_limit;
  if (!spec.licences.empty()) {
    key.licences =
        cluster.licences().resolve(spec.licences).value_or(std::vector<sched::LicenceNeed>{});
  }
  if (!spec.reservation.empty()) {
    const ReservationEntry* reservation = cluster.find_reservation(spec.reservation);
    if (reservation != nullptr) key.reservation = reservation->id;
  }
  if (job.avoid.empty()) return key;

  // Nodes that failed to launch it, but only if others could do it.
  sched::ShapeKey elsewhere = key;
  elsewhere.exclude.insert(elsewhere.exclude.end(), job.avoid.begin(), job.avoid.end());
  std::sort(elsewhere.exclude.begin(), elsewhere.exclude.end());
  const bool others =
      cluster.shapes().judge(elsewhere, cluster.machine(), cluster.partitions()).possible();
  return others ? elsewhere : key;
}

}  // namespace gd::core

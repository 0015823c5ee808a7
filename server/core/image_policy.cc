#include "server/core/image_policy.h"

#include "base/image_name.h"
#include "base/text.h"
#include "server/core/associations.h"

namespace gd::core {
namespace {

Error denied(std::string text) {
  return Error{ErrorCode::denied, std::move(text)};
}

class Fetches {
 public:
  explicit Fetches(const Cluster& cluster) : cluster_(cluster) {}

  void add(JobId id, const sched::Placement& placement) {
    const JobRecord* job = cluster_.find_job(id);
    if (job == nullptr) return;
    const ImageSpec& image = job->spec->image;
    const Result<ImageName> name = parse_image_name(image.name);
    if (!name.ok() || !is_stored(*name)) return;
    const ImageFetch fetch{job->uid, image.name, image.digest};
    for (const sched::NodeUse& use : placement.uses) {
      const NodeEntry* node = cluster_.node_at(use.node);
      if (node == nullptr) continue;
      std::set<ImageFetch>& there = all_[node->record.name];
      if (there.size() < kMaxFetchesAhead) there.insert(fetch);
    }
  }
  FetchesAhead take() { return std::move(all_); }

 private:
  const Cluster& cluster_;
  FetchesAhead all_;
};

}  // namespace

std::string default_image(const Cluster& cluster, const std::string& user,
                          const std::string& account, sched::PartitionIndex first) {
  const std::string& own = cluster.partition_configs()[first.value].default_image;
  if (!own.empty()) return own;
  for (const AssocLimits* section : sections_for(cluster.limits(), user, account)) {
    if (!section->default_image.empty()) return section->default_image;
  }
  return cluster.config().default_image;
}

Result<void> check_image_policy(const Cluster& cluster, const std::string& user,
                                const std::string& account, const ImageSpec& image,
                                const std::vector<sched::PartitionIndex>& partitions) {
  // Of a container that is kept, the node alone knows the image, if the job does not name it.
  const bool named = !image.name.empty();
  const ImageName name = named ? TRY(parse_image_name(image.name)) : ImageName{};
  const auto unnamed = [&](const std::string& who) {
    return denied(who + " some images only: name the one that container " + image.container +
                  " is over");
  };
  for (const sched::PartitionIndex index : partitions) {
    const PartitionConfig& partition = cluster.partition_configs()[index.value];
    if (image.root_inside && !partition.root_inside) {
      return denied("partition " + partition.name +
                    " lets no job be root inside; leave out --root");
    }
    const std::vector<std::string>& allowed = partition.allow_images;
    if (allowed.empty() || (named && is_among(allowed, name, image.digest))) continue;
    if (!named) return unnamed("partition " + partition.name + " takes");
    return denied("image " + render(name) + " is not allowed in partition " + partition.name +
                  ", which takes " + join(allowed, ", "));
  }
  for (const AssocLimits* section : sections_for(cluster.limits(), user, account)) {
    const std::vector<std::string>& allowed = section->allow_images;
    if (allowed.empty()) continue;
    if (named && is_among(allowed, name, image.digest)) break;
    const std::string whose =
        "user " + user + (account.empty() ? "" : " of account " + printable(account));
    if (!named) return unnamed(whose + " may have");
    return denied("image " + render(name) + " is not open to " + whose + "; open are " +
                  join(allowed, ", "));
  }
  return {};
}

Result<ImageSpec> admit_step_image(const Cluster& cluster, const JobRecord& job, ImageSpec asked) {
  if (asked.name.empty() && asked.container.empty()) {
    const ImageSpec& of_job = job.spec->image;
    const Receipt& got = received(job);  // the name may mean another one by now
    asked.name = of_job.name.empty() ? got.image : of_job.name;
    asked.digest = got.digest.empty() ? of_job.digest : got.digest;
  }
  const auto partition = cluster.find_partition(job.partition);
  if (!partition) {
    return Error{ErrorCode::denied, "partition " + job.partition +
                                        " is gone, so nobody can say which images it takes: steps "
                                        "run in the container of their job"};
  }
  TRY(check_image_policy(cluster, job.user, job.spec->account, asked, {*partition}));
  return asked;
}

FetchesAhead fetches_ahead(const Cluster& cluster, const sched::Plan& plan, TimePoint now) {
  Fetches fetches(cluster);
  for (const sched::Preemption& one : plan.preemptions) fetches.add(one.job, one.placement);
  for (const sched::Promise& promise : plan.promises) {
    if (promise.at - now <= kFetchAhead) fetches.add(promise.job, promise.placement);
  }
  return fetches.take();
}

}  // namespace gd::core

// Shapes: what a job needs of the machine, without who it is.
//
// Jobs with equal needs share one shape, so that the question "is there room for
// this now?" is asked once a pass and not once a job. Two shapes that differ only
// in their time limit share a fit class: where the one finds no room now, nor does
// the other. The table also keeps, by shape, of which nodes it may take, and whether they
// could ever hold it, until the nodes or partitions change (refresh).
// Cost: intern O(log shapes + node classes); refresh O(sets x nodes + shapes x classes);
// memory about 600 octets a shape.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proto/ids.h"
#include "proto/job_spec.h"
#include "proto/resources.h"

namespace gd::sched {

using NodeIndex = Id<struct NodeIndexTag>;
using PartitionIndex = Id<struct PartitionIndexTag>;
using ShapeId = Id<struct ShapeTag>;

inline constexpr uint32_t kNoLimit = std::numeric_limits<uint32_t>::max();
// A job without a time limit is planned as if it ran so long.
inline constexpr Seconds kForever{365LL * 24 * 3600};

// What a job asks of each node and of all together, with every default filled in.
struct Need {
  uint32_t nodes_min = 1;
  uint32_t nodes_max = kNoLimit;
  uint32_t tasks = 1;  // in total; at least nodes_min
  uint32_t tasks_per_node = kNoLimit;
  uint32_t cpus_per_task = 1;
  // At most one of the two; none: each cpu takes along its part of the node's memory.
  std::optional<uint64_t> memory_per_node_mib;
  std::optional<uint64_t> memory_per_cpu_mib;
  std::vector<GresCount> gres_per_node;
  bool exclusive = false;  // the whole of each node
  auto operator<=>(const Need&) const = default;
};

Need need_of(const JobSpec& spec);

struct LicenceNeed {
  uint32_t licence = 0;  // index of Licences::all()
  uint64_t count = 0;
  auto operator<=>(const LicenceNeed&) const = default;
};

struct ShapeKey {
  Need need;
  std::vector<PartitionIndex> partitions;  // in the order in which they are tried
  std::string constraint;
  std::vector<std::string> node_list;  // must all be part of it
  std::vector<std::string> exclude;
  std::vector<LicenceNeed> licences;  // of the cluster
  uint32_t reservation = 0;           // Reservation::id, to run in; 0: outside of all
  Seconds limit{kForever};
  auto operator<=>(const ShapeKey&) const = default;
};

struct Node;
struct Partition;

struct NodeSet;

struct Candidates {
  PartitionIndex partition;
  std::shared_ptr<const NodeSet> set;  // shared with other shapes: see node_set.h
  bool possible = false;               // if they were empty, they could hold all of it
  [[nodiscard]] const std::vector<NodeIndex>& nodes() const;
};

struct Shape {
  ShapeKey key;
  uint32_t fit_class = 0;
  uint32_t users = 0;               // waiting jobs of this shape
  std::vector<NodeIndex> required;  // of key.node_list
  std::vector<Candidates> candidates;
  [[nodiscard]] bool possible() const;  // in at least one partition
};

class ShapeTable {
 public:
  // The shape of `key`, one more user of it. release() gives one back.
  ShapeId intern(const ShapeKey& key, std::span<const Node> nodes,
                 std::span<const Partition> partitions);
  void release(ShapeId id);
  [[nodiscard]] const Shape* find(const ShapeKey& key) const;  // null: no waiting job has it
  // The same for a key that no waiting job has: what admission asks before it accepts. Node sets
  // that waiting jobs share are not made again.
  [[nodiscard]] Shape judge(const ShapeKey& key, std::span<const Node> nodes,
                            std::span<const Partition> partitions) const;
  // After a change of nodes or partitions.
  void refresh(std::span<const Node> nodes, std::span<const Partition> partitions);

  [[nodiscard]] const Shape& operator[](ShapeId id) const { return shapes_[id.value]; }
  [[nodiscard]] size_t slots() const { return shapes_.size(); }  // ids are below this
  [[nodiscard]] size_t fit_classes() const { return next_class_; }
  [[nodiscard]] size_t size() const { return by_key_.size(); }
  [[nodiscard]] size_t set_slots() const { return next_set_; }  // NodeSet::id is below this

 private:
  using SetKey = std::tuple<PartitionIndex, std::string, std::vector<std::string>>;

  std::shared_ptr<const NodeSet> set_of(const ShapeKey& key, PartitionIndex partition,
                                        std::span<const Node> nodes,
                                        std::span<const Partition> partitions);
  void find_candidates(Shape& shape, std::span<const Node> nodes,
                       std::span<const Partition> partitions);
  void sweep_sets();

  std::vector<Shape> shapes_;  // a freed slot has no users and is used again
  std::vector<ShapeId> free_;
  std::map<ShapeKey, ShapeId> by_key_;
  std::map<ShapeKey, std::pair<uint32_t, uint32_t>> classes_;  // limit 0 -> class, shapes in it
  std::vector<uint32_t> free_classes_;
  uint32_t next_class_ = 0;
  std::map<SetKey, std::shared_ptr<const NodeSet>> sets_;
  std::vector<uint32_t> free_sets_;
  uint32_t next_set_ = 0;
  size_t sets_kept_ = 0;  // when they were last swept
};

// "a&b", "a|b": names and one kind of sign. Checks the form only.
Result<void> check_constraint(std::string_view constraint);
bool satisfies(std::string_view constraint, std::span<const std::string> features);

}  // namespace gd::sched

#include "proto/job_record.h"

#include <tuple>

namespace gd {

namespace {

// Everything but the spec, which is compared by value. Made from the list of
// fields, so that a new field is compared without being named here.
template <class Use>
void for_each_plain(const JobRecord& a, const JobRecord& b, Use use) {
  const char* const base_a = reinterpret_cast<const char*>(&a);
  const char* const base_b = reinterpret_cast<const char*>(&b);
  JobRecord::visit(a, [&](const char*, const auto& member) {
    using Member = std::remove_cvref_t<decltype(member)>;
    if constexpr (!std::is_same_v<Member, std::shared_ptr<const JobSpec>>) {
      const auto offset = reinterpret_cast<const char*>(&member) - base_a;
      use(member, *reinterpret_cast<const Member*>(base_b + offset));
    }
  });
}

}  // namespace

bool JobRecord::operator==(const JobRecord& other) const {
  const bool same_spec = spec == other.spec || (spec && other.spec && *spec == *other.spec);
  bool same = same_spec;
  for_each_plain(*this, other,
                 [&](const auto& mine, const auto& theirs) { same = same && mine == theirs; });
  return same;
}

uint32_t total_cpus(const JobSpec& spec) {
  const uint32_t per_task = spec.cpus_per_task.value_or(1);
  const uint32_t tasks =
      spec.tasks ? *spec.tasks : spec.tasks_per_node.value_or(1) * spec.nodes_min;
  return per_task * tasks;
}

}  // namespace gd

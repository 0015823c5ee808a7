#include "proto/job_record.h"

#include <algorithm>
#include <tuple>

#include "base/image_name.h"

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

Receipt bounded(Receipt receipt) {
  const auto cut = [](std::string& text) {
    if (text.size() > kMaxReceiptTextBytes) text.resize(kMaxReceiptTextBytes);
  };
  if (receipt.facts.size() > kMaxReceiptFacts) receipt.facts.resize(kMaxReceiptFacts);
  if (receipt.image.size() > kMaxImageNameBytes) receipt.image.resize(kMaxImageNameBytes);
  cut(receipt.digest);
  for (std::string& fact : receipt.facts) cut(fact);
  return receipt;
}

const Receipt& received(const JobRecord& job) {
  static const Receipt kNothing;
  return job.receipts.empty() ? kNothing : job.receipts.front();
}

JobId array_id_of(const JobRecord& job) {
  return job.array ? job.array->array : job.id;
}

std::optional<uint32_t> element_of(const JobRecord& job) {
  if (!job.array || job.array->elements.size() != 1) return std::nullopt;
  return job.array->elements.front();
}

std::string elements_of(const JobRecord& job, size_t most) {
  if (!job.array) return "";
  return format_array_spec({job.array->elements, job.array->limit}, most);
}

std::string job_name_of(const JobRecord& job, size_t most) {
  const std::string id = std::to_string(array_id_of(job).value);
  if (!job.array) return id;
  if (const auto element = element_of(job)) return id + "_" + std::to_string(*element);
  return id + "_[" + elements_of(job, most) + "]";
}

uint32_t tasks_of(const StepRecord& step) {
  uint32_t tasks = 0;
  for (const StepShare& share : step.shares) tasks += share.tasks;
  return tasks;
}

const StepShare* share_on(const StepRecord& step, std::string_view node) {
  for (const StepShare& share : step.shares) {
    if (share.node == node) return &share;
  }
  return nullptr;
}

int32_t exit_code_of(const JobRecord& job) {
  const int32_t code = job.exit.signal != 0 ? 128 + job.exit.signal : job.exit.code;
  return ended(job.state) && job.state != JobState::completed ? std::max(code, 1) : code;
}

Usage usage_of(const JobRecord& job) {
  Usage sum;
  for (const StepRecord& step : job.steps) add(sum, step.usage);
  return sum;
}

uint32_t total_cpus(const JobSpec& spec) {
  const uint32_t per_task = spec.cpus_per_task.value_or(1);
  const uint32_t tasks =
      spec.tasks ? *spec.tasks : spec.tasks_per_node.value_or(1) * spec.nodes_min;
  return per_task * tasks;
}

}  // namespace gd

#include "proto/settings_preempt.h"

#include <algorithm>

namespace gd {
namespace {

Result<std::optional<PreemptMode>> mode_of(const ConfigView& view) {
  if (!view.has("preempt_mode")) return std::optional<PreemptMode>{};
  Result<PreemptMode> mode = parse_preempt_mode(view.text("preempt_mode"));
  if (!mode.ok()) return std::move(mode).error().in(view.where("preempt_mode") + ": preempt_mode");
  return std::optional(*mode);
}

PreemptType type_of(const std::string& name) {
  if (name == "qos") return PreemptType::qos;
  return name == "partition_prio" ? PreemptType::partition_prio : PreemptType::none;
}

bool somebody_may_go(const Settings& settings) {
  const auto goes = [](const auto& row) {
    return row.preempt_mode.value_or(PreemptMode::off) != PreemptMode::off;
  };
  if (settings.controller.preempt_mode != PreemptMode::off) return true;
  switch (settings.controller.preempt_type) {
    case PreemptType::none: return true;  // nobody has to
    case PreemptType::qos: return std::ranges::any_of(settings.limits.qos, goes);
    case PreemptType::partition_prio: return std::ranges::any_of(settings.partitions, goes);
  }
  return false;
}

}  // namespace

Result<void> read_preemption(const Config& config, Settings& settings) {
  const ConfigView top = config.top();
  ControllerSettings& controller = settings.controller;
  controller.preempt_type = type_of(top.text("preempt_type"));
  controller.preempt_mode = TRY(mode_of(top)).value_or(PreemptMode::off);
  controller.preempt_exempt_time = std::chrono::ceil<Seconds>(top.interval("preempt_exempt_time"));
  size_t next = 0;
  for (const ConfigView& view : config.all("partition")) {
    PartitionSettings& partition = settings.partitions[next++];
    partition.preempt_mode = TRY(mode_of(view));
    partition.grace_time = std::chrono::ceil<Seconds>(view.interval("grace_time"));
  }
  Result<void> lists = check_preempt_lists(settings.limits);
  if (!lists.ok()) return std::move(lists).error().in(config.file());
  if (somebody_may_go(settings)) return {};
  return Error{ErrorCode::invalid, top.where("preempt_type") +
                                       ": preempt_type: preempt_mode is off everywhere, so "
                                       "nobody could be preempted; say cancel or requeue"};
}

}  // namespace gd

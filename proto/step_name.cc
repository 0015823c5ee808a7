#include "proto/step_name.h"

#include <algorithm>

#include "base/text.h"

namespace gd {
namespace {

struct NamedStep {
  StepId step;
  std::string_view name;
};
constexpr NamedStep kNamedSteps[] = {
    {kBatchStep, "batch"}, {kInteractiveStep, "interactive"}, {kExternStep, "extern"}};
constexpr uint32_t kLastNumberedStep = kInteractiveStep.value - 1;

}  // namespace

std::string step_name(StepId step) {
  const auto* named = std::ranges::find(kNamedSteps, step, &NamedStep::step);
  return named != std::end(kNamedSteps) ? std::string(named->name) : std::to_string(step.value);
}

std::optional<StepId> parse_step_name(std::string_view text) {
  const auto* named = std::ranges::find(kNamedSteps, text, &NamedStep::name);
  if (named != std::end(kNamedSteps)) return named->step;
  const Result<uint32_t> number = parse_number<uint32_t>(text, 0, kLastNumberedStep);
  return number.ok() ? std::optional(StepId{*number}) : std::nullopt;
}

}  // namespace gd

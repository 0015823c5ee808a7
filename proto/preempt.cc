#include "proto/preempt.h"

#include <string>

#include "base/text.h"

namespace gd {

std::string_view name(PreemptMode mode) {
  switch (mode) {
    case PreemptMode::off: return "OFF";
    case PreemptMode::cancel: return "CANCEL";
    case PreemptMode::requeue: return "REQUEUE";
  }
  return "OFF";
}

Result<PreemptMode> parse_preempt_mode(std::string_view text) {
  for (const PreemptMode mode : {PreemptMode::off, PreemptMode::cancel, PreemptMode::requeue}) {
    if (equal_no_case(text, name(mode))) return mode;
  }
  const std::string shown = "'" + printable(text, 40) + "'";
  constexpr std::string_view kOfSlurm[] = {"suspend", "gang", "within", "cluster"};
  for (const std::string_view other : kOfSlurm) {
    if (!equal_no_case(text, other)) continue;
    return Error{ErrorCode::invalid,
                 shown +
                     " is not supported: what a job holds is kept or given back as a whole; "
                     "the modes are off, cancel and requeue"};
  }
  return Error{ErrorCode::invalid, shown + " is not off, cancel or requeue"};
}

}  // namespace gd

// Preemption as gd.conf and the commands name it: who may take whose place, and what becomes of
// who has to go. Words are Slurm's.
//
// Suspending is refused by name. A suspended job gives back its cpus and keeps its memory, while
// placement counts what a job holds of a node as one amount, whole or given back.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace gd {

enum class PreemptType : uint8_t {
  none = 0,
  qos = 1,             // each QOS names those whose jobs its own may end
  partition_prio = 2,  // jobs of a higher priority_tier may end those of a lower one
};

enum class PreemptMode : uint8_t {  // on the wire: never renumber
  off = 0,                          // its jobs are left alone
  cancel = 1,                       // they end as PREEMPTED
  requeue = 2,                      // they wait again, if they may be requeued; else they end so
};

[[nodiscard]] std::string_view name(PreemptMode mode);  // "OFF", "CANCEL", "REQUEUE"
// Any case. What Slurm knows beside these is refused by name, with the reason.
Result<PreemptMode> parse_preempt_mode(std::string_view text);

}  // namespace gd

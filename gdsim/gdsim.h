// gdsim - replay a workload trace or a text scenario through the scheduler.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/command.h"
#include "gdsim/replay.h"
#include "gdsim/workload.h"

namespace gd::sim {

struct SimOptions {
  std::vector<std::string> sources;  // one: a trace or a scenario
  std::string policy = "easy";
  std::optional<uint32_t> depth;
  std::string order = "priority";
  sched::Weights weights;
  Seconds half_life{7 * 24 * 3600};
  std::string nodes;
  std::string format;
  std::string jobs_out;
  std::string plot;
  bool schedule = false;
  bool json = false;
  bool quiet = false;
};

void define_gdsim(cmd::Cli& cli, SimOptions& options);

// Pure: what the options ask for, or why they ask for nothing.
Result<sched::Policy> policy_of(const SimOptions& options);
// The format is asked for, or told from the text: a trace's first word is a number or ';'.
enum class Format : uint8_t { trace, scenario };
Format format_of(const SimOptions& options, std::string_view text);

extern const cmd::Command kGdsim;

}  // namespace gd::sim

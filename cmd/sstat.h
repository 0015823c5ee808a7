// The pure part of sstat: which steps of which running jobs, in which columns.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/acct_form.h"
#include "cmd/cli.h"
#include "proto/messages_client.h"

namespace gd::cmd {

struct SstatOptions {
  std::vector<std::string> jobs;
  std::optional<std::string> format;
  AcctForm form;
  bool all_steps = false, no_header = false, help_format = false, fixed_units = false;
};
void define_sstat(Cli& cli, SstatOptions& options);

// One running step, over all the nodes that were heard of.
struct SstatRow {
  const JobRecord& job;
  StepId step;
  std::vector<const StepSample*> samples;  // one a node
  uint32_t tasks = 1;
  bool fixed_units = false;                // plain numbers
};

// Of one job, in the order of their numbers. Without a step: the lowest that has a number, or
// else the job's own; or all of them.
enum class SstatSteps : uint8_t { one, all };
std::vector<SstatRow> sstat_rows(const JobView& view, const std::optional<StepId>& wanted,
                                 SstatSteps which);

std::span<const Field<SstatRow>> sstat_fields();
Result<std::vector<FormatItem>> parse_sstat_format(std::string_view format);

}  // namespace gd::cmd

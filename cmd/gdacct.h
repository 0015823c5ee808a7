// The pure part of gdacct: which jobs of which time, in which columns.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/json.h"
#include "base/result.h"
#include "cmd/acct_window.h"
#include "cmd/format.h"
#include "cmd/job_query.h"

namespace gd::cmd {

struct AcctOptions {
  std::vector<std::string> clusters;
  FilterOptions filter;
  std::string since, until;
  std::vector<std::string> accounts, qos, wckeys;
  char units = 0;  // K, M, G, T, P; 0: as it is
  std::optional<std::string> format;
  std::string delimiter = "|";
  bool all_users = false, allocations = false, no_header = false, brief = false, long_list = false;
  bool parsable = false, parsable2 = false, json = false, help_format = false, same = false;
  bool each_element = false, fixed_units = false, advise = false;
};

void define_gdacct(Cli& cli, AcctOptions& options);

// A line of the listing: a job, or one of its steps.
struct AcctRow {
  const JobRecord& job;
  const StepRecord* step = nullptr;
  bool batch = false;  // the script of a batch job, as a step
  TimePoint now{};
  char units = 0;
  std::string_view cluster = "";
};

struct AcctPlan {
  JobQuery history;  // jobs that have ended
  JobQuery live;     // and those that have not
  AcctWindow window;
  std::vector<FormatItem> items;
};
Result<AcctPlan> to_acct_plan(const AcctOptions& options, AcctRules rules, const std::string& me,
                              Uid uid, TimePoint now, const TimeZone& zone);

std::span<const Field<AcctRow>> acct_fields();
std::string step_node_list(const StepRecord& step);  // folded

// As an object of Slurm's `sacct --json`.
void write_acct_json(JsonWriter& json, const JobRecord& job, TimePoint now,
                     std::string_view cluster);
// Slurm's width of a column without one of its own: negative is left-justified.
int acct_width(std::string_view name);

}  // namespace gd::cmd

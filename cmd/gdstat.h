// The pure part of gdstat: what to ask for, in which order, and in which form.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/job_fields.h"
#include "cmd/job_query.h"
#include "proto/messages_policy.h"

namespace gd::cmd {

struct StatOptions {
  std::vector<std::string> clusters;
  FilterOptions filter;
  std::vector<std::string> arguments, accounts, qos;
  std::optional<std::string> format;
  std::optional<std::string> long_format;
  std::string sort;
  bool long_listing = false;
  bool start = false;
  bool why = false;
  bool no_header = false;
  bool json = false;
  bool all = false;
  bool array = false;
  bool fixed_units = false;
  bool live = false;
  bool follow = false;
  std::optional<uint32_t> tail;
  std::string live_sort = "cpu";
  std::optional<uint32_t> iterate;
};

void define_gdstat(Cli& cli, StatOptions& options);

struct StatPlan {
  JobQuery query;
  std::vector<JobState> states;     // shown; empty: all
  std::optional<JobId> must_exist;  // a single job that is named must be there
  bool each_element = false;        // -r
  bool people = false;              // a table that fits, where a terminal is
  std::vector<FormatItem> items;
  std::string sort;
};
Result<StatPlan> to_stat_plan(const StatOptions& options, Dialect dialect, const std::string& me);

// --live: what running jobs use now, as a table; again and again on a terminal.
Result<int> run_live(const StatOptions& options, StatPlan plan, Context& context);
// A paragraph of lines up to `width`, then what would start it now.
std::string why_text(const WhyReply& reply, int width);

// "-t,P,i": letters of the short format, each ascending, or descending behind "-".
Result<void> sort_jobs(std::vector<JobView>& jobs, std::string_view keys, TimePoint now);

}  // namespace gd::cmd

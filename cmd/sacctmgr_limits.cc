#include "cmd/sacctmgr_limits.h"

#include <utility>

#include "base/duration.h"
#include "base/text.h"

namespace gd::cmd {

namespace {

std::string wall_text(const std::string& value) {
  const Result<TimeLimit> limit = parse_time_limit(value);
  return limit.ok() ? format_time_limit(*limit) : value;
}

std::string grace_text(const std::string& value) {
  const Result<Milliseconds> grace = parse_interval(value);
  return grace.ok() ? format_time_limit(std::chrono::ceil<Seconds>(*grace)) : value;
}

std::string list_text(const std::string& value) {  // Slurm's lists have no blanks
  std::string text = value;
  std::erase(text, ' ');
  return text;
}

}  // namespace

void add_limits(AcctMgrRow& row, const ConfigValues& values) {
  constexpr std::pair<std::string_view, std::string_view> kColumns[] = {
      {"grp_jobs", "grpjobs"},
      {"grp_submit", "grpsubmit"},
      {"grp_tres", "grptres"},
      {"grp_tres_mins", "grptresmins"},
      {"grp_tres_run_mins", "grptresrunmins"},
      {"grp_wall", "grpwall"},
      {"max_tres_mins_per_job", "maxtresmins"},
      {"max_jobs", "maxjobs"},
      {"max_submit", "maxsubmit"},
      {"max_tres_per_job", "maxtres"},
      {"max_wall", "maxwall"},
      {"max_tres_per_user", "maxtrespu"},
      {"max_jobs_per_user", "maxjobspu"},
      {"max_submit_per_user", "maxsubmitpu"},
      {"max_tres_per_account", "maxtrespa"},
      {"max_jobs_per_account", "maxjobspa"},
      {"max_submit_per_account", "maxsubmitpa"},
      {"priority", "priority"},
      {"default_qos", "defaultqos"},
      {"qos", "qos"},
      {"allow_images", "allowimages"},
      {"default_image", "defaultimage"},
      {"preempt", "preempt"},
      {"preempt_mode", "preemptmode"},
      {"grace_time", "gracetime"}};
  for (const auto& [key, column] : kColumns) {
    const auto value = values.find(std::string(key));
    if (value == values.end()) continue;
    row[std::string(column)] = key == "max_wall" || key == "grp_wall" ? wall_text(value->second)
                               : key == "grace_time"                  ? grace_text(value->second)
                                                                      : list_text(value->second);
  }
}

}  // namespace gd::cmd

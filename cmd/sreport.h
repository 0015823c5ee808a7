// The pure part of sreport: which report of which period, in which form, and its text.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/usage_report.h"
#include "proto/messages_client.h"

namespace gd::cmd {

enum class ReportKind : uint8_t { utilization, by_account, by_user, top_users, job_sizes };

enum class TimeForm : uint8_t { seconds, minutes, hours };
enum class Share : uint8_t { without, alone, behind };  // a percentage

struct ReportOptions {
  std::string time = "Minutes";
  std::vector<std::string> tres;
  bool no_header = false, parsable = false, parsable2 = false, same = false;
  std::vector<std::string> clusters;
  std::vector<std::string> words;
};

void define_sreport(Cli& cli, ReportOptions& options);

struct ReportColumn {
  std::string_view name;  // as format= spells it, lower case
  std::string heading;
  int width = 0;  // negative: to the left
};

struct ReportQuery {
  ReportKind kind = ReportKind::utilization;
  Period period;
  TimeForm time = TimeForm::minutes;
  Share share = Share::without;
  std::vector<std::string> tres;  // empty: cpu, and no column for it
  std::vector<std::string> accounts, clusters;
  JobFilter filter;
  std::vector<Gid> groups;
  std::vector<uint64_t> grouping{50, 250, 500, 1000};  // empty: one for each size
  uint32_t top = 10;
  bool tree = false, group = false, flat = false, as_parent = false, count_jobs = false;
  bool no_header = false, parsable = false, parsable2 = false;
  std::vector<ReportColumn> columns;  // those of job_sizes are made when jobs are known
};

// Errors that begin with a blank or a capital are Slurm's own sentences, said as they are.
Result<ReportQuery> parse_report(const ReportOptions& options, TimePoint now, const TimeZone& zone);

struct ReportInput {
  const Site& site;
  TresSeconds capacity;  // of the cluster, in the period
  TresSeconds count;     // of the cluster
  std::function<std::string(const std::string& user)> proper_name;
};
// Does a job count that the filter has let through?
bool counts(const ReportQuery& query, const JobRecord& job);
std::string report_text(const ReportQuery& query, const UsageReport& report,
                        const ReportInput& input, const TimeZone& zone);

}  // namespace gd::cmd

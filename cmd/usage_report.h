// sreport's pure part: what was used in a period, added up from the records of jobs, as rows.
//
// A job counts with what it held, for as much of its run as lies in the period. Jobs are added
// one by one and forgotten, so a report over a million of them needs memory for its rows alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cmd/sacctmgr_site.h"
#include "proto/job_record.h"

namespace gd::cmd {

struct Period {
  TimePoint start{}, end{};
  [[nodiscard]] uint64_t seconds() const {
    return static_cast<uint64_t>(std::chrono::duration_cast<Seconds>(end - start).count());
  }
};

// Seconds of one of each kind: "cpu", "mem" (of a MiB), "node", "billing", "gres/gpu".
using TresSeconds = std::map<std::string, uint64_t, std::less<>>;

// What a job held within the period; empty: nothing. `now` ends what still runs.
TresSeconds used_in(const JobRecord& job, const Period& period, TimePoint now);

struct UsageRow {
  std::string account, user;  // user empty: the account with all below it
  uint32_t depth = 0;         // of the account below the root
  TresSeconds used;
};

struct SizeRow {
  std::string account;
  std::vector<uint64_t> parts;  // cpu seconds, or jobs, by size
  uint64_t total = 0;
};

class UsageReport {
 public:
  // Sizes of jobs at which a new column of SizeRow begins; empty: one for each size.
  UsageReport(Period period, TimePoint now, std::vector<uint64_t> grouping)
      : period_(period), now_(now), grouping_(std::move(grouping)) {}

  void add(const JobRecord& job);

  [[nodiscard]] TresSeconds total() const;
  // The tree of accounts, each with its users behind it; without usage a line is left out.
  [[nodiscard]] std::vector<UsageRow> by_account(const Site& site) const;
  // Users of accounts, most used first, of equal ones by name; grouped: all accounts of a user in
  // one row, their names joined by commas.
  enum class Accounts : uint8_t { apart, grouped };
  [[nodiscard]] std::vector<UsageRow> by_user(std::string_view tres, Accounts accounts) const;

  enum class SizesOf : uint8_t { subtrees, children, accounts };
  enum class Count : uint8_t { cpu_seconds, jobs };
  // Of each named account (none: of the root) with all below it; of the accounts right below
  // these; or of each account alone.
  [[nodiscard]] std::vector<SizeRow> sizes(const Site& site, SizesOf of,
                                           const std::vector<std::string>& accounts,
                                           Count count) const;
  [[nodiscard]] std::vector<std::string> size_headings() const;  // "0-49 CPUs"

 private:
  struct Size {
    uint64_t cpu_seconds = 0, jobs = 0;
  };
  [[nodiscard]] std::vector<uint64_t> columns() const;

  Period period_;
  TimePoint now_;
  std::vector<uint64_t> grouping_;
  std::map<std::pair<std::string, std::string>, TresSeconds> used_;  // account, user
  std::map<std::string, std::map<uint64_t, Size>> sizes_;            // account; cpus of a job
};

}  // namespace gd::cmd

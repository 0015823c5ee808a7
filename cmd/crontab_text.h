// A crontab as its user writes it. Pure.
//
//   #SCRON -t 10 --mem=2G          # options of the next entry, as #SBATCH has them
//   30 4 * * mon  ./report weekly
//   @daily        find scratch -mtime +30 -delete
//
//   entry = schedule (base/cron_schedule.h) 1*blank command
//
// Blank lines and other comments may stand anywhere. Options go to the next entry alone; to none,
// if that is a line that was disabled. Options that no entry follows on are an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cmd/directives.h"

namespace gd::cmd {

struct CrontabEntry {
  uint32_t line = 0;
  std::string schedule;
  std::string command;             // one line for /bin/sh
  std::vector<Directive> options;  // of #SCRON
};

// Errors name the line: "line 3: hour '25' is not between 0 and 23".
Result<std::vector<CrontabEntry>> parse_crontab(std::string_view text);

}  // namespace gd::cmd

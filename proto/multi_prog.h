// The file of srun --multi-prog: which tasks run what.
//
//   # comment
//   0      master --verbose
//   1-3,7  worker "a b" %t      %t: the task's number, %o: its place among those of its line
//   *      idle                 those that no other line names
//
// Slurm's grammar: srun(1), "MULTIPLE PROGRAM CONFIGURATION". Words may be quoted by ' or ", a
// backslash takes the next character as it is, or goes on with the line at its end. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd {

inline constexpr size_t kMaxProgramsBytes = size_t{64} << 10;  // of the file: an argument's most

// What each of the tasks 0 ... `tasks` - 1 runs. Errors: invalid, with the line's number: a task
// that two lines name, one that none does or that is not there, a line without a program.
Result<std::vector<std::vector<std::string>>> parse_programs(std::string_view text, uint32_t tasks);

}  // namespace gd

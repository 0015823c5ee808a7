// The options that stand in a batch script, before its first command:
//
//   #SBATCH -J align --mem=2G      # what follows a free "#" is a comment
//   #GD --image=/srv/images/debian
//
//   line  = ("#SBATCH" / "#GD") 1*blank *(word / blank) ["#" any]
//   word  = 1*(character / '...' / "..." with \" \\ \$ \` / "\" character)
//
// The prefix stands at the beginning of the line. Blank lines and other comments may
// stand between; the first line that is anything else ends the search. Later lines win
// over earlier ones, the environment and the command line over all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd::cmd {

inline constexpr size_t kMaxDirectiveWords = 4096;  // of a whole script

struct Directive {
  int line = 0;
  std::vector<std::string> words;
};

// Errors name the line: "line 3: the quote ' is not closed".
Result<std::vector<Directive>> read_directives(std::string_view script);

// Words as a POSIX shell would cut them; "#" at the start of a word ends the line.
Result<std::vector<std::string>> split_shell_words(std::string_view text);

}  // namespace gd::cmd

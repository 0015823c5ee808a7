// The errors of a configuration file, gathered from its grammar and its schema and
// told in the order of lines: kMaxConfigErrors at most, the rest counted. For the
// files that carry config.h out.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/config.h"
#include "base/result.h"

namespace gd {

class ConfigErrors {
 public:
  explicit ConfigErrors(std::string file) : file_(std::move(file)) {}
  void add(int line, const std::string& what);
  [[nodiscard]] Result<void> result();

 private:
  std::string file_;
  std::vector<std::pair<int, std::string>> errors_;
};

// The kind of a section whose header is wrong; that has been told already.
inline constexpr std::string_view kBadHeader = "[";

// Fails only if the text is too large; what is wrong in it goes into `errors`.
Result<ConfigFile> parse_config(std::string_view text, const std::string& file,
                                ConfigErrors& errors);

}  // namespace gd

// Processors that are one owner's as long as this value lives.
//
// A file stands for the processors that are given out, one octet for each: whoever has octet N
// locked has processor N. The locks are of the open file (fcntl(2), "open file description
// locks"), so the kernel gives them back when its last user is gone, however that came about,
// and nothing has to be tidied up after a crash. The file stays empty.
// REQUIRES: the right to write the file. Waits for nobody.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "server/agent/processors.h"

namespace gd::agent {

inline constexpr int kClaimTries = 64;  // against others who choose in the same moment

class ProcessorClaim {
 public:
  // Nothing: there are not so many free ones, or others were faster each time.
  static Result<std::optional<ProcessorClaim>> take(const std::string& path,
                                                    std::span<const Core> cores, uint32_t count);

  [[nodiscard]] const Processors& processors() const { return processors_; }

 private:
  ProcessorClaim(UniqueFd file, Processors processors)
      : file_(std::move(file)), processors_(std::move(processors)) {}
  UniqueFd file_;
  Processors processors_;
};

// Who has what by now, whoever it is.
Result<Processors> taken_processors(const std::string& path);

}  // namespace gd::agent

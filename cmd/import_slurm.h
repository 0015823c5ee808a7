// A site's slurm.conf as a gd.conf, with a note on each line that could not be carried over.
//
// Pure: text in, text out. What gd finds out by itself (sockets of a node, plug-ins, ports,
// folders) is dropped and said to be; what has no counterpart is named with its line. The
// result is read once by gd's own reader before it is given out, so it is never refused later.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd::cmd {

inline constexpr size_t kMaxSlurmConfBytes = size_t{4} << 20;

struct Imported {
  std::string config;              // gd.conf
  std::vector<std::string> notes;  // "slurm.conf:7: SelectType=... is not needed"
};

// file: as it is called in the notes. invalid: too long, or a line that is not KEY=VALUE.
Result<Imported> import_slurm(std::string_view text, const std::string& file);

}  // namespace gd::cmd

// Which processors of its node a job gets, and which of those each task; pure.
//
// A processor is what the kernel numbers: a hardware thread. Threads of one core go to one job
// where it can be had, and cores of one socket too, so that jobs do not share caches.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/cpu_bind.h"

namespace gd::agent {

inline constexpr uint32_t kMostProcessors = 16384;  // that a node may have

using Processors = std::vector<uint32_t>;  // by rising number, each once

struct Core {
  uint32_t socket = 0;
  Processors threads;
  bool operator==(const Core&) const = default;
};

// "0-3,8", as the kernel writes it.
std::string format_processors(const Processors& processors);
Result<Processors> parse_processors(std::string_view text);

std::string processor_mask(const Processors& processors);  // "0x103", bit 0 last
// "SOCKET 0,64", for a file.
std::string format_core(const Core& core);
Result<Core> parse_core(std::string_view text);

// So many that are not taken; nothing if there are not so many. The socket that they fill best,
// else as few sockets as will do; on each of them whole cores, and a part of a core that is
// partly taken rather than of a free one.
std::optional<Processors> choose_processors(std::span<const Core> cores, const Processors& taken,
                                            uint32_t count);

// For each task in order its own of `mine`, `each` or more: whole threads, cores or sockets.
// All of them get all of `mine` if that does not suffice.
std::vector<Processors> share_out_processors(std::span<const Core> cores, const Processors& mine,
                                             CpuBind unit, uint32_t tasks, uint32_t each);

}  // namespace gd::agent

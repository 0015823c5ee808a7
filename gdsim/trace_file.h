// A trace or scenario from disk, plain or compressed by gzip.
#pragma once

#include <cstddef>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace gd::sim {

inline constexpr size_t kMaxTraceBytes = size_t{4} << 30;  // as text

// The text of it. The content tells whether it is compressed, not the name; "-" is standard
// input. `limit` octets are the most that will be unpacked.
Result<Bytes> read_trace_file(const std::string& path, size_t limit = kMaxTraceBytes);

}  // namespace gd::sim

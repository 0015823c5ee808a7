// Files of --multi-prog from anywhere: what is accepted gives each task a program.
#include <cstdint>

#include "base/check.h"
#include "proto/multi_prog.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint32_t tasks = 1 + data[0] % 16;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto programs = gd::parse_programs(text, tasks);
  if (!programs.ok()) return 0;
  GD_CHECK(programs->size() == tasks, programs->size());
  for (const auto& argv : *programs) GD_CHECK(!argv.empty(), tasks);
  return 0;
}

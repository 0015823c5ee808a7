// Tasks of pid 1 from anywhere: what is accepted is written the same way again.
#include <cstdint>

#include "base/check.h"
#include "server/container/init_task.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view octets{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::container::InitTask> task = gd::container::parse_init_task(octets);
  if (!task.ok()) return 0;
  const std::string again = gd::container::render_init_task(*task);
  GD_CHECK(gd::container::parse_init_task(again).ok(), again.size());
  return 0;
}

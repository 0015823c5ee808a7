// Scripts from anywhere: whatever they say, a stand-in's step has an end.
#include <cstdint>

#include "base/check.h"
#include "tests/stand_in/timed_step.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view script{reinterpret_cast<const char*>(data), size};
  const gd::stand_in::TimedStep step = gd::stand_in::read_timed_step(script);
  GD_CHECK(step.runs >= gd::Milliseconds{0} && step.runs <= gd::stand_in::kLongestSleep,
           step.runs.count());
  GD_CHECK(step.code >= 0 && step.code <= 255, step.code);
  return 0;
}

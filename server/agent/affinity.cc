#include "server/agent/affinity.h"

#include <sched.h>

#include <vector>

namespace gd::agent {
namespace {

// cpu_set_t has room for 1024; the calls take any number of them.
using Mask = std::vector<cpu_set_t>;
constexpr size_t kSets = kMostProcessors / CPU_SETSIZE;

}  // namespace

Result<Processors> affinity_of(pid_t process) {
  Mask mask(kSets);
  const size_t size = mask.size() * sizeof(cpu_set_t);
  if (::sched_getaffinity(process, size, mask.data()) != 0) return os_error("sched_getaffinity");
  Processors all;
  for (uint32_t one = 0; one < kMostProcessors; ++one) {
    if (CPU_ISSET_S(one, size, mask.data())) all.push_back(one);
  }
  return all;
}

Result<void> keep_to(const Processors& processors, pid_t process) {
  Mask mask(kSets);
  const size_t size = mask.size() * sizeof(cpu_set_t);
  for (const uint32_t one : processors) CPU_SET_S(one, size, mask.data());
  if (::sched_setaffinity(process, size, mask.data()) != 0) {
    return os_error("sched_setaffinity to processors " + format_processors(processors));
  }
  return {};
}

}  // namespace gd::agent

#include "server/agent/processor_claim.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace gd::agent {
namespace {

struct flock range(uint32_t first, uint32_t last, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = first;
  lock.l_len = static_cast<off_t>(last) - first + 1;
  return lock;
}

// What others have of it. The kernel names one lock that is in the way, whichever: what lies on
// both sides of it is asked about again.
Result<Processors> taken_in(int file, const std::string& path) {
  Processors taken;
  std::vector<std::pair<uint32_t, uint32_t>> open{{0, kMostProcessors}};  // from, and past the end
  while (!open.empty()) {
    const auto [from, past] = open.back();
    open.pop_back();
    if (from >= past) continue;
    struct flock lock = range(from, past - 1, F_WRLCK);
    if (::fcntl(file, F_OFD_GETLK, &lock) != 0) return os_error("locks of " + path);
    if (lock.l_type == F_UNLCK) continue;
    const auto first = std::max(static_cast<uint32_t>(lock.l_start), from);
    const auto length = static_cast<uint32_t>(lock.l_len);  // 0: to the end
    const uint32_t end =
        length == 0 ? past : std::min(static_cast<uint32_t>(lock.l_start) + length, past);
    for (uint32_t one = first; one < end; ++one) taken.push_back(one);
    open.emplace_back(from, first);
    open.emplace_back(end, past);
  }
  std::ranges::sort(taken);
  return taken;
}

Result<bool> lock_all(int file, const Processors& processors, const std::string& path) {
  for (size_t i = 0; i < processors.size();) {
    size_t end = i + 1;
    while (end < processors.size() && processors[end] == processors[end - 1] + 1) ++end;
    struct flock lock = range(processors[i], processors[end - 1], F_WRLCK);
    if (::fcntl(file, F_OFD_SETLK, &lock) != 0) {
      if (errno == EAGAIN || errno == EACCES) return false;
      return os_error("lock " + path);
    }
    i = end;
  }
  return true;
}

}  // namespace

Result<std::optional<ProcessorClaim>> ProcessorClaim::take(const std::string& path,
                                                           std::span<const Core> cores,
                                                           uint32_t count) {
  UniqueFd file = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  for (int tries = 0; tries < kClaimTries; ++tries) {
    const Processors taken = TRY(taken_in(file.get(), path));
    std::optional<Processors> chosen = choose_processors(cores, taken, count);
    if (!chosen) return std::optional<ProcessorClaim>{};
    if (TRY(lock_all(file.get(), *chosen, path))) {
      return std::optional<ProcessorClaim>{ProcessorClaim(std::move(file), *std::move(chosen))};
    }
    struct flock all = range(0, kMostProcessors - 1, F_UNLCK);
    if (::fcntl(file.get(), F_OFD_SETLK, &all) != 0) return os_error("unlock " + path);
  }
  return std::optional<ProcessorClaim>{};
}

Result<Processors> taken_processors(const std::string& path) {
  const UniqueFd file = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  return taken_in(file.get(), path);
}

}  // namespace gd::agent

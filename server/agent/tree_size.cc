#include "server/agent/tree_size.h"

#include <sys/stat.h>

#include <filesystem>

namespace gd::agent {
namespace {

constexpr uint64_t kMaxMeasured = 10'000'000;

}  // namespace

uint64_t measure_tree(const std::string& folder) {
  using std::filesystem::recursive_directory_iterator;
  uint64_t bytes = 0;
  uint64_t left = kMaxMeasured;
  std::error_code error;
  for (recursive_directory_iterator each(folder, error), end; !error && each != end && left > 0;
       each.increment(error), --left) {
    struct stat about {};
    if (::lstat(each->path().c_str(), &about) == 0) {
      bytes += static_cast<uint64_t>(about.st_blocks) * 512;
    }
  }
  return bytes;
}

}  // namespace gd::agent

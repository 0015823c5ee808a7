// A folder of a test's own, removed with all that is in it when the test ends.
// In TMPDIR when that is set, so a runner can choose the file system.
#pragma once

#include <cstdlib>
#include <string>

#include "base/check.h"
#include "base/fd.h"

namespace gd::test {

class TempDir {
 public:
  TempDir() {
    const char* base = ::secure_getenv("TMPDIR");
    path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/gd_test.XXXXXX";
    GD_CHECK(::mkdtemp(path_.data()) != nullptr, path_);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() { (void)remove_tree(path_).ok(); }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace gd::test

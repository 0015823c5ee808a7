// One run of skopeo, which has no rights here: as an id that nobody has, or as the user whose file
// it reads. What it says comes through a pipe. It ends with its owner. REQUIRES: root, one thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/process.h"
#include "base/result.h"

namespace gd::image {

struct SkopeoUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string folder;       // hers; it works there, and nowhere else
  std::string credentials;  // an auth file's text, or empty
};

// Where it finds the credentials: for --authfile and its like.
inline constexpr char kSkopeoAuthFile[] = "/proc/self/fd/3";

class Skopeo {
 public:
  static Result<Skopeo> start(const SkopeoUser& user, std::vector<std::string> arguments);
  Skopeo(Skopeo&& other) noexcept = default;
  Skopeo& operator=(Skopeo&& other) = delete;
  Skopeo(const Skopeo&) = delete;
  Skopeo& operator=(const Skopeo&) = delete;
  ~Skopeo() { stop(); }

  [[nodiscard]] int fd() const { return said_.get(); }
  // What has come is put behind `said`; false at its end. Waits until there is something.
  bool read(std::string& said);
  Result<WaitStatus> wait();  // for its end
  void stop();

 private:
  Skopeo(Pidfd child, UniqueFd said) : child_(std::move(child)), said_(std::move(said)) {}
  Pidfd child_;
  UniqueFd said_;
};

}  // namespace gd::image

// How large an image of a registry is, asked beside a fetch that takes its time: so that one can
// say how far that is. A question that fails leaves the size unknown, and the fetch as it is.
//
// Two rounds at most: what the name stands for may be an index, of which the manifest for this
// machine is asked by its digest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/image_name.h"
#include "server/image/skopeo.h"

namespace gd::image {

class ImageSize {
 public:
  // `options`: of skopeo inspect. `host` is asked.
  ImageSize(const SkopeoUser& user, std::vector<std::string> options, const ImageName& name,
            const std::string& host)
      : user_(user),
        options_(std::move(options)),
        repository_("docker://" + host + "/" + name.repository),
        which_(name.digest.empty() ? ":" + name.tag : "@" + name.digest) {}

  void ask();                    // once; later calls do nothing
  [[nodiscard]] int fd() const;  // to wait for; -1: nothing is awaited
  void on_ready();
  // Octets that come: configuration and layers, as the registry keeps them. 0: not known.
  [[nodiscard]] uint64_t total() const { return total_; }

 private:
  void start();
  void answer();

  const SkopeoUser& user_;
  std::vector<std::string> options_;
  std::string repository_;
  std::string which_;
  int rounds_ = 0;
  std::optional<Skopeo> run_;
  std::string said_;
  uint64_t total_ = 0;
};

}  // namespace gd::image

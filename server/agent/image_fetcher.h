// Images that are fetched before their jobs start, because the controller says who is next in line.
//
// A courtesy: what is not fetched in time, or fails, the job's own start fetches, and tells. One
// gdstore a fetch, at most kFetchesAtOnce of them; what the store has already ends at once there.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "base/poller.h"
#include "base/process.h"
#include "proto/messages_node.h"

namespace gd::agent {

inline constexpr size_t kFetchesAtOnce = 2;
inline constexpr size_t kMaxFetchesWaiting = 32;

class ImageFetcher {
 public:
  // `program` is gdstore, `settings` its file.
  ImageFetcher(Poller& poller, std::string program, std::string settings)
      : poller_(poller), program_(std::move(program)), settings_(std::move(settings)) {}
  ~ImageFetcher();
  ImageFetcher(const ImageFetcher&) = delete;
  ImageFetcher& operator=(const ImageFetcher&) = delete;

  void fetch(const ImageFetch& fetch);
  [[nodiscard]] size_t running() const { return runs_.size(); }
  [[nodiscard]] size_t waiting() const { return waiting_.size(); }

 private:
  struct Run {
    ImageFetch fetch;
    Pidfd child;
  };
  void start_next();
  void finish(int fd);

  Poller& poller_;
  std::string program_;
  std::string settings_;
  std::deque<ImageFetch> waiting_;
  std::map<int, Run> runs_;  // by the child's descriptor
};

}  // namespace gd::agent

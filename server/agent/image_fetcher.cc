#include "server/agent/image_fetcher.h"

#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>

#include "base/log.h"

namespace gd::agent {

ImageFetcher::~ImageFetcher() {
  for (auto& [fd, run] : runs_) {
    poller_.remove(fd);
    (void)run.child.send_signal(SIGKILL).ok();
    (void)run.child.wait().ok();
  }
}

void ImageFetcher::fetch(const ImageFetch& fetch) {
  const auto is_it = [&](const auto& run) { return run.second.fetch == fetch; };
  if (std::ranges::any_of(runs_, is_it) || std::ranges::count(waiting_, fetch) > 0) return;
  if (waiting_.size() >= kMaxFetchesWaiting) {
    return log_notice("fetch_ahead_dropped", {{"image", fetch.name}, {"uid", fetch.uid}});
  }
  waiting_.push_back(fetch);
  start_next();
}

void ImageFetcher::start_next() {
  while (!waiting_.empty() && runs_.size() < kFetchesAtOnce) {
    const ImageFetch fetch = std::move(waiting_.front());
    waiting_.pop_front();
    std::vector<std::string> argv = {
        program_, "--settings", settings_, "--uid", std::to_string(fetch.uid), "fetch", fetch.name};
    if (!fetch.digest.empty()) argv.push_back(fetch.digest);
    Result<Pidfd> child = spawn(argv, {.env = {"PATH=/usr/local/bin:/usr/bin:/bin"},
                                       .fds = {},
                                       .cwd = "/",
                                       .group = ProcessGroup::own_session});
    if (!child.ok()) {
      log_warning("fetch_ahead", {{"image", fetch.name}, {"error", child.error()}});
      continue;
    }
    const int fd = child->fd();
    Run run{fetch, std::move(child).take()};
    if (!poller_.add(fd, EPOLLIN, [this, fd](uint32_t) { finish(fd); }).ok()) {
      (void)run.child.send_signal(SIGKILL).ok();
      (void)run.child.wait().ok();
      continue;
    }
    log_info("fetch_ahead", {{"image", fetch.name}, {"uid", fetch.uid}});
    runs_[fd] = std::move(run);
  }
}

void ImageFetcher::finish(int fd) {
  Run run = std::move(runs_.at(fd));
  runs_.erase(fd);
  poller_.remove(fd);
  const Result<WaitStatus> ended = run.child.wait();
  const bool ok = ended.ok() && ended->ok();
  log_info("fetched_ahead", {{"image", run.fetch.name}, {"uid", run.fetch.uid}, {"ok", ok}});
  start_next();
}

}  // namespace gd::agent

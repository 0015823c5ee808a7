#include "server/image/image_size.h"

#include <sys/utsname.h>

#include "server/image/manifest.h"

namespace gd::image {
namespace {

constexpr int kMaxRounds = 2;

std::string machine() {
  utsname about{};
  return ::uname(&about) == 0 ? image_architecture(about.machine) : "";
}

}  // namespace

void ImageSize::ask() {
  if (rounds_ == 0) start();
}

void ImageSize::start() {
  ++rounds_;
  said_.clear();
  std::vector<std::string> words = {"inspect", "--raw"};
  words.insert(words.end(), options_.begin(), options_.end());
  words.push_back(repository_ + which_);
  Result<Skopeo> run = Skopeo::start(user_, std::move(words));
  if (run.ok()) run_.emplace(std::move(run).take());
}

int ImageSize::fd() const {
  return run_ ? run_->fd() : -1;
}

void ImageSize::on_ready() {
  if (run_->read(said_) && said_.size() <= kMaxManifestBytes) return;
  run_.reset();
  answer();
}

void ImageSize::answer() {
  const Result<Manifest> manifest = parse_manifest(said_);
  if (manifest.ok()) {
    total_ = manifest->config.size;
    for (const Blob& layer : manifest->layers) total_ += layer.size;
    return;
  }
  const Result<Blob> one = choose_manifest(said_, machine());
  if (!one.ok() || rounds_ >= kMaxRounds) return;
  which_ = "@" + one->digest;
  start();
}

}  // namespace gd::image

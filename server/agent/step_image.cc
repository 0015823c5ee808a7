#include "server/agent/step_image.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>

#include "base/image_name.h"
#include "base/text.h"
#include "proto/image_progress.h"
#include "server/agent/image_stamp.h"
#include "server/agent/step_plan.h"
#include "server/agent/store_answer.h"

namespace gd::agent {
namespace {

constexpr size_t kMaxLineBytes = size_t{16} << 10;

// The same image, whatever its tag or digest.
bool is_same_source(const ImageName& one, const ImageName& other) {
  return one.source == other.source && one.registry == other.registry &&
         one.repository == other.repository && one.path == other.path;
}

}  // namespace

ImageName held_to(ImageName name, const std::string& digest) {
  if (name.source == ImageSource::registry && !digest.empty()) name.digest = digest;
  return name;
}

Result<std::optional<image::StoredImage>> find_stored(const ShepherdSettings& settings,
                                                      const ImageName& name,
                                                      const std::string& digest, uid_t user,
                                                      const std::string& stamp) {
  const image::Store store(settings.images.folder);
  if (digest.empty()) return store.find(render(name), user, stamp);
  const auto is_meant = [&name](const std::string& text) {
    const Result<ImageName> other = parse_image_name(text);
    return other.ok() && is_same_source(name, *other);
  };
  std::optional<image::StoredImage> found = TRY(store.find_digest(digest, user, is_meant));
  if (found) return found;
  std::optional<image::StoredImage> now =
      TRY(store.find(render(held_to(name, digest)), user, stamp));
  if (!now || now->digest == digest) return now;
  return Error{ErrorCode::invalid, "image " + render(name) + " is " + now->digest +
                                       " now; the job is held to " + digest};
}

Result<void> hold_to_container(StepLaunch& launch, const ShepherdSettings& settings) {
  ImageSpec& image = launch.spec.image;
  if (image.container.empty()) return {};
  const std::optional<ContainerBase> kept =
      TRY(find_container(settings.containers, {launch.uid, image.container}));
  if (!kept && image.name.empty()) {
    return Error{ErrorCode::not_found, "container " + image.container +
                                           " is not on this node: give the --image to make it "
                                           "over"};
  }
  if (!kept) return {};
  if (image.name.empty()) image.name = kept->image;
  const std::string asked = render(TRY(parse_image_name(image.name)));
  if (asked == kept->image && image.digest.empty()) image.digest = kept->digest;
  return {};  // what is not the same is told when it is taken
}

Result<StepImage::Begun> StepImage::begin() {
  const std::string& asked = launch_.spec.image.name;
  const ImageName name = TRY(parse_image_name(asked.empty() ? settings_.default_image : asked));
  if (!is_stored(name)) return Begun::ready;
  TRY(check_allowed(name, settings_.images));
  name_ = render(held_to(name, launch_.spec.image.digest));
  stamp_ = TRY(image_stamp(name, TRY(identify(launch_))));
  if (TRY(find())) return Begun::ready;
  TRY(start_fetch());
  return Begun::fetching;
}

Result<bool> StepImage::find() {
  const ImageName name = TRY(parse_image_name(name_));
  image_ = TRY(find_stored(settings_, name, launch_.spec.image.digest, launch_.uid, stamp_));
  return image_.has_value();
}

Result<void> StepImage::start_fetch() {
  Pipe pipe = TRY(make_pipe(O_NONBLOCK));
  const SpawnOptions options{.env = {"PATH=/usr/local/bin:/usr/bin:/bin"},
                             .fds = {{pipe.write.get(), 1}},
                             .cwd = "/",
                             .group = ProcessGroup::own_session};
  child_ = TRY(spawn({settings_.store_program, "--settings", settings_.file, "--uid",
                      std::to_string(launch_.uid), "pull", name_},
                     options));
  output_ = std::move(pipe.read);
  events_.on_progress("image " + name_ + " is being fetched");
  return poller_.add(output_.get(), EPOLLIN, [this](uint32_t) { on_output(); });
}

void StepImage::on_output() {
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t count = ::read(output_.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;  // it has said all it had to say so far
    if (count == 0) return finish();
    unread_.append(block.data(), static_cast<size_t>(count));
    for (size_t end = 0; (end = unread_.find('\n')) != std::string::npos;) {
      on_line(std::string_view(unread_).substr(0, end));
      unread_.erase(0, end + 1);
    }
    if (unread_.size() > kMaxLineBytes) unread_.clear();
  }
}

void StepImage::on_line(std::string_view line) {
  if (line == "done") outcome_ = Result<void>{};
  if (std::optional<Error> error = parse_store_error(line)) outcome_ = *std::move(error);
  const std::optional<ImageProgress> progress = parse_image_progress(line);
  if (progress) events_.on_progress("image " + name_ + ": " + progress_text(*progress));
}

void StepImage::finish() {
  poller_.remove(output_.get());
  output_.reset();
  (void)child_.wait().ok();
  child_ = Pidfd();
  if (outcome_.ok()) {
    const Result<bool> found = find();
    if (!found.ok()) {
      outcome_ = found.error();
    } else if (!*found) {
      outcome_ = Error{ErrorCode::unavailable, "image " + name_ + " was fetched and is gone again"};
    }
  }
  events_.on_done(outcome_);
}

void StepImage::stop() {
  if (!child_.valid()) return;
  poller_.remove(output_.get());
  output_.reset();
  (void)child_.send_signal(SIGKILL).ok();
  (void)child_.wait().ok();
  child_ = Pidfd();
}

}  // namespace gd::agent

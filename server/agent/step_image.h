// A step's image: found in the node's store, or brought into it by gdstore first.
//
// One child a fetch, watched by the shepherd's poller; who waits for another's fetch of the same
// name waits in his own gdstore. While this lives, the image is in use and is not pruned.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/image_name.h"
#include "base/poller.h"
#include "base/process.h"
#include "proto/messages_node.h"
#include "server/agent/shepherd_settings.h"
#include "server/image/store.h"

namespace gd::agent {

// An image in the store that this user may have; with a digest, that one and no other, under any
// tag of the same name. `stamp`: of image_stamp(). Nothing: it has to be fetched.
Result<std::optional<image::StoredImage>> find_stored(const ShepherdSettings& settings,
                                                      const ImageName& name,
                                                      const std::string& digest, uid_t user,
                                                      const std::string& stamp);

// What is to be fetched for an image that must have this digest.
[[nodiscard]] ImageName held_to(ImageName name, const std::string& digest);

// A job that names a container which is here already gets the very image that this is over, also
// if it names none, or its tag is another's by now.
Result<void> hold_to_container(StepLaunch& launch, const ShepherdSettings& settings);

struct StepImageEvents {
  std::function<void(const Result<void>&)> on_done;  // once, if begin() said `fetching`
  std::function<void(const std::string&)> on_progress;
};

class StepImage {
 public:
  StepImage(Poller& poller, const StepLaunch& launch, const ShepherdSettings& settings,
            StepImageEvents events)
      : poller_(poller), launch_(launch), settings_(settings), events_(std::move(events)) {}
  ~StepImage() { stop(); }
  StepImage(const StepImage&) = delete;
  StepImage& operator=(const StepImage&) = delete;

  enum class Begun : uint8_t { ready, fetching };
  Result<Begun> begin();
  void stop();  // kills a fetch; what it had made so far is swept by the next
  [[nodiscard]] bool fetching() const { return child_.valid(); }

  // Of the store, once it is ready; nothing for `host` and directories.
  [[nodiscard]] const image::StoredImage* stored() const { return image_ ? &*image_ : nullptr; }

 private:
  Result<bool> find();
  Result<void> start_fetch();
  void on_output();
  void on_line(std::string_view line);
  void finish();

  Poller& poller_;
  const StepLaunch& launch_;
  const ShepherdSettings& settings_;
  StepImageEvents events_;
  std::string name_;  // canonical; with the digest that is asked for
  std::string stamp_;
  std::optional<image::StoredImage> image_;
  Pidfd child_;
  UniqueFd output_;
  std::string unread_;
  Result<void> outcome_ = Error{ErrorCode::unavailable, "gdstore ended without a word"};
};

}  // namespace gd::agent

// A step's container into a file of its user's, once its program has ended: --container-save.
//
//   prepare()   before the start: her file is made, beside its name and by her rights; what
//               cannot be written refuses the step, and not after hours
//   take_root() the program runs: the container's root is held, and outlives it
//   begin()     all processes are gone: gdstore writes it (save_container.h)
//
// The file has its name when all of it is there. What was begun is removed in all other cases but
// a shepherd's violent end. REQUIRES: root, one thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/poller.h"
#include "base/process.h"
#include "proto/messages_node.h"
#include "server/agent/shepherd_settings.h"
#include "server/container/launch_plan.h"
#include "server/image/store.h"

namespace gd::agent {

// Of the container that this step has made; an allocation's places hold nothing to be saved.
bool saves_container(const StepLaunch& launch);

class StepSave {
 public:
  using OnDone = std::function<void(const Result<uint64_t>& bytes)>;

  StepSave(Poller& poller, const StepLaunch& launch, const ShepherdSettings& settings,
           std::string step_folder, OnDone on_done);
  ~StepSave();
  StepSave(const StepSave&) = delete;
  StepSave& operator=(const StepSave&) = delete;

  // `stored`: the image, if it is of the store: nothing else can be saved.
  Result<void> prepare(const image::StoredImage* stored);
  [[nodiscard]] int root_to() const { return sockets_.second.get(); }  // LaunchPlan::root_to
  void take_root();  // if none has come, begin() says so
  Result<void> begin();
  void stop();  // without a word
  [[nodiscard]] bool running() const { return child_.valid(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void on_output();
  Result<uint64_t> finish();

  Poller& poller_;
  const StepLaunch& launch_;
  const ShepherdSettings& settings_;
  std::string step_folder_;
  OnDone on_done_;
  container::Identity identity_;
  std::string digest_;  // of the image below
  std::string path_;
  std::string part_;  // its name until it is whole; empty: there is no such file
  UniqueFd file_;
  SocketPair sockets_;  // on which the root comes
  UniqueFd root_;
  Pidfd child_;
  UniqueFd output_;
  std::string said_;
};

}  // namespace gd::agent

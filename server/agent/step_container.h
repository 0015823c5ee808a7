// The container and the control groups of one step, from start to nothing left.
//
//   <tree>/job_<n>.<launch>/           limits of the whole job on this node
//   <tree>/job_<n>.<launch>/<step>/    the processes of one step
//
// Whoever makes the job's group owns it: that step makes the job's container too, says in its
// folder where pid 1 is, and removes the whole group at its end. Other steps wait until the
// owner's container is there (try_start() says not_yet): most join it. A step that is not to
// join has a container of its own in the job's group, and a part of the job's processors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "proto/messages_node.h"
#include "server/agent/shepherd_settings.h"
#include "server/agent/step_devices.h"
#include "server/agent/step_folder.h"
#include "server/agent/step_processors.h"
#include "server/agent/step_streams.h"
#include "server/container/cgroup.h"
#include "server/container/launch.h"
#include "server/image/store.h"

namespace gd::agent {

class StepContainer {
 public:
  StepContainer(const StepLaunch& launch, const ShepherdSettings& settings, StepFolder folder)
      : launch_(launch), settings_(settings), folder_(std::move(folder)) {}
  StepContainer(const StepContainer&) = delete;
  StepContainer& operator=(const StepContainer&) = delete;

  enum class Start : uint8_t { started, not_yet };
  Result<Start> try_start(const image::StoredImage* stored, int root_to);  // LaunchPlan::root_to
  // After a failed try_start(): whether what was asked for is at fault, not this node.
  [[nodiscard]] bool request_at_fault() const { return request_at_fault_; }
  StdioEnds take_ends() { return std::move(ends_); }
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

  [[nodiscard]] bool running() const { return process_.has_value(); }
  [[nodiscard]] container::Process& process() { return *process_; }
  [[nodiscard]] bool is_place() const { return place_; }  // no program: a container for others

  // What it got, if it made the job's container; else nothing is given.
  [[nodiscard]] const Receipt& receipt() const { return receipt_; }

  // To every process of the step but the container's pid 1; no error for those just gone.
  Result<void> signal_all(int number);
  Result<void> signal_program(int number);
  // Everything in the step. The container's own pid 1 lives to tell how the program ended.
  Result<void> kill_programs();
  Result<void> kill_all();

  // Of the step's group; on v1 the I/O is the job's, of its first step alone.
  Result<container::CgroupUsage> usage() const;
  // Nothing of the step is left, and if it owned the job's group, nothing of the job.
  Result<void> clean_up();

  // Of the step, once it has started; empty: it shares all.
  [[nodiscard]] const Processors& processors() const { return processors_.own; }

 private:
  Result<void> open_groups();
  Result<void> choose(Claim claim);
  void keep_processors(StepProcessors processors);
  struct Owner {  // of the job's container
    std::string folder;
    pid_t pid = 0;
    UniqueFd process;
  };
  Result<std::optional<Owner>> find_container() const;
  Result<void> keep_layer(container::LaunchPlan& plan, const image::StoredImage* stored);
  Result<Start> start_in_groups(const image::StoredImage* stored, int root_to);
  void tell_others();

  const StepLaunch& launch_;
  const ShepherdSettings& settings_;
  StepFolder folder_;
  std::optional<container::Tree> tree_;
  std::optional<container::Cgroup> job_group_;
  std::optional<container::Cgroup> step_group_;
  std::optional<container::Process> process_;  // after the groups: it goes first
  StdioEnds ends_;
  std::vector<std::string> warnings_;
  bool owns_job_group_ = false;
  bool joined_ = false;
  bool place_ = false;
  bool request_at_fault_ = false;
  Receipt receipt_;
  DeviceChoice devices_;
  std::optional<KeptLayer> layer_;  // of the container that this step has made
  StepProcessors processors_;
};

}  // namespace gd::agent

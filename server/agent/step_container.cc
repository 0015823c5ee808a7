#include "server/agent/step_container.h"

#include <signal.h>

#include <algorithm>

#include "base/image_name.h"
#include "base/process.h"
#include "proto/step_name.h"
#include "server/agent/affinity.h"
#include "server/agent/step_engine.h"
#include "server/agent/step_plan.h"
#include "server/agent/step_receipt.h"

namespace gd::agent {
namespace {

constexpr int kCleanUpMs = 10'000;  // for a killed process to leave the kernel

std::string folder_above(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

Result<StepContainer::Start> StepContainer::try_start(const image::StoredImage* stored,
                                                      int root_to) {
  if (!tree_) {
    tree_ = TRY(container::Tree::discover(settings_.cgroup_root));
    TRY(open_groups());
  }
  return start_in_groups(stored, root_to);
}

Result<void> StepContainer::open_groups() {
  const std::string name = container::group_name(launch_.job.value, launch_.launch.value);
  Result<container::Cgroup> made = tree_->create(name);
  if (made.ok()) {
    owns_job_group_ = true;
    job_group_ = std::move(made).take();
    TRY(choose(Claim::take));
    keep_processors(take_processors(launch_, settings_));
    container::CgroupLimits limits = limits_of(launch_, settings_);
    // Version 1 would build the kernel's scheduling domains anew for each job: affinity must do.
    const bool confine = tree_->mode() == container::CgroupMode::v2 && !processors_.own.empty();
    if (confine) limits.cpuset = format_processors(processors_.own);
    std::ranges::move(rules_of(devices_.edits), std::back_inserter(*limits.devices));
    std::vector<std::string> notes = TRY(job_group_->set_limits(limits));
    warnings_.insert(warnings_.end(), notes.begin(), notes.end());
  } else if (made.error().code == ErrorCode::exists) {
    job_group_ = TRY(tree_->open(name));
    TRY(choose(Claim::join));
  } else {
    return std::move(made).error();
  }
  step_group_ = TRY(job_group_->make_step(step_name(launch_.step)));
  container::CgroupLimits own = own_limits_of(launch_);
  // Version 1 has no group of a step's own for processors: a step may use those of its job.
  if (tree_->mode() != container::CgroupMode::v2) own.cpu_milli.reset();
  if (!own.memory_bytes && !own.cpu_milli) return {};
  std::vector<std::string> notes = TRY(step_group_->set_limits(own));
  warnings_.insert(warnings_.end(), notes.begin(), notes.end());
  return {};
}

// What is not described or not allowed is the request's fault, what is not free the node's.
Result<void> StepContainer::choose(Claim claim) {
  Result<DeviceChoice> chosen = choose_devices(launch_, settings_, claim);
  if (!chosen.ok()) {
    const ErrorCode code = chosen.error().code;
    request_at_fault_ = code == ErrorCode::denied || code == ErrorCode::not_found;
    return std::move(chosen).error();
  }
  devices_ = std::move(chosen).take();
  return {};
}

// This process keeps to them, and what it starts with it: the container, and nothing before.
void StepContainer::keep_processors(StepProcessors processors) {
  processors_ = std::move(processors);
  if (!processors_.note.empty()) warnings_.push_back(processors_.note);
  if (processors_.own.empty()) return;
  const bool one = processors_.of_tasks.size() == 1 && !needs_gdtasks(launch_);
  const Result<void> kept = keep_to(one ? processors_.of_tasks[0] : processors_.own);
  if (!kept.ok()) warnings_.push_back("processors are not kept apart: " + kept.error().text);
}

// The owner of the job's group is the one step of this life of the job with an init file.
Result<std::optional<StepContainer::Owner>> StepContainer::find_container() const {
  const std::string jobs_dir = folder_above(folder_.path());
  for (const StepKey& key : TRY(list_steps(jobs_dir))) {
    if (key.job != launch_.job || key.launch != launch_.launch) continue;
    if (key.step == launch_.step) continue;
    const StepFolder other(jobs_dir + "/" + folder_name(key));
    const Result<ProcessName> init = other.read_init();
    if (!init.ok()) continue;
    Result<UniqueFd> process = open_process(*init);
    if (process.ok()) {
      return std::optional<Owner>{{other.path(), init->pid, std::move(process).take()}};
    }
  }
  return std::optional<Owner>{};
}

// What is written over the image shall be kept by a name: taken for as long as the container is.
Result<void> StepContainer::keep_layer(container::LaunchPlan& plan,
                                       const image::StoredImage* stored) {
  const ImageSpec& image = launch_.spec.image;
  if (image.container.empty()) return {};
  if (plan.image.kind == container::ImageKind::host) {
    return Error{ErrorCode::invalid,
                 "container " + image.container + ": host is no image to keep changes of"};
  }
  const ContainerBase base{.image = render(TRY(parse_image_name(image.name))),
                           .digest = stored != nullptr ? stored->digest : "",
                           .root_inside = image.root_inside};
  const Making making = image.container_new ? Making::only_new : Making::if_missing;
  layer_.emplace(TRY(take_container(settings_.containers, {launch_.uid, image.container}, base,
                                    launch_.job, making)));
  plan.layer = layer_->path();
  return {};
}

Result<StepContainer::Start> StepContainer::start_in_groups(const image::StoredImage* stored,
                                                            int root_to) {
  joined_ = launch_.join_container && !owns_job_group_;
  std::optional<Owner> owner;
  if (!owns_job_group_) {
    owner = TRY(find_container());
    if (!owner) return Start::not_yet;
    keep_processors(join_processors(launch_, settings_, owner->folder, owner->pid));
  }
  const std::unique_ptr<container::Engine> engine = TRY(engine_of(launch_, settings_));
  container::Identity identity = TRY(identify(launch_));
  request_at_fault_ =
      true;  // from here on it is the image, the files, the program that are missing
  const StepHoldings holdings{.devices = devices_.edits, .of_tasks = processors_.of_tasks};
  PreparedStep step = TRY(prepare_step(launch_, settings_, std::move(identity), stored, holdings));
  if (!joined_) TRY(keep_layer(step.plan, stored));
  step.plan.root_to = root_to;
  request_at_fault_ = false;
  step.plan.cgroup = TRY(step_group_->attach_points());
  place_ = step.plan.process.argv.empty();
  if (owns_job_group_)
    receipt_ = receipt_of(launch_, settings_, step.plan, stored, processors_.own);
  Result<container::Process> process =
      joined_ ? container::join(owner->process.get(), step.plan.identity, step.plan.process,
                                step.plan.cgroup, step.plan.root_mode)
              : engine->launch(step.plan);
  if (!process.ok()) {
    request_at_fault_ = process.error().text.starts_with("exec ");
    return std::move(process).error();
  }
  process_.emplace(std::move(process).take());
  const std::vector<std::string>& notes = process_->receipt().notes;
  warnings_.insert(warnings_.end(), step.warnings.begin(), step.warnings.end());
  warnings_.insert(warnings_.end(), notes.begin(), notes.end());
  ends_ = std::move(step.ends);
  if (launch_.pty) ends_.terminal = process_->take_terminal();
  if (owns_job_group_) tell_others();
  return Start::started;
}

// The program runs: what goes wrong here is a warning, or the job would be tried again.
void StepContainer::tell_others() {
  const Result<ProcessName> init = name_process(process_->pid());
  const Result<void> written = init.ok() ? folder_.write_init(*init) : Result<void>(init.error());
  if (!written.ok()) warnings_.push_back("no step can join this one: " + written.error().text);
}

Result<void> StepContainer::signal_all(int number) {
  std::vector<Pidfd> held;
  for (const pid_t pid : TRY(step_group_->processes())) {
    if (process_ && pid == process_->pid()) continue;
    Result<Pidfd> process = Pidfd::open(pid);
    if (process.ok()) held.push_back(std::move(process).take());
  }
  // Who is still listed now was in the group when it was opened, so its number was its own.
  std::vector<pid_t> still = TRY(step_group_->processes());
  std::ranges::sort(still);
  for (const Pidfd& process : held) {
    if (!std::ranges::binary_search(still, process.pid())) continue;
    Result<void> sent = process.send_signal(number);
    if (!sent.ok() && sent.error().code != ErrorCode::not_found) return sent;
  }
  return {};
}

Result<void> StepContainer::signal_program(int number) {
  return process_->signal(number, container::Process::Target::program);
}

Result<void> StepContainer::kill_programs() {
  if (place_) return process_->end();
  // Through pid 1 it is one call for all of the container, forks in flight included.
  if (!joined_) return process_->signal(SIGKILL, container::Process::Target::all);
  return signal_all(SIGKILL);
}

Result<void> StepContainer::kill_all() {
  return step_group_->kill_all();
}

Result<container::CgroupUsage> StepContainer::usage() const {
  if (!step_group_) return container::CgroupUsage{};
  container::CgroupUsage usage = TRY(step_group_->usage());
  if (usage.read_bytes || !owns_job_group_) return usage;
  // v1 counts I/O in the job's group alone: its first step on this node answers for it.
  const Result<container::CgroupUsage> job = job_group_->usage();
  if (job.ok()) {
    usage.read_bytes = job->read_bytes;
    usage.write_bytes = job->write_bytes;
  }
  return usage;
}

Result<void> StepContainer::clean_up() {
  process_.reset();
  TRY(folder_.forget_init());
  if (step_group_) TRY(step_group_->destroy(kCleanUpMs));
  step_group_.reset();
  if (job_group_ && owns_job_group_) TRY(job_group_->destroy(kCleanUpMs));
  job_group_.reset();
  processors_ = StepProcessors{};
  layer_.reset();
  devices_ = DeviceChoice{};  // now, not with the shepherd: the next job may be on its way
  return {};
}

}  // namespace gd::agent

#include "server/agent/spool.h"

#include <dirent.h>

#include <memory>
#include <set>

#include "server/container/sweep.h"

namespace gd::agent {
namespace {

constexpr int kSweepMs = 10'000;

void remove_rests(const std::string& jobs_dir) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir{::opendir(jobs_dir.c_str()), ::closedir};
  if (dir == nullptr) return;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(".new") || name.ends_with(".gone")) {
      (void)remove_tree(jobs_dir + "/" + entry->d_name).ok();
    }
  }
}

StepStatus lost_status(const StepKey& key, TimePoint now, std::string why) {
  StepStatus status = status_of(key, StepPhase::ended);
  status.cause = EndCause::lost;
  status.ended = now;
  status.error = std::move(why);
  return status;
}

Result<void> examine(const StepKey& key, const StepFolder& folder, const std::string& boot_id,
                     TimePoint now, SpoolFindings& findings) {
  FoundStep found;
  Result<StepLaunch> launch = folder.read_launch();
  if (launch.ok()) found.launch = std::move(launch).take();
  // The name is the truth about which step it is; what cannot be read cannot be run.
  found.launch.job = key.job;
  found.launch.launch = key.launch;
  found.launch.step = key.step;
  const Result<std::string> boot = folder.read_boot();
  const bool same_boot = boot.ok() && *boot == boot_id;
  if (launch.ok() && same_boot && !TRY(folder.was_started())) {
    found.state = FoundStep::State::accepted;
    found.status = status_of(key, StepPhase::accepted);
    findings.steps.push_back(std::move(found));
    return {};
  }
  const StepStatus lost =
      lost_status(key, now, same_boot ? "its shepherd was killed" : "the node was started again");
  if (TRY(folder.claim_dead(lost, found.status))) {
    found.state = FoundStep::State::ended;
  } else {
    const std::optional<pid_t> shepherd = TRY(folder.lock_holder());
    if (!shepherd) return examine(key, folder, boot_id, now, findings);  // it has just left
    found.state = FoundStep::State::running;
    const Result<StepStatus> status = folder.read_status();
    found.status = status.ok() ? *status : status_of(key, StepPhase::accepted);
    findings.living.push_back({key, *shepherd});
  }
  findings.steps.push_back(std::move(found));
  return {};
}

}  // namespace

Result<SpoolFindings> examine_spool(const std::string& jobs_dir, const std::string& boot_id,
                                    TimePoint now) {
  TRY(make_directories(jobs_dir, 0700));
  remove_rests(jobs_dir);
  SpoolFindings findings;
  for (const StepKey& key : TRY(list_steps(jobs_dir))) {
    const StepFolder folder(jobs_dir + "/" + folder_name(key));
    const Result<void> done = examine(key, folder, boot_id, now, findings);
    if (!done.ok()) findings.complaints.push_back(folder.path() + ": " + done.error().text);
  }
  return findings;
}

Result<std::vector<std::string>> sweep_groups(const container::Tree& tree,
                                              const std::vector<SpoolFindings::Living>& living) {
  std::set<std::string> owned;
  for (const SpoolFindings::Living& each : living) {
    owned.insert(container::group_name(each.key.job.value, each.key.launch.value));
  }
  const std::vector<container::Leftover> found =
      TRY(container::leftovers(tree, [&](const std::string& name) {
        // Folders that are not named like a job's group are somebody else's.
        return owned.contains(name) || !container::parse_group_name(name);
      }));
  TRY(container::sweep(tree, found, kSweepMs));
  std::vector<std::string> names;
  for (const container::Leftover& each : found) names.push_back(each.group);
  return names;
}

}  // namespace gd::agent

// The part of a shepherd's life that is about what a job leaves behind.
//
// Between the end of a program and that of its step the container may be to be saved. The step
// goes on as `running`, with its exit status told and `waits` saying for what: so the controller
// lets the job be COMPLETING, and its other steps end.
#include <algorithm>

#include "server/agent/shepherd.h"
#include "server/agent/step_files.h"
#include "server/agent/step_plan.h"
#include "server/container/user_file.h"

namespace gd::agent {
namespace {

constexpr ptrdiff_t kFactsBefore = 4;  // node, user, limits, network: of those none is cut off

}  // namespace

// What ends by itself is worth keeping, whatever its exit status; what was ended is half a thing.
bool Shepherd::begin_save(EndCause cause, ExitStatus exit) {
  if (!save_ || cause != EndCause::exited || cause_) return false;
  cancel_timers();
  status_.cause = cause;
  status_.exit = exit;
  status_.waits = "the container is saved as " + save_->path();
  const Result<void> begun = save_->begin();
  if (!begun.ok()) {
    on_saved(begun.error());
  } else {
    save_and_tell();
  }
  return true;
}

void Shepherd::on_saved(const Result<uint64_t>& bytes) {
  save_->stop();
  status_.waits.clear();
  if (bytes.ok()) {
    tell_save("saved as " + save_->path() + ", " + std::to_string(*bytes) + " bytes");
  } else {
    tell_save("not saved as " + save_->path() + ": " + bytes.error().text);
  }
  finish(status_.cause, status_.exit, {});
}

void Shepherd::tell_save(const std::string& how) {
  save_told_ = true;
  const std::string text = "container " + how;
  std::vector<std::string>& facts = status_.receipt.facts;
  const auto place = std::min(kFactsBefore, static_cast<ptrdiff_t>(facts.size()));
  facts.insert(facts.begin() + place, text);
  if (!how.starts_with("not ")) return;
  status_.warnings.push_back(text);
  if (launch_.step != kBatchStep) return;  // a client says its warnings
  const Result<void> written = write_in_output("gd: " + text + "\n");
  if (!written.ok()) status_.warnings.push_back("standard error: " + written.error().text);
}

// What the job keeps on this node beyond its end, told once if it is too much by now: a later job
// of the same user would not begin. It is measured when the node sweeps, every ten minutes; here
// a few bytes are read.
void Shepherd::check_room() {
  const bool first = launch_.step == kBatchStep || launch_.step == kInteractiveStep;
  if (room_told_ || !first) return;
  Result<void> room = settings_.job_dirs.root.empty()
                          ? Result<void>{}
                          : check_job_dir_quota(settings_.job_dirs, launch_.user);
  const bool keeps = !launch_.spec.image.container.empty();
  if (room.ok() && keeps) room = check_container_quota(settings_.containers, launch_.uid);
  if (room.ok()) return;
  room_told_ = true;
  const std::string text = "no further job of yours begins here: " + room.error().text;
  status_.warnings.push_back(text);
  if (launch_.step == kBatchStep) (void)write_in_output("gd: " + text + "\n").ok();
}

// Where the script's own errors are, as slurmstepd does.
Result<void> Shepherd::write_in_output(const std::string& line) const {
  const container::Identity identity = TRY(identify(launch_));
  const FileNames names =
      file_names(launch_, working_folder(launch_, identity.home), settings_.node);
  constexpr int kFlags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY;
  const UniqueFd file = TRY(container::open_as_user(names.err, kFlags, 0, identity));
  return write_all(file.get(), line, names.err);
}

void Shepherd::drop_save(EndCause cause) {
  if (!save_ || save_told_) return;
  save_->stop();
  if (!container_.running()) return;  // it has never run, so there was nothing to save
  std::string why = "the step was ended";
  if (cause == EndCause::time_limit) why = "the time limit was reached";
  if (cause == EndCause::out_of_memory) why = "the step ran out of memory";
  if (cause == EndCause::lost) why = "the container was lost";
  tell_save("not saved as " + save_->path() + ": " + why);
}

}  // namespace gd::agent

#include "server/agent/shepherd.h"

#include <signal.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/duration.h"
#include "base/process.h"
#include "proto/step_name.h"
#include "server/agent/affinity.h"
#include "server/agent/step_files.h"
#include "server/agent/step_plan.h"
#include "server/container/user_file.h"

namespace gd::agent {
namespace {

ExitStatus to_exit(int wait_status) {
  const WaitStatus ended = WaitStatus::from_wait(wait_status);
  return {.code = ended.exit_code, .signal = ended.signal};
}

}  // namespace

Shepherd::Shepherd(Poller& poller, StepFolder folder, StepLaunch launch, ShepherdSettings settings)
    : poller_(poller),
      folder_(std::move(folder)),
      launch_(std::move(launch)),
      settings_(std::move(settings)),
      status_(status_of(key_of(launch_), StepPhase::accepted)),
      door_(poller,
            {.status = [this] { return status_message(); },
             .on_order = [this](const ShepherdOrder& order) { on_order(order); },
             .on_client = [this](FrameChannel& channel,
                                 const StreamOpen& open) { return on_client(channel, open); }}),
      image_(poller, launch_, settings_,
             {.on_done = [this](const Result<void>& fetched) { on_image(fetched); },
              .on_progress =
                  [this](const std::string& text) {
                    status_.waits = text;
                    if (streams_) streams_->set_waiting(text);
                    save_and_tell();
                  }}),
      container_(launch_, settings_, folder_) {
  if (saves_container(launch_)) {
    save_.emplace(poller, launch_, settings_, folder_.path(),
                  [this](const Result<uint64_t>& bytes) { on_saved(bytes); });
  }
  if (!launch_.stream) {
    followers_.emplace(
        poller_, launch_.job, launch_.step, [this](StreamId stream) { return open_output(stream); },
        [this] {
          if (forgotten_) again(leave_timer_, kDelivered, &Shepherd::leave);
        });
    return;
  }
  StreamEvents events;
  events.on_signal = [this](int number) {
    if (ends_unstarted(number)) return;
    if (container_.running() && !ended()) (void)container_.signal_all(number).ok();
  };
  events.on_attached = [this] { on_attached(); };
  events.on_detached = [this](Leaving how) { on_detached(how); };
  events.on_delivered = [this] {
    if (forgotten_) again(leave_timer_, kDelivered, &Shepherd::leave);
  };
  const OutputForm form = needs_gdtasks(launch_) ? OutputForm::frames : OutputForm::plain;
  streams_.emplace(poller_, launch_.job, launch_.step, std::move(events), form);
}

Shepherd::~Shepherd() {
  for (const int fd : {watched_fd_, watched_pidfd_}) {
    if (fd >= 0) poller_.remove(fd);
  }
}

Result<void> Shepherd::begin(UniqueFd listener) {
  if (!TRY(folder_.lock())) {
    return Error{ErrorCode::conflict, folder_.path() + ": another shepherd has it"};
  }
  if (const Result<StepStatus> before = folder_.read_status(); before.ok()) {
    return Error{ErrorCode::conflict, folder_.path() + ": was run before"};
  }
  TRY(folder_.write_status(status_));
  if (listener.valid()) {
    TRY(door_.open(std::move(listener)));
  } else {
    TRY(door_.open(folder_));
  }
  fetch_image();
  return {};
}

void Shepherd::fetch_image() {
  const Result<void> held = hold_to_container(launch_, settings_);
  if (!held.ok()) return on_image(held);
  const Result<StepImage::Begun> begun = image_.begin();
  if (begun.ok() && *begun == StepImage::Begun::fetching) return;
  on_image(begun.ok() ? Result<void>{} : Result<void>(begun.error()));
}

// Whether it is the request or this node that is at fault decides if another node is tried.
void Shepherd::on_image(const Result<void>& fetched) {
  if (fetched.ok()) return try_start();
  const ErrorCode code = fetched.error().code;
  const bool request =
      code == ErrorCode::not_found || code == ErrorCode::denied || code == ErrorCode::invalid;
  if (streams_) (void)streams_->begin({}).ok();
  finish(cause_.value_or(request ? EndCause::refused : EndCause::launch_failed), {},
         fetched.error().text);
}

void Shepherd::try_start() {
  if (ended() || container_.running()) return;
  if (begun_at_ == Milliseconds{}) {
    begun_at_ = boot_time();
    if (const Result<void> kept = start_screen(); !kept.ok()) {
      (void)streams_->begin({}).ok();
      return finish(cause_.value_or(EndCause::refused), {}, kept.error().text);
    }
  }
  const Result<void> file = save_ ? save_->prepare(image_.stored()) : Result<void>{};
  if (!file.ok()) return on_image(Error{ErrorCode::denied, file.error().text});
  Result<StepContainer::Start> start =
      container_.try_start(image_.stored(), save_ ? save_->root_to() : -1);
  if (!start.ok()) return fail(start.error());
  if (*start == StepContainer::Start::started) return on_started();
  if (boot_time() - begun_at_ > kJoinPatience) {
    return fail(Error{ErrorCode::unavailable,
                      "the job's container was not there within " +
                          std::to_string(kJoinPatience / Milliseconds(1000)) + " s"});
  }
  again(retry_timer_, kJoinRetry, &Shepherd::try_start);
}

void Shepherd::on_started() {
  started_at_ = boot_time();
  init_pid_ = container_.process().pid();
  status_.phase = StepPhase::running;
  status_.waits.clear();
  status_.started = clock_.now();
  status_.warnings = container_.warnings();
  status_.receipt = container_.receipt();
  if (!screen_trouble_.empty()) status_.warnings.push_back(screen_trouble_);
  if (save_) save_->take_root();
  // What its terminal costs, the job pays by its own processors.
  if (screen_ && !container_.processors().empty()) {
    (void)keep_to(container_.processors(), screen_->pid()).ok();
  }
  if (streams_) {
    const Result<void> begun =
        streams_->begin(container_.take_ends(), screen_ ? &*screen_ : nullptr);
    if (!begun.ok()) status_.warnings.push_back("streams: " + begun.error().text);
    if (client_counts() && !streams_->attached()) on_detached(Leaving::lost);
  }
  if (followers_) followers_->begin();
  set_time_limit(launch_.time_limit);
  if (!container_.is_place()) {
    meter_ = UsageMeter(started_at_, settings_.sample_interval);
    again(sample_timer_, kFirstSample, &Shepherd::take_sample);
  }
  if (launch_.pty) check_idle();
  watch_process();
  save_and_tell();
}

void Shepherd::fail(const Error& error) {
  if (streams_) (void)streams_->begin({}).ok();
  status_.warnings = container_.warnings();
  const Result<container::CgroupUsage> usage = container_.usage();
  EndCause cause = container_.request_at_fault() ? EndCause::refused : EndCause::launch_failed;
  if (usage.ok() && usage->oom_kills > 0) cause = EndCause::out_of_memory;
  finish(cause_.value_or(cause), {}, error.text);
}

// ---- The program.

void Shepherd::watch_process() {
  watched_fd_ = container_.process().status_fd();
  watched_pidfd_ = container_.process().pidfd();
  for (const int fd : {watched_fd_, watched_pidfd_}) {
    const Result<void> added = poller_.add(fd, EPOLLIN, [this](uint32_t) { on_process(); });
    GD_CHECK(added.ok(), added.error().text);
  }
}

void Shepherd::on_process() {
  if (!container_.running()) return;
  Result<std::optional<container::Process::Ending>> ending = container_.process().poll_exit();
  if (!ending.ok()) {
    kill_whole_group();
    return on_gone(container::ExitReport{});
  }
  if (!*ending) return;
  if (watched_fd_ >= 0 && (*ending)->report.kind == container::ExitReport::Kind::exited) {
    on_program_end();
  }
  if ((*ending)->gone) on_gone((*ending)->report);
}

// The program has ended; the container goes down with it, and what it left running too.
void Shepherd::on_program_end() {
  poller_.remove(watched_fd_);
  watched_fd_ = -1;
  (void)container_.kill_programs().ok();
}

void Shepherd::on_gone(const container::ExitReport& report) {
  for (int* fd : {&watched_fd_, &watched_pidfd_}) {
    if (*fd >= 0) poller_.remove(*fd);
    *fd = -1;
  }
  // A joined program's children are in the job's pid namespace: its end does not kill them.
  (void)container_.kill_all().ok();
  ExitStatus exit = to_exit(report.wait_status);
  EndCause cause = cause_.value_or(EndCause::exited);
  std::string error;
  const Result<container::CgroupUsage> usage = container_.usage();
  const bool out_of_memory = usage.ok() && usage->oom_kills > 0;
  if (out_of_memory && !cause_) cause = EndCause::out_of_memory;
  if (report.kind == container::ExitReport::Kind::lost) {
    if (container_.is_place()) {
      exit = ExitStatus{};  // nothing of the user's ran in it, so nothing was killed
    } else if (killed_) {
      exit = {.code = 0, .signal = SIGKILL};
    } else if (!out_of_memory && !cause_) {
      cause = EndCause::lost;
      error = "the container's first process was killed: " +
              WaitStatus::from_wait(report.wait_status).text();
    }
  }
  if (cause == EndCause::idle) {
    error = "idle for " + format_interval(*launch_.session_idle) + ", the most that partition " +
            launch_.partition + " allows";
  }
  if (usage.ok()) {
    meter_.finish(*usage, boot_time());
    status_.usage = meter_.usage();
    status_.series = meter_.series();
  }
  if (!begin_save(cause, exit)) finish(cause, exit, std::move(error));
}

void Shepherd::cancel_timers() {
  for (const TimerId timer : {limit_timer_, warn_timer_, kill_timer_, client_timer_, retry_timer_,
                              sample_timer_, idle_timer_}) {
    poller_.cancel(timer);
  }
}

void Shepherd::finish(EndCause cause, ExitStatus exit, std::string error) {
  cancel_timers();
  drop_save(cause);
  // The last output first: the pipes' writers are gone, and so is what they wrote to.
  if (streams_ && container_.running()) streams_->drain();
  if (const Result<void> clean = container_.clean_up(); !clean.ok()) {
    status_.warnings.push_back("clean up: " + clean.error().text);
  }
  status_.phase = StepPhase::ended;
  status_.cause = cause;
  status_.exit = exit;
  status_.error = std::move(error);
  status_.ended = clock_.now();
  if (status_.started == TimePoint{}) status_.started = status_.ended;
  save_and_tell();
  again(keep_timer_, kKeepAfter, &Shepherd::keep_on_disk);
  const bool unread = streams_ || awaits_follower();
  again(leave_timer_, unread ? kRetireUnread : kRetireAfter, &Shepherd::retire);
  const StreamExit last{
      .exit = exit, .cause = cause, .error = status_.error, .warnings = status_.warnings};
  if (streams_) streams_->end(last);
  if (followers_) followers_->end(last);
}

// ---- Ends.

void Shepherd::on_terminate() {
  begin_end(EndCause::lost, launch_.kill_wait);
}

void Shepherd::begin_end(EndCause cause, Milliseconds grace) {
  if (ended()) return;
  if (save_ && save_->running()) {
    if (cause != EndCause::ordered && cause != EndCause::lost) return;
    save_->stop();
    return on_saved(Error{ErrorCode::conflict, "ended before it was done"});
  }
  const bool first = !cause_.has_value();
  if (first) cause_ = cause;
  image_.stop();
  if (!container_.running()) {  // it waits for its image or container, and need not any more
    return fail(Error{ErrorCode::conflict, "ended before it began"});
  }
  if (grace == Milliseconds{0} || container_.is_place()) return kill_now();
  const Milliseconds kill_at = boot_time() + grace;
  if (!first && (killed_ || kill_at >= kill_at_)) return;  // it may come sooner, never later
  kill_at_ = kill_at;
  again(kill_timer_, grace, &Shepherd::kill_now);
  if (!first) return;
  if (launch_.pty) (void)container_.signal_all(SIGHUP).ok();  // interactive shells ignore TERM
  (void)container_.signal_all(SIGTERM).ok();
  (void)container_.signal_all(SIGCONT).ok();  // a stopped program hears of it too
}

void Shepherd::kill_now() {
  if (ended() || !container_.running()) return;
  killed_ = true;
  if (!container_.kill_programs().ok()) return kill_whole_group();
  again(kill_timer_, kKillPatience, &Shepherd::kill_whole_group);
}

void Shepherd::kill_whole_group() {
  if (ended() || !container_.running()) return;
  killed_ = true;
  (void)container_.kill_all().ok();
  (void)container_.process().kill().ok();
}

void Shepherd::time_is_over() {
  begin_end(EndCause::time_limit, launch_.kill_wait);
}

void Shepherd::set_time_limit(std::optional<Seconds> limit) {
  poller_.cancel(limit_timer_);
  poller_.cancel(warn_timer_);
  status_.time_limit = limit;
  if (!limit || ended()) return;
  const Milliseconds end = started_at_ + *limit;
  limit_timer_ = poller_.call_at(end, [this] { time_is_over(); });
  // As Slurm: a batch script itself hears the warning only when it was asked for by "B:".
  const bool wanted = launch_.step != kBatchStep || launch_.spec.warn_batch_only;
  if (!launch_.spec.warn_signal || !wanted) return;
  warn_timer_ = poller_.call_at(end - launch_.spec.warn_before, [this] { send_warning(); });
}

void Shepherd::send_warning() {
  if (ended() || !container_.running()) return;
  const int number = *launch_.spec.warn_signal;
  (void)(launch_.spec.warn_batch_only ? container_.signal_program(number)
                                      : container_.signal_all(number))
      .ok();
}

// ---- Orders.

void Shepherd::on_order(const ShepherdOrder& order) {
  if (order.end) {
    const Seconds grace = order.end->grace.value_or(launch_.kill_wait);
    begin_end(EndCause::ordered, order.end->at_once ? Seconds{0} : grace);
  }
  if (order.signal) on_signal_order(*order.signal);
  if (order.limit && !ended() && order.limit->time_limit != status_.time_limit) {
    launch_.time_limit = order.limit->time_limit;
    if (container_.running()) {
      set_time_limit(order.limit->time_limit);
      save_and_tell();
    }
  }
  if (order.client_gone) on_detached(Leaving::on_purpose);
  if (order.forget) forget();
}

// What would end the program ends the wait for its image, of a step beside the job's first.
bool Shepherd::ends_unstarted(int number) {
  constexpr std::array kEnding{SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM};
  if (ended() || container_.running() || launch_.step >= kInteractiveStep) return false;
  if (std::ranges::find(kEnding, number) == kEnding.end()) return false;
  begin_end(EndCause::ordered, Seconds{0});
  return true;
}

void Shepherd::on_signal_order(const SignalOrder& order) {
  if (ends_unstarted(order.signal)) return;
  if (ended() || !container_.running() || order.serial <= status_.signal_serial) return;
  (void)(order.batch_only ? container_.signal_program(order.signal)
                          : container_.signal_all(order.signal))
      .ok();
  status_.signal_serial = order.serial;
  save_and_tell();
}

Result<void> Shepherd::on_client(FrameChannel& channel, const StreamOpen& open) {
  if (followers_ && launch_.step == kBatchStep) return followers_->attach(channel, open);
  if (!streams_) {
    return Error{ErrorCode::conflict, "step " + step_name(launch_.step) + " of job " +
                                          std::to_string(launch_.job.value) +
                                          " has no streams to open"};
  }
  if (open.watch) return streams_->attach_watcher(channel);
  streams_->attach(std::move(channel), open);
  return {};
}

void Shepherd::on_detached(Leaving how) {
  if (launch_.pty && !ended()) tell_sample();
  if (!client_counts() || ended()) return;  // a terminal lives on, for a later client
  if (how == Leaving::on_purpose) return client_is_gone();
  again(client_timer_, kClientGrace, &Shepherd::client_is_gone);
}

void Shepherd::client_is_gone() {
  begin_end(EndCause::client_gone, launch_.kill_wait);
}

void Shepherd::forget() {
  if (!ended() || forgotten_) return;
  forgotten_ = true;
  if (followers_ && !awaits_follower()) return leave();
  const bool delivered = streams_ && streams_->delivered();
  again(leave_timer_, delivered ? kDelivered : kLinger, &Shepherd::leave);
}

// Somebody reads the output, or has said that she will, and has not had all of it.
bool Shepherd::awaits_follower() const {
  if (!followers_ || followers_->delivered()) return false;
  return launch_.spec.followed || !followers_->idle();
}

// By its name and with the user's own rights, as it was opened for the program.
Result<UniqueFd> Shepherd::open_output(StreamId stream) const {
  const container::Identity identity = TRY(identify(launch_));
  const FileNames names =
      file_names(launch_, working_folder(launch_, identity.home), settings_.node);
  const bool error = stream == StreamId::error;
  if (error && names.err == names.out) return UniqueFd{};
  constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  return container::open_as_user(error ? names.err : names.out, kFlags, 0, identity);
}

void Shepherd::leave() {
  if (const Result<void> removed = folder_.remove(); !removed.ok()) {
    status_.warnings.push_back(removed.error().text);  // gdnoded removes it with the next confirm
  }
  poller_.stop();
}

void Shepherd::retire() {
  keep_on_disk();
  poller_.stop();
}

// ---- Telling.

void Shepherd::save_and_tell() {
  if (const Result<void> saved = folder_.write_status(status_); !saved.ok()) {
    status_.warnings.push_back(saved.error().text);
  }
  door_.tell_status();
}

void Shepherd::take_sample() {
  const Result<container::CgroupUsage> reading = container_.usage();
  if (reading.ok()) {
    meter_.take(*reading, boot_time());
    if (meter_.sample().cpu_milli >= kIdleCpuMilli) computed_at_ = boot_time();
    tell_sample();
  }
  check_room();
  again(sample_timer_, settings_.sample_interval, &Shepherd::take_sample);
}

void Shepherd::keep_on_disk() {
  if (!forgotten_) (void)folder_.keep_status(status_).ok();
}

void Shepherd::again(TimerId& timer, Milliseconds delay, void (Shepherd::*what)()) {
  poller_.cancel(timer);
  timer = poller_.call_after(delay, [this, what] { (this->*what)(); });
}

ShepherdStatus Shepherd::status_message() const {
  return {.status = status_,
          .shepherd_pid = static_cast<int32_t>(::getpid()),
          .init_pid = static_cast<int32_t>(init_pid_)};
}

}  // namespace gd::agent

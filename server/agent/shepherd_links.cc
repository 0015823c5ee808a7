#include "server/agent/shepherd_links.h"

#include <signal.h>

#include "base/text.h"
#include "proto/step_name.h"

namespace gd::agent {
namespace {

constexpr int kCleanUpMs = 10'000;
constexpr size_t kMaxLogBytes = size_t{64} << 10;

// The last line that a shepherd wrote before it left.
std::string last_words(const StepFolder& folder) {
  const Result<Bytes> log = read_file(folder.file("log"), kMaxLogBytes);
  if (!log.ok()) return "";
  const std::string_view text = trim(*log);
  const size_t start = text.rfind('\n');
  return printable(start == std::string_view::npos ? text : text.substr(start + 1));
}

}  // namespace

ShepherdLinks::~ShepherdLinks() {
  while (!links_.empty()) drop(links_.begin()->first);
}

Result<void> ShepherdLinks::start(const StepLaunch& launch) {
  const StepKey key = key_of(launch);
  if (links_.contains(key)) return {};
  if (links_.size() >= kMaxSteps) {
    return Error{ErrorCode::exhausted, "this node has " + std::to_string(links_.size()) +
                                           " steps already, the most it takes"};
  }
  StepFolder folder(paths_.jobs_dir + "/" + folder_name(key));
  Result<StepFolder> made = StepFolder::create(paths_.jobs_dir, launch, paths_.boot_id);
  if (!made.ok()) {
    if (made.error().code != ErrorCode::exists) return std::move(made).error();
    if (TRY(folder.was_started())) {
      return Error{ErrorCode::conflict, folder.path() + ": was started before"};
    }
  }
  TRY(folder.mark_started());
  Result<Pidfd> shepherd = spawn_shepherd(folder);
  if (!shepherd.ok()) return std::move(shepherd).error();
  Link& link = links_[key];
  link.folder = folder;
  link.shepherd = std::move(shepherd).take();
  link.child = true;
  if (connect(key, link).ok()) return {};
  // Its end would not be seen, and an error would say that it never ran: so it ends here.
  TRY(link.shepherd.send_signal(SIGKILL));
  on_shepherd_gone(key);
  return {};
}

Result<Pidfd> ShepherdLinks::spawn_shepherd(const StepFolder& folder) {
  const UniqueFd listener = TRY(listen_at(folder.path(), kShepherdSocket));
  const UniqueFd log = TRY(open_file(folder.file("log"), O_WRONLY | O_CREAT | O_APPEND, 0600));
  SpawnOptions options;
  options.fds = {{log.get(), 2}, {listener.get(), 3}};
  options.cwd = "/";
  options.group = ProcessGroup::own_session;  // it outlives us
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  return spawn({paths_.program, "--settings", paths_.settings, "--socket", "3", folder.path()},
               options);
}

Result<void> ShepherdLinks::adopt(const StepKey& key, pid_t shepherd) {
  Link& link = links_[key];
  link.folder = StepFolder(paths_.jobs_dir + "/" + folder_name(key));
  Result<Pidfd> process = Pidfd::open(shepherd);
  if (!process.ok()) {
    links_.erase(key);
    return std::move(process).error();
  }
  link.shepherd = std::move(process).take();
  return connect(key, link);
}

// A shepherd that cannot be reached is not given up: its end will be seen by the pidfd.
Result<void> ShepherdLinks::connect(const StepKey& key, Link& link) {
  TRY(poller_.add(link.shepherd.fd(), EPOLLIN, [this, key](uint32_t) { on_shepherd_gone(key); }));
  Result<UniqueFd> fd = connect_at(link.folder.path(), kShepherdSocket);
  if (!fd.ok()) return {};
  link.channel = FrameChannel(std::move(fd).take());
  send(key, ShepherdOrder{});  // says who we are: the status comes back
  return {};
}

void ShepherdLinks::order(const StepKey& key, const ShepherdOrder& order) {
  send(key, order);
}

void ShepherdLinks::send(const StepKey& key, const ShepherdOrder& order) {
  const auto found = links_.find(key);
  if (found == links_.end() || !found->second.channel.open()) return;
  Link& link = found->second;
  if (!link.channel.send(order).ok() || link.channel.backlog() > kMaxOrderBacklog) {
    return close_channel(link);
  }
  watch(key, link);
}

void ShepherdLinks::forget(const StepKey& key) {
  const auto found = links_.find(key);
  if (found == links_.end()) {
    const StepFolder folder(paths_.jobs_dir + "/" + folder_name(key));
    (void)folder.remove().ok();  // none there: nothing to forget
    return;
  }
  found->second.forgetting = true;
  send(key, ShepherdOrder{.forget = true});
}

const StepFolder* ShepherdLinks::folder(const StepKey& key) const {
  const auto found = links_.find(key);
  return found == links_.end() ? nullptr : &found->second.folder;
}

void ShepherdLinks::on_ready(const StepKey& key, uint32_t events) {
  auto found = links_.find(key);
  if (found == links_.end() || !found->second.channel.open()) return;
  FrameChannel& channel = found->second.channel;
  bool alive = (events & EPOLLOUT) == 0 || channel.flush().ok();
  if (alive && (events & ~uint32_t{EPOLLOUT}) != 0) {
    const Result<bool> more = channel.fill();
    alive = more.ok() && *more;
  }
  for (;;) {
    found = links_.find(key);
    if (found == links_.end() || !found->second.channel.open()) return;
    Result<std::optional<Message>> message = found->second.channel.next();
    if (!message.ok()) alive = false;
    if (!message.ok() || !*message) break;
    if (const auto* told = std::get_if<ShepherdStatus>(&**message)) {
      found->second.ended = told->status.phase == StepPhase::ended;
      // A shepherd speaks of its own step only.
      if (key_of(told->status) == key) events_.on_status(told->status);
    }
    if (auto* sample = std::get_if<StepSample>(&**message)) {
      const StepKey whose{sample->job, sample->launch, sample->step};
      if (whose == key && events_.on_sample) events_.on_sample(std::move(*sample));
    }
  }
  if (!alive) return close_channel(found->second);  // its end comes by the pidfd
  watch(key, found->second);
}

void ShepherdLinks::on_shepherd_gone(const StepKey& key) {
  const auto found = links_.find(key);
  if (found == links_.end()) return;
  on_ready(key, EPOLLIN);  // what it said last
  const StepFolder folder = found->second.folder;
  const bool forgetting = found->second.forgetting;
  if (found->second.child) (void)found->second.shepherd.wait().ok();
  drop(key);
  if (forgetting) {
    (void)folder.remove().ok();
    return;
  }
  StepStatus lost = status_of(key, StepPhase::ended);
  lost.cause = EndCause::lost;
  lost.ended = SystemClock().now();
  lost.error = "its shepherd was killed";
  if (const std::string words = last_words(folder); !words.empty()) lost.error = words;
  StepStatus status;
  const Result<bool> dead = folder.claim_dead(lost, status);
  clean_up_after(key, folder);
  if (dead.ok() && *dead) {
    events_.on_status(status);
  } else {
    events_.on_lost(key, lost.error);
  }
}

void ShepherdLinks::clean_up_after(const StepKey& key, const StepFolder& folder) {
  Result<container::Cgroup> job =
      tree_.open(container::group_name(key.job.value, key.launch.value));
  if (!job.ok()) return;
  // The step that owned the container owned the job's group; the others end with it.
  if (folder.read_init().ok() || !folder.read_launch().ok()) {
    (void)job->destroy(kCleanUpMs).ok();
    return;
  }
  Result<container::Cgroup> step = job->make_step(step_name(key.step));
  if (step.ok()) (void)step->destroy(kCleanUpMs).ok();
}

void ShepherdLinks::watch(const StepKey& key, Link& link) {
  const uint32_t events =
      uint32_t{EPOLLIN} | (link.channel.wants_write() ? uint32_t{EPOLLOUT} : 0U);
  if (events == link.watched) return;
  if (link.watched == 0) {
    const auto ready = [this, key](uint32_t what) { on_ready(key, what); };
    if (!poller_.add(link.channel.fd(), events, ready).ok()) return;
  } else {
    (void)poller_.modify(link.channel.fd(), events).ok();
  }
  link.watched = events;
}

void ShepherdLinks::close_channel(Link& link) {
  if (link.watched != 0) poller_.remove(link.channel.fd());
  link.watched = 0;
  link.channel.close();
}

void ShepherdLinks::drop(const StepKey& key) {
  const auto found = links_.find(key);
  if (found == links_.end()) return;
  close_channel(found->second);
  if (found->second.shepherd.valid()) poller_.remove(found->second.shepherd.fd());
  links_.erase(found);
}

}  // namespace gd::agent

// See auth_daemon.h. First the tables, then what comes in, then the handlers.
#include "server/auth/auth_daemon.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace gd::auth {

const AuthDaemon::Rule AuthDaemon::kControllerRules[] = {
    {PacketKind::login_start, State::absent, &AuthDaemon::start_login},
    {PacketKind::account_check, State::absent, &AuthDaemon::start_account_check},
    {PacketKind::login_answer, State::asked, &AuthDaemon::pass_answer},
    {PacketKind::login_cancel, State::working, &AuthDaemon::cancel},
    {PacketKind::login_cancel, State::asked, &AuthDaemon::cancel},
    {PacketKind::login_cancel, State::failing, &AuthDaemon::cancel},
    {PacketKind::enrol_answer, State::enrolling, &AuthDaemon::finish_enrol},
};

const AuthDaemon::Rule AuthDaemon::kWorkerRules[] = {
    {PacketKind::login_prompt, State::working, &AuthDaemon::pass_prompt},
    {PacketKind::login_done, State::working, &AuthDaemon::finish_login},
    {PacketKind::account_done, State::working, &AuthDaemon::finish_check},
    {PacketKind::refused, State::working, &AuthDaemon::worker_refused},
};

namespace {

bool from_controller_kind(PacketKind kind) {
  return kind <= PacketKind::enrol_answer;
}

// What may cross with the end of its conversation, and then means nothing.
bool may_be_late(PacketKind kind) {
  return kind == PacketKind::login_answer || kind == PacketKind::login_cancel ||
         kind == PacketKind::enrol_answer;
}

Packet user_packet(PacketKind kind, uint64_t id, const Packet& from_worker) {
  Packet packet;
  packet.kind = kind;
  packet.id = id;
  packet.uid = from_worker.uid;
  packet.gid = from_worker.gid;
  packet.text = SecretString(std::string(from_worker.text.reveal()));
  return packet;
}

}  // namespace

AuthDaemon::AuthDaemon(Badge, Poller& poller, DaemonOptions options)
    : poller_(poller), options_(std::move(options)) {}

Result<std::unique_ptr<AuthDaemon>> AuthDaemon::create(Poller& poller, DaemonOptions options) {
  auto daemon = std::make_unique<AuthDaemon>(Badge{}, poller, std::move(options));
  AuthDaemon* self = daemon.get();
  TRY(poller.add(self->options_.control.get(), EPOLLIN, [self](uint32_t) { self->on_control(); }));
  self->listener_ =
      TRY(EnrolListener::create(poller, std::move(self->options_.listening),
                                [self](const EnrolAsk& ask) { self->on_enrol_ask(ask); }));
  return daemon;
}

AuthDaemon::~AuthDaemon() {
  poller_.remove(options_.control.get());
  for (auto& [id, conversation] : conversations_) {
    release_worker(conversation);
    poller_.cancel(conversation.timer);
  }
}

// ---- what comes in

void AuthDaemon::on_control() {
  for (;;) {
    Result<std::optional<Packet>> packet = receive_packet(options_.control.get());
    if (!packet.ok()) {
      if (packet.error().code != ErrorCode::unavailable) return stop(packet.error());
      return poller_.stop();  // gdctld has gone: so do we
    }
    if (!*packet) return;
    from_controller(std::move(**packet));
    if (fault_) return;
  }
}

void AuthDaemon::from_controller(Packet packet) {
  const bool local_id = (packet.id & kEnrolIdBit) != 0;
  if (!from_controller_kind(packet.kind) || local_id != (packet.kind == PacketKind::enrol_answer)) {
    return stop(Error{ErrorCode::invalid, "gdctld sent a packet that is not its to send"});
  }
  const State state = state_of(packet.id);
  for (const Rule& rule : kControllerRules) {
    if (rule.kind == packet.kind && rule.state == state) {
      return (this->*rule.handler)(std::move(packet));
    }
  }
  if (state == State::absent && may_be_late(packet.kind)) return;
  log_warning("packet_out_of_order", {{"kind", static_cast<int>(packet.kind)}, {"id", packet.id}});
  refuse(packet.id, Error{ErrorCode::conflict, "the conversation is not in a state for this"});
}

void AuthDaemon::on_worker(uint64_t id) {
  const auto found = conversations_.find(id);
  if (found == conversations_.end() || !found->second.worker) return;
  Result<std::optional<Packet>> packet = found->second.worker->receive();
  if (!packet.ok()) {
    log_error("pam_process_died", {{"user", found->second.user}, {"error", packet.error()}});
    return refuse(id, Error{ErrorCode::unavailable, "PAM's process ended without an answer"});
  }
  if (!*packet) return;
  (*packet)->id = id;
  for (const Rule& rule : kWorkerRules) {
    if (rule.kind == (*packet)->kind && rule.state == found->second.state) {
      return (this->*rule.handler)(std::move(**packet));
    }
  }
  refuse(id, Error{ErrorCode::internal, "PAM's process spoke out of turn"});
}

void AuthDaemon::on_enrol_ask(const EnrolAsk& ask) {
  // The listener counts connections; one that hung up may still have its check under way.
  if (enrolments_of(ask.uid) >= kMaxEnrolPerUid) {
    return listener_->answer(
        ask.id, Error{ErrorCode::unavailable, "too many enrolments of uid " +
                                                  std::to_string(ask.uid) + " at once; try again"});
  }
  Conversation conversation;
  conversation.purpose = Purpose::enrol;
  conversation.uid = ask.uid;
  conversation.public_key = ask.public_key;
  conversation.user = "uid " + std::to_string(ask.uid);
  queue_check(ask.id | kEnrolIdBit, std::move(conversation));
}

// ---- requests of gdctld

void AuthDaemon::start_login(Packet packet) {
  Conversation conversation;
  conversation.purpose = Purpose::login;
  conversation.user = std::string(packet.text.reveal());
  conversation.address = packet.extra;
  const uint64_t id = packet.id;
  if (const Result<void> named = check_login_name(conversation.user); !named.ok()) {
    return refuse(id, named.error());
  }
  if (logins() >= kMaxLogins || logins_from(conversation.address) >= kMaxLoginsPerAddress) {
    return refuse(
        id, Error{ErrorCode::unavailable,
                  "too many logins at once (" + std::to_string(kMaxLogins) + " are allowed, " +
                      std::to_string(kMaxLoginsPerAddress) + " from one address); try again"});
  }
  const Result<void> slowed =
      throttle_.start(conversation.user, conversation.address, TimePoint{boot_time()});
  if (!slowed.ok()) {
    log_warning("login_slowed_down",
                {{"user", conversation.user}, {"address", conversation.address}});
    return refuse(id, slowed.error());
  }
  conversation.timer = poller_.call_after(kLoginTime, [this, id] {
    refuse(id, Error{ErrorCode::unavailable, "the login took too long"});
  });
  conversations_.emplace(id, std::move(conversation));
  (void)run_worker(id, WorkerTask::login);
}

void AuthDaemon::start_account_check(Packet packet) {
  Conversation conversation;
  conversation.purpose = Purpose::account;
  conversation.user = std::string(packet.text.reveal());
  if (const Result<void> named = check_login_name(conversation.user); !named.ok()) {
    return refuse(packet.id, named.error());
  }
  queue_check(packet.id, std::move(conversation));
}

void AuthDaemon::pass_answer(Packet packet) {
  Conversation& conversation = conversations_.at(packet.id);
  conversation.state = State::working;
  if (!conversation.worker->send(packet).ok()) {
    refuse(packet.id, Error{ErrorCode::unavailable, "PAM's process has gone"});
  }
}

void AuthDaemon::cancel(Packet packet) {
  forget(packet.id);
}

void AuthDaemon::finish_enrol(Packet packet) {
  const Result<EnrolAnswer> answer = parse_enrol_answer(packet.text.reveal());
  listener_->answer(packet.id & ~kEnrolIdBit, answer);
  forget(packet.id);
}

// ---- news from PAM's processes

void AuthDaemon::pass_prompt(Packet packet) {
  conversations_.at(packet.id).state = State::asked;
  tell(std::move(packet));
}

void AuthDaemon::finish_login(Packet packet) {
  const uint64_t id = packet.id;
  const Conversation& conversation = conversations_.at(id);
  if (conversation.purpose != Purpose::login) {
    return refuse(id, Error{ErrorCode::internal, "PAM's process spoke out of turn"});
  }
  throttle_.succeeded(conversation.user, conversation.address);
  log_info("login", {{"user", packet.text.reveal()}, {"address", conversation.address}});
  tell(user_packet(PacketKind::login_done, id, packet));
  forget(id);
}

void AuthDaemon::finish_check(Packet packet) {
  const uint64_t id = packet.id;
  Conversation& conversation = conversations_.at(id);
  if (conversation.purpose == Purpose::account) {
    tell(user_packet(PacketKind::account_done, id, packet));
    return forget(id);
  }
  if (conversation.purpose != Purpose::enrol || packet.uid != conversation.uid) {
    return refuse(id, Error{ErrorCode::internal, "PAM's process spoke out of turn"});
  }
  release_worker(conversation);
  poller_.cancel(conversation.timer);
  conversation.timer = poller_.call_after(kEnrolWait, [this, id] {
    refuse(id, Error{ErrorCode::unavailable, "the controller did not answer in time"});
  });
  conversation.state = State::enrolling;
  Packet ask = user_packet(PacketKind::enrol_ask, id, packet);
  ask.extra = conversation.public_key;
  tell(std::move(ask));
  run_queued();
}

void AuthDaemon::worker_refused(Packet packet) {
  const uint64_t id = packet.id;
  Conversation& conversation = conversations_.at(id);
  const auto code = static_cast<ErrorCode>(
      std::min(packet.code, static_cast<uint8_t>(ErrorCode::unauthenticated)));
  const Error error{code, std::string(packet.text.reveal())};
  log_warning("refused",
              {{"user", conversation.user}, {"address", conversation.address}, {"error", error}});
  if (conversation.purpose != Purpose::login) return refuse(id, error);
  // The slot stays taken meanwhile: whoever guesses gets no more tries by not waiting.
  release_worker(conversation);
  poller_.cancel(conversation.timer);
  conversation.timer =
      poller_.call_after(options_.fail_delay, [this, id, error] { refuse(id, error); });
  conversation.state = State::failing;
}

// ---- conversations

void AuthDaemon::queue_check(uint64_t id, Conversation conversation) {
  const auto waiting =
      std::count_if(conversations_.begin(), conversations_.end(),
                    [](const auto& entry) { return entry.second.state == State::queued; });
  if (static_cast<size_t>(waiting) >= kMaxQueuedChecks) {
    conversations_.emplace(id, std::move(conversation));  // so that refuse() knows whom to tell
    return refuse(id, Error{ErrorCode::unavailable, std::to_string(kMaxQueuedChecks) +
                                                        " account checks wait already; try again"});
  }
  conversation.timer = poller_.call_after(kAccountTime, [this, id] {
    refuse(id, Error{ErrorCode::unavailable, "the account check took too long"});
  });
  conversations_.emplace(id, std::move(conversation));
  queue_.push_back(id);
  run_queued();
}

void AuthDaemon::run_queued() {
  while (checks_running_ < kMaxAccountChecks && !queue_.empty()) {
    const uint64_t id = queue_.front();
    queue_.pop_front();
    if (state_of(id) != State::queued) continue;
    const bool by_uid = conversations_.at(id).purpose == Purpose::enrol;
    (void)run_worker(id, by_uid ? WorkerTask::account_of_uid : WorkerTask::account);
  }
}

bool AuthDaemon::run_worker(uint64_t id, WorkerTask task) {
  Conversation& conversation = conversations_.at(id);
  PamTarget target{options_.service, options_.confdir, conversation.user, conversation.address};
  Result<AuthWorker> worker = AuthWorker::start(task, std::move(target), conversation.uid);
  if (!worker.ok()) {
    refuse(id, worker.error());
    return false;
  }
  conversation.worker = std::move(worker).take();
  conversation.state = State::working;
  if (conversation.purpose != Purpose::login) ++checks_running_;
  const Result<void> added =
      poller_.add(conversation.worker->fd(), EPOLLIN, [this, id](uint32_t) { on_worker(id); });
  if (!added.ok()) refuse(id, added.error());
  return added.ok();
}

void AuthDaemon::release_worker(Conversation& conversation) {
  if (!conversation.worker) return;
  poller_.remove(conversation.worker->fd());
  conversation.worker.reset();
  if (conversation.purpose != Purpose::login) --checks_running_;
}

void AuthDaemon::refuse(uint64_t id, const Error& error) {
  const auto found = conversations_.find(id);
  if (found != conversations_.end() && found->second.purpose == Purpose::enrol) {
    listener_->answer(id & ~kEnrolIdBit, error);
    return forget(id);
  }
  Packet packet;
  packet.kind = PacketKind::refused;
  packet.id = id;
  packet.code = static_cast<uint8_t>(error.code);
  packet.text = SecretString(error.text.substr(0, kMaxPacketText));
  forget(id);
  tell(std::move(packet));
}

void AuthDaemon::forget(uint64_t id) {
  const auto found = conversations_.find(id);
  if (found == conversations_.end()) return;
  release_worker(found->second);
  poller_.cancel(found->second.timer);
  conversations_.erase(found);
  run_queued();
}

void AuthDaemon::tell(Packet packet) {
  const Result<void> sent = send_packet(options_.control.get(), packet);
  if (sent.ok()) return;
  // Full: gdctld is far behind, and that conversation will time out. Gone: seen by on_control.
  log_warning("controller_not_told", {{"id", packet.id}, {"error", sent.error()}});
}

void AuthDaemon::stop(Error fault) {
  fault_ = std::move(fault);
  poller_.stop();
}

AuthDaemon::State AuthDaemon::state_of(uint64_t id) const {
  const auto found = conversations_.find(id);
  return found == conversations_.end() ? State::absent : found->second.state;
}

size_t AuthDaemon::logins() const {
  return static_cast<size_t>(
      std::count_if(conversations_.begin(), conversations_.end(),
                    [](const auto& entry) { return entry.second.purpose == Purpose::login; }));
}

size_t AuthDaemon::logins_from(const std::string& address) const {
  return static_cast<size_t>(
      std::count_if(conversations_.begin(), conversations_.end(), [&](const auto& entry) {
        return entry.second.purpose == Purpose::login && entry.second.address == address;
      }));
}

size_t AuthDaemon::enrolments_of(Uid uid) const {
  return static_cast<size_t>(
      std::count_if(conversations_.begin(), conversations_.end(), [&](const auto& entry) {
        return entry.second.purpose == Purpose::enrol && entry.second.uid == uid;
      }));
}

}  // namespace gd::auth

#include "server/agent/shepherd_door.h"

#include <sys/socket.h>

#include <algorithm>
#include <vector>

namespace gd::agent {
namespace {

bool same_user_or_root(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

}  // namespace

ShepherdDoor::~ShepherdDoor() {
  while (!visitors_.empty()) drop(visitors_.begin()->first);
  if (listener_.valid()) poller_.remove(listener_.get());
}

Result<void> ShepherdDoor::open(const StepFolder& folder) {
  return open(TRY(listen_at(folder.path(), kShepherdSocket)));
}

Result<void> ShepherdDoor::open(UniqueFd listener) {
  listener_ = std::move(listener);
  return poller_.add(listener_.get(), EPOLLIN, [this](uint32_t) { accept_all(); });
}

bool ShepherdDoor::agent_connected() const {
  return std::ranges::any_of(visitors_, [](const auto& entry) { return entry.second.agent; });
}

void ShepherdDoor::tell_status() {
  std::vector<uint64_t> agents;
  for (const auto& [id, visitor] : visitors_) {
    if (visitor.agent) agents.push_back(id);
  }
  for (const uint64_t id : agents) send(id, events_.status());
}

void ShepherdDoor::tell(const StepSample& sample) {
  std::vector<uint64_t> agents;
  for (const auto& [id, visitor] : visitors_) {
    if (visitor.agent && visitor.channel.backlog() == 0) agents.push_back(id);
  }
  for (const uint64_t id : agents) send(id, sample);
}

void ShepherdDoor::accept_all() {
  for (;;) {
    Result<std::optional<UniqueFd>> next = accept_from(listener_.get());
    if (!next.ok() || !*next) return;
    UniqueFd fd = std::move(**next);
    if (!same_user_or_root(fd.get()) || visitors_.size() >= kMaxDoorConnections) continue;
    const uint64_t id = next_id_++;
    Visitor& visitor = visitors_[id];
    visitor.channel = FrameChannel(std::move(fd));
    watch(id, visitor);
  }
}

void ShepherdDoor::on_ready(uint64_t id, uint32_t events) {
  auto found = visitors_.find(id);
  if (found == visitors_.end()) return;
  FrameChannel& channel = found->second.channel;
  bool alive = (events & EPOLLOUT) == 0 || channel.flush().ok();
  if (alive && (events & ~uint32_t{EPOLLOUT}) != 0) {
    const Result<bool> more = channel.fill();
    alive = more.ok() && *more;
  }
  // What came before a close still counts: an order, and then the agent's end.
  for (;;) {
    found = visitors_.find(id);
    if (found == visitors_.end()) return;  // handed over
    Result<std::optional<Message>> message = found->second.channel.next();
    if (!message.ok()) return drop(id);
    if (!*message) break;
    if (!handle(id, **message)) return drop(id);
  }
  if (!alive) return drop(id);
  watch(id, found->second);
}

bool ShepherdDoor::handle(uint64_t id, const Message& message) {
  const auto found = visitors_.find(id);
  if (const auto* order = std::get_if<ShepherdOrder>(&message)) {
    const bool first = !std::exchange(found->second.agent, true);
    if (first) send(id, events_.status());
    events_.on_order(*order);
    return true;
  }
  const auto* open = std::get_if<StreamOpen>(&message);
  if (open == nullptr || found->second.agent) return false;
  Visitor visitor = std::move(found->second);
  if (visitor.watched != 0) poller_.remove(visitor.channel.fd());
  visitors_.erase(found);
  const Result<void> taken = events_.on_client(visitor.channel, *open);
  if (!taken.ok() && visitor.channel.open()) {
    (void)visitor.channel.send(ErrorReply{.code = taken.error().code, .text = taken.error().text})
        .ok();
  }
  return true;
}

void ShepherdDoor::send(uint64_t id, const Message& message) {
  const auto found = visitors_.find(id);
  if (found == visitors_.end()) return;
  if (!found->second.channel.send(message).ok()) return drop(id);
  watch(id, found->second);
}

void ShepherdDoor::watch(uint64_t id, Visitor& visitor) {
  const uint32_t events =
      uint32_t{EPOLLIN} | (visitor.channel.wants_write() ? uint32_t{EPOLLOUT} : 0U);
  if (events == visitor.watched) return;
  if (visitor.watched == 0) {
    const auto ready = [this, id](uint32_t what) { on_ready(id, what); };
    if (!poller_.add(visitor.channel.fd(), events, ready).ok()) return;
  } else {
    (void)poller_.modify(visitor.channel.fd(), events).ok();
  }
  visitor.watched = events;
}

void ShepherdDoor::drop(uint64_t id) {
  const auto found = visitors_.find(id);
  if (found == visitors_.end()) return;
  if (found->second.watched != 0) poller_.remove(found->second.channel.fd());
  visitors_.erase(found);
}

}  // namespace gd::agent

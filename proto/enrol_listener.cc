// See enrol_listener.h. A client is in one of two states: its line is being read,
// or the line was whole and the answer is awaited.
#include "proto/enrol_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

namespace gd {

namespace {

constexpr int kBacklog = 128;

void tell(int fd, const Result<EnrolAnswer>& answer) {
  const std::string line = format_enrol_answer(answer);
  (void)::send(fd, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);  // gone: its loss
}

Result<void> remove_old_socket(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return os_error(path);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Error{ErrorCode::exists, path + ": is there and is no socket; remove it"};
  }
  if (::unlink(path.c_str()) != 0) return os_error(path);
  return {};
}

}  // namespace

Result<UniqueFd> bind_enrol_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::invalid,
                 "socket path '" + path + "' has " + std::to_string(path.size()) + " characters, " +
                     std::to_string(sizeof address.sun_path - 1) + " are allowed"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  TRY(remove_old_socket(path));
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd.valid()) return os_error("socket");
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return os_error("bind " + path);
  }
  if (::chmod(path.c_str(), 0666) != 0) return os_error("chmod " + path);
  if (::listen(fd.get(), kBacklog) != 0) return os_error("listen " + path);
  return fd;
}

EnrolListener::EnrolListener(Badge, Poller& poller, UniqueFd listening, OnAsk on_ask)
    : poller_(poller), listening_(std::move(listening)), on_ask_(std::move(on_ask)) {}

Result<std::unique_ptr<EnrolListener>> EnrolListener::create(Poller& poller, UniqueFd listening,
                                                             OnAsk on_ask) {
  auto listener =
      std::make_unique<EnrolListener>(Badge{}, poller, std::move(listening), std::move(on_ask));
  EnrolListener* self = listener.get();
  TRY(poller.add(self->listening_.get(), EPOLLIN, [self](uint32_t) { self->accept_all(); }));
  return listener;
}

EnrolListener::~EnrolListener() {
  poller_.remove(listening_.get());
  for (auto& [id, client] : clients_) {
    poller_.remove(client.fd.get());
    poller_.cancel(client.timer);
  }
}

void EnrolListener::accept_all() {
  // At most a backlog's worth a round, so that whoever floods us does not keep the loop.
  for (int i = 0; i < kBacklog; ++i) {
    UniqueFd fd{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd.valid()) return;
    admit(std::move(fd));
  }
}

void EnrolListener::admit(UniqueFd fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (clients_.size() >= kMaxEnrolClients) {
    tell(fd.get(), Error{ErrorCode::unavailable, "too many enrolments at once; try again"});
    return;
  }
  const auto same = std::count_if(clients_.begin(), clients_.end(),
                                  [&](const auto& entry) { return entry.second.uid == peer.uid; });
  if (static_cast<size_t>(same) >= kMaxEnrolPerUid) {
    tell(fd.get(), Error{ErrorCode::unavailable,
                         "too many enrolments of uid " + std::to_string(peer.uid) + " at once"});
    return;
  }
  const uint64_t id = next_id_++;
  Client client;
  client.fd = std::move(fd);
  client.uid = peer.uid;
  client.gid = peer.gid;
  const int number = client.fd.get();
  const auto added = poller_.add(number, EPOLLIN, [this, id](uint32_t) { read_from(id); });
  if (!added.ok()) return;
  client.timer = poller_.call_after(kEnrolClientTime, [this, id] {
    answer(id, Error{ErrorCode::unavailable, "the enrolment took too long"});
  });
  clients_.emplace(id, std::move(client));
}

void EnrolListener::read_from(uint64_t id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  char buffer[kMaxEnrolAsk];
  const ssize_t count = ::read(client.fd.get(), buffer, sizeof buffer);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return drop(id);
  if (client.asked) {
    return answer(id, Error{ErrorCode::invalid, "one enrolment line is allowed a connection"});
  }
  client.line.append(buffer, static_cast<size_t>(count));
  const size_t end = client.line.find('\n');
  if (client.line.size() > kMaxEnrolAsk ||
      (end == std::string::npos && client.line.size() == kMaxEnrolAsk)) {
    return answer(id, Error{ErrorCode::invalid, "enrolment line has more than " +
                                                    std::to_string(kMaxEnrolAsk) + " bytes"});
  }
  if (end == std::string::npos) return;
  if (end + 1 != client.line.size()) {
    return answer(id, Error{ErrorCode::invalid, "one enrolment line is allowed a connection"});
  }
  Result<std::string> key = parse_enrol_ask(std::string_view(client.line).substr(0, end));
  if (!key.ok()) return answer(id, key.error());
  client.asked = true;
  on_ask_(EnrolAsk{id, client.uid, client.gid, *key});  // may answer at once: client may be gone
}

void EnrolListener::answer(uint64_t id, const Result<EnrolAnswer>& answer) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  tell(found->second.fd.get(), answer);
  drop(id);
}

void EnrolListener::drop(uint64_t id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  poller_.remove(found->second.fd.get());
  poller_.cancel(found->second.timer);
  clients_.erase(found);
}

}  // namespace gd

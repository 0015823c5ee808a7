// System calls of the process's own standing, each checked.
#include "server/controller/service.h"

#include <grp.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>
#include <cstring>

#include "base/check.h"
#include "base/process.h"

namespace gd::controller {

Result<void> become(const User& user) {
  if (::setgroups(user.groups.size(), user.groups.data()) != 0) return os_error("setgroups");
  if (::setresgid(user.gid, user.gid, user.gid) != 0) return os_error("setresgid");
  if (::setresuid(user.uid, user.uid, user.uid) != 0) return os_error("setresuid");
  if (user.uid != 0 && ::setuid(0) == 0) {
    return Error{ErrorCode::internal, "user " + user.name + " could become root again"};
  }
  return {};
}

Result<ActingAs> ActingAs::user(const User& user) {
  if (::setegid(user.gid) != 0) return os_error("setegid");
  if (::seteuid(user.uid) != 0) {
    GD_CHECK(::setegid(0) == 0);
    return os_error("seteuid");
  }
  return ActingAs{};
}

ActingAs::~ActingAs() {
  if (!active_) return;
  GD_CHECK(::seteuid(0) == 0 && ::setegid(0) == 0, errno);
}

void notify_service_manager(const std::string& state) {
  const std::optional<std::string> path = get_env("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!path || path->empty() || path->size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path->data(), path->size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path->size());
  (void)::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
}

Result<UniqueFd> signals_as_descriptor() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return os_error("sigprocmask");
  ::signal(SIGPIPE, SIG_IGN);
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return os_error("signalfd");
  return fd;
}

}  // namespace gd::controller

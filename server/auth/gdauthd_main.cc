// gdauthd --control FD --listen FD --service NAME [--pam-confdir DIR] [--fail-delay-ms N]
//
// Started by gdctld (auth_link.h) with its two sockets, while that is still root; not
// meant to be started by hand. Logs to the standard error that gdctld gave it.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <csignal>
#include <cstdio>
#include <optional>
#include <span>

#include "base/log.h"
#include "base/text.h"
#include "server/auth/auth_daemon.h"

namespace gd::auth {

namespace {

// A descriptor that must be a unix socket of this type, from here on close-on-exec.
Result<UniqueFd> take_socket(std::string_view text, int wanted) {
  const int number = TRY(parse_number<int>(text, 3, 1 << 20));
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != wanted) {
    return Error{ErrorCode::usage, "descriptor " + std::to_string(number) +
                                       " is no socket of the kind that gdctld gives"};
  }
  if (::fcntl(number, F_SETFD, FD_CLOEXEC) != 0) return os_error("close on exec");
  return UniqueFd{number};
}

Result<DaemonOptions> parse_options(std::span<char*> arguments) {
  DaemonOptions options;
  for (size_t i = 0; i < arguments.size(); i += 2) {
    const std::string_view name = arguments[i];
    if (i + 1 == arguments.size()) {
      return Error{ErrorCode::usage, "option " + printable(name) + " needs a value"};
    }
    const std::string_view value = arguments[i + 1];
    if (name == "--control") {
      options.control = TRY(take_socket(value, SOCK_SEQPACKET));
    } else if (name == "--listen") {
      options.listening = TRY(take_socket(value, SOCK_STREAM));
    } else if (name == "--service") {
      options.service = value;
    } else if (name == "--pam-confdir") {
      options.confdir = value;
    } else if (name == "--fail-delay-ms") {
      options.fail_delay = Milliseconds{TRY(parse_number<int>(value, 0, 60000))};
    } else {
      return Error{ErrorCode::usage, "unknown option " + printable(name)};
    }
  }
  if (!options.control.valid() || !options.listening.valid() || options.service.empty()) {
    return Error{ErrorCode::usage, "gdauthd is started by gdctld; see gdctld(8)"};
  }
  return options;
}

void harden() {
  ::prctl(PR_SET_DUMPABLE, 0);  // nobody reads a password out of this process
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);  // of the terminal: gdctld ends in its own order, and we after it
  ::signal(SIGHUP, SIG_IGN);
}

Result<void> run(std::span<char*> arguments) {
  DaemonOptions options = TRY(parse_options(arguments));
  harden();
  const std::unique_ptr<Poller> poller = TRY(Poller::create());
  Poller* loop = poller.get();
  TRY(poller->handle_signals({SIGTERM}, [loop](int) { loop->stop(); }));
  const std::unique_ptr<AuthDaemon> daemon = TRY(AuthDaemon::create(*poller, std::move(options)));
  TRY(poller->run());
  if (daemon->fault()) return *daemon->fault();
  return {};
}

}  // namespace

}  // namespace gd::auth

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv + 1, argc > 0 ? static_cast<size_t>(argc) - 1 : 0);
  const gd::Result<void> done = gd::auth::run(arguments);
  if (done.ok()) return 0;
  gd::log_error("gdauthd_stopped", {{"error", done.error()}});
  return done.error().code == gd::ErrorCode::usage ? 2 : 1;
}

#include "server/agent/hold.h"

#include <signal.h>

#include "server/container/cgroup.h"

namespace gd::agent {

Result<void> hold() {
  sigset_t terminate;
  ::sigemptyset(&terminate);
  ::sigaddset(&terminate, SIGTERM);
  if (::sigprocmask(SIG_BLOCK, &terminate, nullptr) != 0) return os_error("sigprocmask");
  // Makes the tree, and moves who stands at its root to a leaf where that is needed.
  TRY(container::Tree::discover());
  int signal = 0;
  const int error = ::sigwait(&terminate, &signal);
  if (error != 0) return os_error("sigwait", error);
  return {};
}

}  // namespace gd::agent

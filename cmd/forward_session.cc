#include "cmd/forward_session.h"

#include <signal.h>

#include "base/poller.h"
#include "cmd/command.h"
#include "cmd/job_wait.h"
#include "cmd/port_forward.h"

namespace gd::cmd {

Result<int> run_forward_session(JobId job, const std::vector<ForwardSpec>& specs, Client& client,
                                Context& context) {
  constexpr Milliseconds kTick = 1s;
  const std::unique_ptr<Poller> poller = TRY(Poller::create());
  bool left = false;
  TRY(poller->handle_signals({SIGINT, SIGTERM, SIGHUP}, [&left](int) { left = true; }));
  PortForward forward(*poller, client, [&context](const std::string& text) { context.warn(text); });
  TRY(forward.listen(specs));
  forward.begin(job, kForwardPatience);
  Milliseconds ticked = boot_time();
  while (!left && (forward.active() || forward.waits())) {
    std::vector<WaitItem> items{WaitItem(poller->fd())};
    if (forward.active()) items.emplace_back(forward.socket());
    (void)wait(items, kTick);
    TRY(poller->run_once(Milliseconds{0}));
    if (forward.active()) forward.receive();
    if (!forward.active() || boot_time() - ticked < kTick) continue;
    ticked = boot_time();
    forward.tick();
  }
  return left ? kExitDone : kExitRefused;
}

}  // namespace gd::cmd

// A round: wait, take what has come up to a bound, finish the turn. Messages that
// arrive during the commit are the next round's batch: so the commit is shared by as
// many as there are, without a timer.
#include "server/controller/loop.h"

#include <sys/signalfd.h>

#include <array>
#include <csignal>

#include "base/log.h"

namespace gd::controller {
namespace {

constexpr size_t kMailboxItemsPerRound = 8;  // pages of answers: others wait no longer than that

void take_messages(const LoopParts& parts) {
  size_t bytes = 0;
  for (size_t count = 0; count < kMaxBatch && bytes < kMaxBatchBytes; ++count) {
    std::optional<Incoming> message = parts.socket.receive();
    if (!message) return;
    bytes += message->body.size();
    parts.controller.take(std::move(*message));
  }
}

Result<void> take_auth_events(const LoopParts& parts) {
  if (parts.auth == nullptr) return {};
  for (;;) {
    std::optional<auth::AuthEvent> event = TRY(parts.auth->receive());
    if (!event) return {};
    parts.controller.take(std::move(*event));
  }
}

enum class Told : uint8_t { nothing, stop };

Told take_signals(const LoopParts& parts) {
  signalfd_siginfo info{};
  while (::read(parts.signal_fd, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGHUP) return Told::stop;
    parts.controller.reconfigure();
  }
  return Told::nothing;
}

}  // namespace

Result<void> run_loop(const LoopParts& parts) {
  Controller& controller = parts.controller;
  controller.begin_turn(parts.clock.now());
  TRY(controller.finish_turn(boot_time()));  // what a crash may have left unsaid
  while (!controller.stopping()) {
    std::array<WaitItem, 4> items{
        WaitItem(parts.socket), WaitItem(parts.mailbox.fd()), WaitItem(parts.signal_fd),
        WaitItem(parts.auth == nullptr ? parts.signal_fd : parts.auth->fd())};
    (void)wait(items, controller.patience(parts.clock.now(), boot_time()));
    controller.begin_turn(parts.clock.now());
    if (!controller.owes_pass()) take_messages(parts);
    if (items[1].ready) parts.mailbox.run(kMailboxItemsPerRound);
    // First: what ends us may have ended gdauthd a moment before.
    const Told told = items[2].ready ? take_signals(parts) : Told::nothing;
    if (items[3].ready && told != Told::stop) TRY(take_auth_events(parts));
    TRY(controller.finish_turn(boot_time()));
    if (told == Told::stop) return {};
  }
  return {};
}

}  // namespace gd::controller

// One child process of gdauthd that runs PAM: modules may block, crash, fork or
// leak, and none of it reaches the others.
//
// The child has one descriptor of ours, a packet socket to gdauthd: prompts go up
// (login_prompt), answers come down (login_answer), then login_done, account_done
// or refused, and it is over. It dies with gdauthd. Destroying the AuthWorker kills
// the child and reaps it. To be started by a single-threaded process only.
#pragma once

#include "base/fd.h"
#include "base/process.h"
#include "base/result.h"
#include "server/auth/auth_packet.h"
#include "server/auth/pam_login.h"

namespace gd::auth {

enum class WorkerTask : uint8_t {
  login,          // target.user says who
  account,        // the same
  account_of_uid  // the child looks the name up first: that may block, too
};

class AuthWorker {
 public:
  static Result<AuthWorker> start(WorkerTask task, PamTarget target, Uid uid);
  AuthWorker(AuthWorker&&) noexcept = default;
  AuthWorker& operator=(AuthWorker&& other) noexcept;
  ~AuthWorker() { end(); }

  [[nodiscard]] int fd() const { return socket_.get(); }
  Result<std::optional<Packet>> receive() { return receive_packet(socket_.get()); }
  Result<void> send(const Packet& packet) { return send_packet(socket_.get(), packet); }

 private:
  AuthWorker(UniqueFd socket, Pidfd process)
      : socket_(std::move(socket)), process_(std::move(process)) {}
  void end();

  UniqueFd socket_;
  Pidfd process_;
};

}  // namespace gd::auth

// See auth_worker.h.
#include "server/auth/auth_worker.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <csignal>

#include "base/user.h"

namespace gd::auth {

namespace {

constexpr int kSocketOfChild = 3;

// The rest of gdauthd's descriptors are none of a module's business.
void keep_only(int socket) {
  if (socket != kSocketOfChild) ::dup3(socket, kSocketOfChild, O_CLOEXEC);
  ::syscall(SYS_close_range, kSocketOfChild + 1, ~0U, 0);
}

void reset_signals() {
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Result<SecretString> ask_parent(PromptKind kind, const std::string& text) {
  Packet prompt;
  prompt.kind = PacketKind::login_prompt;
  prompt.code = static_cast<uint8_t>(kind);
  prompt.text = SecretString(std::string(text));
  TRY(send_packet(kSocketOfChild, prompt));
  for (;;) {
    pollfd item{kSocketOfChild, POLLIN, 0};
    if (::poll(&item, 1, -1) < 0 && errno != EINTR) return os_error("poll");
    std::optional<Packet> answer = TRY(receive_packet(kSocketOfChild));
    if (!answer) continue;
    if (answer->kind != PacketKind::login_answer) {
      return Error{ErrorCode::internal, "an answer was expected"};
    }
    return std::move(answer->text);
  }
}

Result<PamUser> run_task(WorkerTask task, PamTarget target, Uid uid) {
  if (task == WorkerTask::login) return pam_login(target, ask_parent);
  if (task == WorkerTask::account_of_uid) target.user = TRY(look_up_user(uid_t{uid})).name;
  PamUser user = TRY(pam_account(target));
  if (task == WorkerTask::account_of_uid && user.uid != uid) {
    return Error{ErrorCode::denied, "uid " + std::to_string(uid) + " is named '" + target.user +
                                        "', which is uid " + std::to_string(user.uid)};
  }
  return user;
}

[[noreturn]] void run_child(WorkerTask task, const PamTarget& target, Uid uid, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::prctl(PR_SET_DUMPABLE, 0);  // no password in a core file
  reset_signals();
  Packet last;
  const Result<PamUser> user = run_task(task, target, uid);
  if (user.ok()) {
    last.kind = task == WorkerTask::login ? PacketKind::login_done : PacketKind::account_done;
    last.uid = user->uid;
    last.gid = user->gid;
    last.text = SecretString(user->name.substr(0, kMaxPacketText));
  } else {
    last.kind = PacketKind::refused;
    last.code = static_cast<uint8_t>(user.error().code);
    last.text = SecretString(user.error().text.substr(0, kMaxPacketText));
  }
  ::_exit(send_packet(kSocketOfChild, last).ok() ? 0 : 1);
}

}  // namespace

Result<AuthWorker> AuthWorker::start(WorkerTask task, PamTarget target, Uid uid) {
  SocketPair pair = TRY(make_socket_pair(SOCK_SEQPACKET));
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return os_error("fork");
  if (pid == 0) {
    keep_only(pair.second.release());
    run_child(task, target, uid, parent);
  }
  Result<Pidfd> process = Pidfd::open(pid);  // safe: nobody but us reaps it
  if (!process.ok()) {
    ::kill(pid, SIGKILL);
    return std::move(process).error();
  }
  return AuthWorker{std::move(pair.first), std::move(process).take()};
}

AuthWorker& AuthWorker::operator=(AuthWorker&& other) noexcept {
  if (this == &other) return *this;
  end();
  socket_ = std::move(other.socket_);
  process_ = std::move(other.process_);
  return *this;
}

void AuthWorker::end() {
  if (!process_.valid()) return;
  (void)process_.send_signal(SIGKILL).ok();  // ended already: reaped below all the same
  (void)process_.wait().ok();
  process_ = Pidfd{};
}

}  // namespace gd::auth

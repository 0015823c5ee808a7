// The controller's end of gdauthd: starts it, asks it, hears from it.
//
// start() is called while gdctld is still root (or never was). The socket for
// silent enrolment is bound here and handed over, so gdauthd touches no path.
// gdauthd ends when this object does. Nothing here blocks. If gdauthd is gone,
// receive() says so once with an Error; it cannot be started again without root,
// so the caller should stop and let the service manager start both.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/process.h"
#include "base/result.h"
#include "proto/enrol.h"
#include "proto/messages_identity.h"
#include "server/auth/auth_packet.h"

namespace gd::auth {

inline constexpr char kPamService[] = "gd";

struct AuthSettings {
  std::string program;       // path of gdauthd
  std::string enrol_socket;  // run_dir/gdauthd.sock
  std::string service = kPamService;
  std::string pam_confdir;                 // of tests; empty: the system's
  std::optional<Milliseconds> fail_delay;  // of tests; empty: kFailDelay
};

// Ids are those that the caller gave, but in EnrolAsked.
struct LoginPrompted {
  uint64_t id;
  PromptKind kind;
  std::string text;
};
struct LoginSucceeded {
  uint64_t id;
  Uid uid;
  Gid gid;
  std::string user;
};
struct AccountAllowed {
  uint64_t id;
  Uid uid;
  Gid gid;
  std::string user;
};
struct AuthRefused {
  uint64_t id;
  Error error;
};  // ends a login or an account check
// A local process of this uid holds this key, and PAM's account step allows it.
// To be answered by answer_enrol() after the record is durable.
struct EnrolAsked {
  uint64_t id;
  Uid uid;
  Gid gid;
  std::string user;
  std::string public_key;
};
using AuthEvent =
    std::variant<LoginPrompted, LoginSucceeded, AccountAllowed, AuthRefused, EnrolAsked>;

class AuthLink {
 public:
  static Result<AuthLink> start(const AuthSettings& settings);
  AuthLink(AuthLink&&) noexcept = default;
  AuthLink& operator=(AuthLink&&) noexcept = default;
  ~AuthLink() = default;

  [[nodiscard]] int fd() const { return socket_.get(); }  // readable: call receive() until nothing
  Result<std::optional<AuthEvent>> receive();

  // `id`: below kEnrolIdBit, new for each login or check.
  Result<void> start_login(uint64_t id, const std::string& user, const std::string& address);
  Result<void> answer_login(uint64_t id, SecretString answer);
  Result<void> cancel_login(uint64_t id);  // nothing more will be heard of it
  Result<void> check_account(uint64_t id, const std::string& user);
  Result<void> answer_enrol(uint64_t id, const Result<EnrolAnswer>& answer);

  [[nodiscard]] const Pidfd& process() const { return process_; }

 private:
  AuthLink(UniqueFd socket, Pidfd process)
      : socket_(std::move(socket)), process_(std::move(process)) {}

  UniqueFd socket_;
  Pidfd process_;
};

}  // namespace gd::auth

// PAM, in three calls: who are you, may you, and a new password if it has expired.
// The one home of its headers, with the worker that runs it.
//
// These block for as long as the modules like, so they run in a child process of
// gdauthd (auth_worker.h). Answers are handed to PAM in memory that PAM frees; ours
// is wiped on every path.
#pragma once

#include <functional>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "proto/ids.h"
#include "proto/messages_identity.h"

namespace gd::auth {

inline constexpr size_t kMaxLoginName = 256;    // LOGIN_NAME_MAX
inline constexpr size_t kMaxLoginAnswer = 511;  // PAM_MAX_RESP_SIZE, less its end
inline constexpr size_t kMaxPromptText = 1000;  // longer ones are cut

struct PamTarget {
  std::string service;
  std::string confdir;  // empty: the system's; of tests
  std::string user;
  std::string address;  // PAM_RHOST; empty: a local process
};

struct PamUser {
  std::string name;  // as PAM's modules call the user in the end
  Uid uid = 0;
  Gid gid = 0;
};

// Asks the person. For PromptKind::info and error the answer means nothing.
using PamAsk = std::function<Result<SecretString>(PromptKind kind, const std::string& text)>;

// A name that may be given to PAM and put into a log: not empty, no control
// characters, no ':', no '-' in front.
Result<void> check_login_name(std::string_view name);

// authenticate, account, and a change of an expired password. A wrong password and
// an unknown user are the same error: ErrorCode::denied, "authentication failed".
Result<PamUser> pam_login(const PamTarget& target, const PamAsk& ask);

// The account step alone, for someone whose identity is known otherwise.
Result<PamUser> pam_account(const PamTarget& target);

}  // namespace gd::auth

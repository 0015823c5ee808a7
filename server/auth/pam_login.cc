// See pam_login.h. Each pam_start() has its pam_end() in PamHandle's destructor.
#include "server/auth/pam_login.h"

#include <security/pam_appl.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "base/user.h"

namespace gd::auth {

namespace {

// Replies that PAM has not taken over yet: each is wiped and freed.
class Replies {
 public:
  explicit Replies(size_t count)
      : count_(count),
        replies_(static_cast<pam_response*>(std::calloc(count, sizeof(pam_response)))) {}
  Replies(const Replies&) = delete;
  Replies& operator=(const Replies&) = delete;
  ~Replies() {
    if (replies_ == nullptr) return;
    for (size_t i = 0; i < count_; ++i) {
      if (replies_[i].resp == nullptr) continue;
      wipe(replies_[i].resp, std::strlen(replies_[i].resp));
      std::free(replies_[i].resp);
    }
    std::free(replies_);
  }

  [[nodiscard]] bool valid() const { return replies_ != nullptr; }
  bool set(size_t index, std::string_view text) {
    replies_[index].resp = ::strndup(text.data(), text.size());
    return replies_[index].resp != nullptr;
  }
  pam_response* release() { return std::exchange(replies_, nullptr); }

 private:
  size_t count_;
  pam_response* replies_;
};

std::optional<PromptKind> prompt_kind(int style) {
  switch (style) {
    case PAM_PROMPT_ECHO_OFF: return PromptKind::secret;
    case PAM_PROMPT_ECHO_ON: return PromptKind::visible;
    case PAM_TEXT_INFO: return PromptKind::info;
    case PAM_ERROR_MSG: return PromptKind::error;
    default: return std::nullopt;  // binary prompts and later inventions
  }
}

struct Conversation {
  const PamAsk& ask;
  bool failed = false;  // by us or the person; modules report that as they like
};

int ask_all(const PamAsk& ask, int count, const pam_message** messages, pam_response** out) {
  if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  Replies replies(static_cast<size_t>(count));
  if (!replies.valid()) return PAM_BUF_ERR;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    const std::optional<PromptKind> kind = prompt_kind(messages[i]->msg_style);
    if (!kind) return PAM_CONV_ERR;
    const std::string text = messages[i]->msg != nullptr ? messages[i]->msg : "";
    const Result<SecretString> answer = ask(*kind, printable(text, kMaxPromptText));
    if (!answer.ok()) return PAM_CONV_ERR;
    if (*kind == PromptKind::info || *kind == PromptKind::error) continue;
    const std::string_view reply = answer->reveal();
    if (reply.size() > kMaxLoginAnswer || reply.find('\0') != std::string_view::npos) {
      return PAM_CONV_ERR;
    }
    if (!replies.set(i, reply)) return PAM_BUF_ERR;
  }
  if (out != nullptr) *out = replies.release();  // some modules want no answer to what they tell
  return PAM_SUCCESS;
}

int converse(int count, const pam_message** messages, pam_response** out, void* data) {
  Conversation& conversation = *static_cast<Conversation*>(data);
  const int status = ask_all(conversation.ask, count, messages, out);
  if (status != PAM_SUCCESS) conversation.failed = true;
  return status;
}

// gdauthd itself delays the news of a failure, without holding a process for it.
extern "C" void no_fail_delay(int, unsigned, void*) {}

class PamHandle {
 public:
  PamHandle() = default;
  PamHandle(const PamHandle&) = delete;
  PamHandle& operator=(const PamHandle&) = delete;
  ~PamHandle() {
    if (handle_ != nullptr) ::pam_end(handle_, status_ | PAM_DATA_SILENT);
  }

  Result<void> start(const PamTarget& target, const pam_conv* conversation) {
    const char* user = target.user.c_str();
    status_ = target.confdir.empty()
                  ? ::pam_start(target.service.c_str(), user, conversation, &handle_)
                  : ::pam_start_confdir(target.service.c_str(), user, conversation,
                                        target.confdir.c_str(), &handle_);
    if (status_ != PAM_SUCCESS) return failed("start");
    if (!target.address.empty()) set(PAM_RHOST, target.address.c_str());
    set(PAM_TTY, "gd");
    set(PAM_FAIL_DELAY, reinterpret_cast<const void*>(&no_fail_delay));
    if (status_ != PAM_SUCCESS) return failed("set-up");
    return {};
  }

  int call(int (*step)(pam_handle_t*, int), int flags) { return status_ = step(handle_, flags); }

  Error failed(const char* what) const {
    return {ErrorCode::unavailable,
            std::string("PAM ") + what + ": " + ::pam_strerror(handle_, status_)};
  }
  std::string reason() const { return ::pam_strerror(handle_, status_); }

  Result<PamUser> user() const {
    const void* item = nullptr;
    if (::pam_get_item(handle_, PAM_USER, &item) != PAM_SUCCESS || item == nullptr) {
      return Error{ErrorCode::internal, "PAM does not say who logged in"};
    }
    const User found = TRY(look_up_user(std::string(static_cast<const char*>(item))));
    return PamUser{found.name, found.uid, found.gid};
  }

 private:
  void set(int item, const void* value) {
    if (status_ == PAM_SUCCESS) status_ = ::pam_set_item(handle_, item, value);
  }

  pam_handle_t* handle_ = nullptr;
  int status_ = PAM_SUCCESS;
};

// The answers of the modules that are about the person, not about the machine.
bool is_refusal(int status) {
  switch (status) {
    case PAM_AUTH_ERR:
    case PAM_USER_UNKNOWN:
    case PAM_MAXTRIES:
    case PAM_CRED_INSUFFICIENT:
    case PAM_PERM_DENIED:
    case PAM_CONV_ERR:
    case PAM_ABORT: return true;
    default: return false;
  }
}

Result<void> authenticate(PamHandle& pam, const Conversation& conversation) {
  const int status = pam.call(::pam_authenticate, PAM_DISALLOW_NULL_AUTHTOK);
  if (status == PAM_SUCCESS) return {};
  if (is_refusal(status) || conversation.failed) {
    return Error{ErrorCode::denied, "authentication failed"};
  }
  return pam.failed("authentication");
}

enum class ExpiredPassword : uint8_t { refuse, change };

Result<void> check_account(PamHandle& pam, const PamTarget& target, ExpiredPassword expired) {
  int status = pam.call(::pam_acct_mgmt, PAM_DISALLOW_NULL_AUTHTOK);
  if (status == PAM_NEW_AUTHTOK_REQD && expired == ExpiredPassword::refuse) {
    return Error{ErrorCode::denied,
                 "the password of '" + printable(target.user) + "' has expired: run gdlogin"};
  }
  if (status == PAM_NEW_AUTHTOK_REQD) {
    status = pam.call(::pam_chauthtok, PAM_CHANGE_EXPIRED_AUTHTOK);
    if (status != PAM_SUCCESS) {
      return Error{ErrorCode::denied,
                   "the password has expired and was not changed: " + pam.reason()};
    }
  }
  if (status == PAM_SUCCESS) return {};
  return Error{ErrorCode::denied,
               "the account '" + printable(target.user) + "' may not be used: " + pam.reason()};
}

}  // namespace

Result<void> check_login_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxLoginName) {
    return Error{ErrorCode::invalid, "user name has " + std::to_string(name.size()) +
                                         " characters, 1 to " + std::to_string(kMaxLoginName) +
                                         " are allowed"};
  }
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == ':') {
      return Error{ErrorCode::invalid, "'" + printable(name) + "' is no user name"};
    }
  }
  if (name.front() == '-') {
    return Error{ErrorCode::invalid, "'" + printable(name) + "' is no user name"};
  }
  return {};
}

Result<PamUser> pam_login(const PamTarget& target, const PamAsk& ask) {
  TRY(check_login_name(target.user));
  Conversation conversation{ask};
  const pam_conv callback{converse, &conversation};
  PamHandle pam;
  TRY(pam.start(target, &callback));
  TRY(authenticate(pam, conversation));
  TRY(check_account(pam, target, ExpiredPassword::change));
  return pam.user();
}

Result<PamUser> pam_account(const PamTarget& target) {
  TRY(check_login_name(target.user));
  // Nobody is there to be asked; what a module says is passed over.
  const PamAsk nobody = [](PromptKind kind, const std::string&) -> Result<SecretString> {
    if (kind == PromptKind::info || kind == PromptKind::error) return SecretString{};
    return Error{ErrorCode::denied, "nobody to ask"};
  };
  Conversation conversation{nobody};
  const pam_conv callback{converse, &conversation};
  PamHandle pam;
  TRY(pam.start(target, &callback));
  TRY(check_account(pam, target, ExpiredPassword::refuse));
  return pam.user();
}

}  // namespace gd::auth

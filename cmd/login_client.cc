// See login_client.h: the key file, and silent enrolment. The dialogue of gdlogin is
// in login_dialogue.cc.
#include "cmd/login_client.h"

#include <pwd.h>
#include <sys/file.h>

#include <array>
#include <optional>

#include "base/process.h"
#include "base/text.h"
#include "base/user.h"
#include "cmd/login_key.h"
#include "proto/enrol.h"
#include "proto/paths.h"
#include "proto/secret_file.h"

namespace gd::cmd {

namespace {

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

Error not_logged_in(const LoginSettings& settings, const std::string& why) {
  return {ErrorCode::unauthenticated,
          "not logged in to cluster " + settings.cluster + why + ": run gdlogin"};
}

// The configuration knows best where the controller is; the file knows it where there is none.
Result<Identity> complete(Identity identity, const LoginSettings& settings,
                          const std::string& path) {
  if (!settings.controller_key.empty()) {
    identity.controller = settings.controller;
    identity.controller_key = settings.controller_key;
  }
  if (identity.controller_key.empty()) {
    return Error{ErrorCode::invalid, path +
                                         " does not name the controller's public key, and "
                                         "there is no controller.pub on this machine"};
  }
  return identity;
}

std::array<std::string, 2> enrol_sockets(const LoginSettings& settings) {
  return {settings.run_dir + "/" + kAuthSocketName, settings.run_dir + "/" + kNodeSocketName};
}

bool may_enrol_here(const LoginSettings& settings) {
  for (const std::string& socket : enrol_sockets(settings)) {
    if (::access(socket.c_str(), F_OK) == 0) return true;
  }
  return false;
}

Result<Identity> enrol_new_key(const LoginSettings& settings) {
  Identity identity;
  identity.keys = make_curve_keys();
  std::string refusal;
  for (const std::string& socket : enrol_sockets(settings)) {
    if (::access(socket.c_str(), F_OK) != 0) continue;
    Result<EnrolAnswer> answer = enrol_at(socket, identity.keys.public_key);
    if (answer.ok()) {
      identity.controller = answer->controller;
      identity.controller_key = answer->controller_key;
      return identity;
    }
    refusal = " (" + answer.error().text + ")";
  }
  return not_logged_in(settings, refusal);
}

// One of a user's commands enrols, the others wait for it and take its key. Where the
// file system has no such locks each enrols for itself, and the last one stays.
class EnrolLock {
 public:
  explicit EnrolLock(const std::string& path)
      : file_(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (file_.valid()) (void)::flock(file_.get(), LOCK_EX);
  }

 private:
  UniqueFd file_;
};

Result<Identity> enrol_and_store(const LoginSettings& settings, const std::string& path,
                                 const std::string& rejected_key) {
  if (!may_enrol_here(settings)) return not_logged_in(settings, "");
  TRY(make_directories(folder_of(path), 0700));
  const EnrolLock lock(path);
  Result<Identity> present = read_key_file(path);
  if (present.ok() && present->keys.public_key != rejected_key) {
    return complete(std::move(present).take(), settings, path);
  }
  Identity identity = TRY(enrol_new_key(settings));
  TRY(write_key_file(path, identity));
  return complete(std::move(identity), settings, path);
}

}  // namespace

Result<std::string> key_file_path(const LoginSettings& settings) {
  if (const auto given = get_env(kKeyVariable); given && !given->empty()) return *given;
  std::string home = get_env("HOME").value_or("");
  if (home.empty()) home = TRY(look_up_user(::geteuid())).home;
  return home + "/.config/gd/" + settings.cluster + ".key";
}

Result<Identity> read_key_file(const std::string& path) {
  const SecretString text = TRY(read_secret_file(path));
  const std::vector<std::string_view> words = split_words(text.reveal());
  const bool of_job = words.size() == 6 && words[4] == "job";
  const bool named = (words.size() == 4 || of_job) && is_curve_key(words[3]);
  if ((words.size() != 2 && !named) || !is_curve_key(words[0]) || !is_curve_key(words[1])) {
    return Error{ErrorCode::invalid, path + ": is no key file; remove it and try again"};
  }
  Identity identity;
  identity.keys = {std::string(words[0]), std::string(words[1])};
  if (named) {
    identity.controller = words[2];
    identity.controller_key = words[3];
  }
  if (of_job) identity.job = JobId{TRY(parse_number<uint32_t>(words[5], 1))};
  return identity;
}

Result<void> write_key_file(const std::string& path, const Identity& identity) {
  std::string text = identity.keys.public_key + " " + identity.keys.secret_key + "\n";
  if (!identity.controller_key.empty()) {
    text += identity.controller + " " + identity.controller_key + "\n";
  }
  TRY(make_directories(folder_of(path), 0700));
  Result<void> stored = replace_file(path, text, 0600);
  wipe(text);
  return stored;
}

Result<Identity> ensure_identity(const LoginSettings& settings) {
  const std::string path = TRY(key_file_path(settings));
  Result<Identity> present = read_key_file(path);
  if (present.ok()) return complete(std::move(present).take(), settings, path);
  if (present.error().code != ErrorCode::not_found) return std::move(present).error();
  return enrol_and_store(settings, path, "");
}

Result<Identity> renew_identity(const LoginSettings& settings, const Identity& rejected) {
  if (rejected.job) {
    return Error{ErrorCode::unauthenticated,
                 "the key of job " + std::to_string(rejected.job->value) +
                     " is known no more: the job has ended, or the key was revoked"};
  }
  const std::string path = TRY(key_file_path(settings));
  return enrol_and_store(settings, path, rejected.keys.public_key);
}

}  // namespace gd::cmd

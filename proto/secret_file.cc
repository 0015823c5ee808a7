// See secret_file.h. The file is looked at through its descriptor, never by name twice.
#include "proto/secret_file.h"

#include <sys/stat.h>

#include "base/fd.h"

namespace gd {

namespace {

Error refused(const std::string& path, const std::string& why) {
  return {ErrorCode::denied, path + ": " + why};
}

}  // namespace

Result<SecretString> read_secret_file(const std::string& path) {
  const int number = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (number < 0 && errno == ELOOP) return refused(path, "is a symbolic link; a key file is none");
  if (number < 0) return os_error(path);
  const UniqueFd file{number};
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return os_error(path);
  if (!S_ISREG(status.st_mode)) return refused(path, "is no plain file");
  if (status.st_uid != ::geteuid()) {
    return refused(path, "belongs to uid " + std::to_string(status.st_uid) + ", not to " +
                             std::to_string(::geteuid()));
  }
  if ((status.st_mode & 077) != 0) {
    return refused(path, "others have rights on this secret; chmod 600");
  }
  Bytes text = TRY(read_all(file.get(), path, kMaxSecretFileBytes));
  if (text.empty()) {
    return Error{ErrorCode::invalid, path + ": is empty; remove it to have a new key made"};
  }
  return SecretString(std::move(text));
}

}  // namespace gd

// Reading a file that only its owner may know: key files of users, nodes and the
// controller. What others could have read or put there is refused, not used.
#pragma once

#include <string>

#include "base/digest.h"
#include "base/result.h"

namespace gd {

inline constexpr size_t kMaxSecretFileBytes = 4096;

// not_found: no such file. denied: a symbolic link, no plain file, another owner than
// this process's user, or any right for group or others. invalid: too long, or empty.
Result<SecretString> read_secret_file(const std::string& path);

}  // namespace gd

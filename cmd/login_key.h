// The user's key file, read and written; its form is told in login_client.h.
#pragma once

#include <string>

#include "base/result.h"
#include "cmd/login_client.h"

namespace gd::cmd {

Result<Identity> read_key_file(const std::string& path);  // not_found: no such file
Result<void> write_key_file(const std::string& path, const Identity& identity);

}  // namespace gd::cmd

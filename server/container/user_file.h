// Files and folders opened, made, renamed and removed with a user's own rights.
//
// The calling thread takes on the user's ids for the one call and has its own back before
// the call returns, whatever happened; if they cannot be had back the process aborts, for
// it would go on as somebody else. REQUIRES: root, one thread.
#pragma once

#include <string>

#include "base/fd.h"
#include "server/container/launch_plan.h"

namespace gd::container {

enum class Symlinks : uint8_t { follow, refuse_last };

Result<UniqueFd> open_as_user(const std::string& path, int flags, mode_t mode,
                              const Identity& identity, Symlinks symlinks = Symlinks::follow);
Result<void> make_directories_as_user(const std::string& path, mode_t mode,
                                      const Identity& identity);

Result<void> rename_as_user(const std::string& from, const std::string& to,
                            const Identity& identity);
Result<void> remove_file_as_user(const std::string& path, const Identity& identity);

}  // namespace gd::container

// Whose the other end of a TCP connection is, if it is on this machine: the kernel's word, from its
// table of sockets. Costs a reading of that table.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include "base/result.h"

namespace gd::cmd {

// In the text of /proc/net/tcp or tcp6: the user of the socket whose two ends these are, spelled
// as there. Nothing if it is not there. Pure.
std::optional<uid_t> owner_in_table(std::string_view table, std::string_view local,
                                    std::string_view remote);

// Of a connection that this process has accepted; nothing: it is not from this machine.
Result<std::optional<uid_t>> owner_of_other_end(int socket);

}  // namespace gd::cmd

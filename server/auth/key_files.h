// The key files of the daemons: made once, 0600, refused if anybody else could
// have written or read them.
//
//   controller.key, node.key   0600   "PUBLIC SECRET\n" (Z85 texts)
//   ticket.key                 0600   hex(public) " " hex(secret) "\n"
//   controller.pub             0644   "PUBLIC\n"
#pragma once

#include <string>

#include "base/result.h"
#include "proto/socket.h"
#include "proto/ticket.h"

namespace gd::auth {

// Reads the file, or makes a pair and stores it. Refused: a symbolic link, another
// owner than this process's user, any right for group or others, a folder that
// others may write to.
Result<CurveKeys> load_or_make_curve_keys(const std::string& path);
Result<TicketKeys> load_or_make_ticket_keys(const std::string& path);

// For clients and nodes to find. Written only if the content differs.
Result<void> publish_controller_key(const std::string& path, const std::string& public_key);

}  // namespace gd::auth

// From gd.conf and the key file to a connected Client.
//
// Without a gd.conf clients talk to this machine. The controller's public key is in the
// file that gd.conf names, else in the user's key file.
#pragma once

#include <memory>

#include "base/result.h"
#include "cmd/client.h"
#include "cmd/login_client.h"

namespace gd::cmd {

Result<LoginSettings> load_login_settings();
Result<std::shared_ptr<Client>> connect_to_controller();

}  // namespace gd::cmd

#include "cmd/connection.h"

#include <unistd.h>

#include "base/text.h"
#include "proto/paths.h"
#include "proto/settings.h"

namespace gd::cmd {
Result<LoginSettings> load_login_settings() {
  const ControllerSettings settings = TRY(load_settings(config_path())).controller;
  LoginSettings login{.cluster = settings.cluster,
                      .run_dir = settings.run_dir,
                      .controller = settings.controller,
                      .controller_key = ""};
  const HostPort address = TRY(parse_host_port(settings.controller, kDefaultPort));
  login.controller = tcp_endpoint(address).substr(std::string_view("tcp://").size());
  if (::access(settings.controller_key.c_str(), R_OK) == 0) {
    login.controller_key = trim(TRY(read_file(settings.controller_key, 4096)));
    if (!is_curve_key(login.controller_key)) {
      return Error{ErrorCode::invalid,
                   settings.controller_key + ": is no CURVE public key of 40 characters"};
    }
  }
  return login;
}

Result<std::shared_ptr<Client>> connect_to_controller() {
  LoginSettings settings = TRY(load_login_settings());
  Identity identity = TRY(ensure_identity(settings));
  return Client::connect(std::move(settings), std::move(identity));
}

}  // namespace gd::cmd

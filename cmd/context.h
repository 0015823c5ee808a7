// What a command's run() gets: its streams, its name, and the controller.
//
// The connection is made at the first use, so that --help and pure refusals need none.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "cmd/cli.h"
#include "cmd/output.h"

namespace gd::cmd {

class Client;

struct Context {
  using Connect = std::function<Result<std::shared_ptr<Client>>()>;

  std::string program;  // as typed: "sbatch", "gdsub"
  Dialect dialect = Dialect::gd;
  Parsed parsed;  // the command line, for those that apply it again
  Output& out;
  Output& err;
  Connect connect;
  std::shared_ptr<Client> client = nullptr;

  [[nodiscard]] bool slurm() const { return dialect == Dialect::slurm; }
  // The controller, connected and known by our key.
  Result<Client*> controller();
  // "gdsub: text" on standard error, at once.
  void warn(std::string_view text);
  [[nodiscard]] TimePoint now() const { return SystemClock{}.now(); }
};

}  // namespace gd::cmd

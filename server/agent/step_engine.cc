#include "server/agent/step_engine.h"

#include <array>

#include "base/process.h"

namespace gd::agent {
namespace {

constexpr std::string_view kRuntimePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";

struct NamedRuntime {
  std::string_view name;
  container::RuntimeKind kind;
};
constexpr std::array<NamedRuntime, 2> kRuntimes = {
    {{"crun", container::RuntimeKind::crun}, {"runc", container::RuntimeKind::runc}}};

}  // namespace

Result<std::unique_ptr<container::Engine>> engine_of(const StepLaunch& launch,
                                                     const ShepherdSettings& settings) {
  std::unique_ptr<container::Engine> engine;
  if (launch.engine.empty()) {
    engine = std::make_unique<container::NativeEngine>();
    return engine;
  }
  for (const auto& [name, kind] : kRuntimes) {
    if (launch.engine != name) continue;
    Result<std::string> program = find_program(name, kRuntimePath);
    if (!program.ok()) {
      return Error{ErrorCode::unavailable,
                   "engine " + launch.engine + " of partition " + launch.partition +
                       " is not on this node: install it, or set engine = native there"};
    }
    engine = std::make_unique<container::OciEngine>(container::OciPrograms{
        .kind = kind, .runtime = std::move(program).take(), .init = settings.init_program});
    return engine;
  }
  return Error{ErrorCode::unavailable, "engine '" + launch.engine + "' of partition " +
                                           launch.partition + " is not known to this node"};
}

}  // namespace gd::agent

// run_command(): the frame around every command. See command.h.
#include "cmd/command.h"

#include <array>

#include "base/process.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/connection.h"
#include "cmd/dump.h"
#include "cmd/version.h"

namespace gd::cmd {
namespace {

constexpr int kExitBrokenPipe = 128 + 13;  // what a shell says of a writer killed by SIGPIPE

// SBATCH_X for gdsub and sbatch; the gd spelling counts first.
Parsed environment_of(const Cli& cli) {
  const std::string own = to_upper(cli.info().name) + "_";
  const std::string slurm = to_upper(cli.info().slurm_name) + "_";
  const std::array<std::string_view, 2> prefixes{own, slurm};
  return cli.from_environment(prefixes, get_env);
}

Result<int> parse_and_run(Cli& cli, const Invocation& call, Context& context,
                          const std::function<Result<int>(Context&)>& run) {
  context.parsed = TRY(cli.parse(call.args, cli.info().rest));
  for (const Given& given : context.parsed.given) {
    if (given.name == "help") {
      context.out << cli.help();
      return kExitDone;
    }
    if (given.name == "version") {
      context.out.line(call.program + " (gd) " GD_VERSION);
      return kExitDone;
    }
  }
  TRY(cli.apply(environment_of(cli)));
  TRY(cli.apply(context.parsed));
  return run(context);
}

}  // namespace

int report(const CommandInfo& info, Dialect dialect, std::string_view program, const Error& error,
           Output& err) {
  const bool misused = error.code == ErrorCode::usage;
  if (dialect == Dialect::gd) {
    err << program << ": " << error.text << "\n";
    return misused ? kExitMisused : kExitRefused;
  }
  const bool own_prefix = error.text.starts_with("slurm_load_");
  const bool getopt_style =
      error.text.starts_with("unrecognized option") || error.text.starts_with("invalid option --");
  if (!own_prefix) err << program << (getopt_style ? ": " : ": error: ");
  err << error.text << "\n";
  if (getopt_style) err << "Try \"" << program << " --help\" for more information\n";
  return misused ? info.slurm_usage_code : kExitRefused;
}

Result<Client*> Context::controller() {
  if (client == nullptr) client = TRY(connect());
  return client.get();
}

void Context::warn(std::string_view text) {
  (void)out.flush();
  err << program << ": " << text << "\n";
  (void)err.flush();
}

int run_command(const CommandInfo& info, const Invocation& call,
                const std::function<void(Cli&)>& define,
                const std::function<Result<int>(Context&)>& run) {
  Cli cli(info, call.dialect);
  define(cli);
  cli.group("Other");
  cli.on("--help", "", "Show this help", {});
  cli.on("-V,--version", "", "Show the version", {});
  Output out(1);
  Output err(2);
  if (call.args.size() == 1 && call.args[0].starts_with("--gd-dump=")) {
    const Result<std::string> text = dump(cli, std::string_view(call.args[0]).substr(10));
    if (!text.ok()) return report(info, call.dialect, call.program, text.error(), err);
    out << *text;
    return out.flush() ? kExitDone : kExitRefused;
  }
  Context context{.program = call.program,
                  .dialect = call.dialect,
                  .parsed = {},
                  .out = out,
                  .err = err,
                  .connect = connect_to_controller};
  const Result<int> code = parse_and_run(cli, call, context, run);
  (void)out.flush();
  if (out.broken_pipe()) return kExitBrokenPipe;
  if (out.failed()) {
    return report(info, call.dialect, call.program,
                  Error{ErrorCode::unavailable, "cannot write to standard output"}, err);
  }
  if (!code.ok()) return report(info, call.dialect, call.program, code.error(), err);
  return *code;
}

}  // namespace gd::cmd

// gdlogin - make oneself known to the cluster, by password or whatever PAM asks for.
#include <string>
#include <vector>

#include "base/text.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/connection.h"
#include "cmd/job_fields.h"
#include "cmd/job_query.h"
#include "cmd/login_client.h"
#include "cmd/login_prompt.h"

namespace gd::cmd {
namespace {

struct LoginOptions {
  bool status = false;
  std::vector<std::string> rest;
};

constexpr CommandInfo kInfo{
    .name = "gdlogin",
    .slurm_name = "",
    .summary = "Log in to the cluster: prove who you are, and get a key for this home directory",
    .arguments = "[USER]",
    .examples =
        "gdlogin                # as oneself\n"
        "gdlogin --status       # who am I to the cluster?\n",
    .completes = Completes::user};

void define(Cli& cli, LoginOptions& options) {
  cli.flag("-s,--status", "Log in nowhere; say who one is to the cluster", options.status);
  cli.rest(options.rest);
}

Result<int> run(const LoginOptions& options, Context& context) {
  if (options.rest.size() > 1) {
    return Error{ErrorCode::usage,
                 "one user at most; '" + printable(options.rest[1]) + "' is too many"};
  }
  if (options.status) {
    const auto reply = TRY(TRY(context.controller())->ask<PingReply>(PingRequest{}));
    context.out.line("you are " + reply.you + " (uid " + std::to_string(reply.uid) +
                     ") to cluster " + reply.cluster);
    return kExitDone;
  }
  const LoginSettings settings = TRY(load_login_settings());
  StandardPrompter prompter(0, 2);
  SocketContext sockets;
  const std::string user = options.rest.empty() ? own_name() : options.rest[0];
  const LoginDone done = TRY(login(settings, user, prompter, sockets));
  context.out.line(
      "logged in to cluster " + settings.cluster + " as " + done.user + " (uid " +
      std::to_string(done.uid) + "), " +
      (done.expires == TimePoint{} ? "without end" : "until " + moment_or(done.expires, "")));
  return kExitDone;
}

int start(const Invocation& call) {
  return start_command<LoginOptions, define, run>(kInfo, call);
}

}  // namespace

const Command kGdlogin{&kInfo, start};

}  // namespace gd::cmd

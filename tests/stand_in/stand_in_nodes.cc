// Many nodes in one process, for a real controller: what tests and figures with a thousand
// nodes need, on one machine and without root.
//
//   gdctl -Q node token n[1-1000] | stand_in_nodes --nodes n[1-1000] [--cpus N] [--memory SIZE]
//
// A token a line on standard input, in the order of the nodes. When all are up it says so in a
// line on standard output; at SIGTERM or SIGINT it prints what ran and ends. Not installed: a
// program that reports the ends of jobs which never ran is no daemon to have on a node.
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string_view>
#include <vector>

#include "base/descriptor_limit.h"
#include "base/digest.h"
#include "base/hostlist.h"
#include "base/text.h"
#include "tests/stand_in/stand_in_node.h"

namespace gd::stand_in {
namespace {

struct Arguments {
  std::vector<std::string> nodes;
  Resources each{.cpus = 16, .memory_mib = 64 << 10};
};

Result<Arguments> parse(const std::vector<std::string_view>& words) {
  Arguments arguments;
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    const std::string_view value = words[i + 1];
    if (words[i] == "--nodes") {
      arguments.nodes = TRY(expand_hostlist(value));
    } else if (words[i] == "--cpus") {
      arguments.each.cpus = TRY(parse_number<uint32_t>(value, 1, 1 << 16));
    } else if (words[i] == "--memory") {
      arguments.each.memory_mib = TRY(parse_mib(value));
    } else {
      return Error{ErrorCode::usage, "unexpected option '" + printable(words[i]) + "'"};
    }
  }
  if (arguments.nodes.empty() || words.size() % 2 != 0) {
    return Error{ErrorCode::usage,
                 "expected --nodes LIST [--cpus N] [--memory SIZE], and a token a line"};
  }
  return arguments;
}

// As gdnoded tells it, but that all of it is said and nothing measured.
NodeInfo describe(const std::string& name, const Resources& each, const std::string& boot) {
  NodeInfo info;
  info.name = name;
  info.version = "stand-in";
  info.boot_id = boot;
  info.total = each;
  info.cores_per_socket = each.cpus;
  info.os = "Linux";
  info.architecture = "x86_64";
  info.cgroup = "v2";
  return info;
}

Result<void> run(const Arguments& arguments) {
  const std::unique_ptr<Poller> poller = TRY(Poller::create());
  TRY(poller->handle_signals({SIGTERM, SIGINT}, [&](int) { poller->stop(); }));
  raise_descriptor_limit();
  const auto count = static_cast<int>(arguments.nodes.size());
  SocketContext context(1, count + 16);
  Totals totals;
  std::optional<Error> refused;
  std::vector<std::unique_ptr<StandInNode>> nodes;
  const std::string boot = "stand-in-" + to_hex(random_bytes(8));
  const Milliseconds begin = boot_time();
  for (const std::string& name : arguments.nodes) {
    std::string token;
    if (!std::getline(std::cin, token)) {
      return Error{ErrorCode::usage, std::to_string(nodes.size()) + " tokens came, " +
                                         std::to_string(count) + " nodes are to join"};
    }
    nodes.push_back(TRY(StandInNode::join(*poller, context, describe(name, arguments.each, boot),
                                          TRY(parse_join_token(token)), totals,
                                          [&](const std::string& node, const Error& error) {
                                            refused = Error(error).in("node " + node);
                                            poller->stop();
                                          })));
  }
  while (totals.welcomed < nodes.size() && !refused) TRY(poller->run_once());
  if (refused) return *refused;
  std::printf("%d nodes are up, after %lld ms\n", count,
              static_cast<long long>((boot_time() - begin).count()));
  std::fflush(stdout);
  TRY(poller->run());
  if (refused) return *refused;
  std::printf("%llu steps were started, %llu have ended\n",
              static_cast<unsigned long long>(totals.started),
              static_cast<unsigned long long>(totals.ended));
  return {};
}

Result<void> run_main(int argc, char** argv) {
  return run(TRY(parse({argv + 1, argv + argc})));
}

}  // namespace
}  // namespace gd::stand_in

int main(int argc, char** argv) {
  const gd::Result<void> done = gd::stand_in::run_main(argc, argv);
  if (done.ok()) return 0;
  std::fprintf(stderr, "stand_in_nodes: %s\n", done.error().text.c_str());
  return done.error().code == gd::ErrorCode::usage ? 2 : 1;
}

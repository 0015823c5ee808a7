#include "server/agent/node_identity.h"

#include <array>

#include "base/text.h"
#include "proto/codec.h"
#include "proto/join_token.h"
#include "proto/paths.h"
#include "proto/secret_file.h"
#include "proto/settings.h"

namespace gd::agent {
namespace {

std::string key_path(const std::string& spool_dir) {
  return spool_dir + "/node.key";
}
std::string controller_path(const std::string& spool_dir) {
  return spool_dir + "/controller";
}

Result<std::string> ask_to_join(const std::string& token, const std::string& node,
                                const NodeIdentity& identity) {
  const HostPort address = TRY(parse_host_port(identity.controller, kDefaultPort));
  SocketContext context;
  ClientSocket socket = TRY(ClientSocket::connect(context, tcp_endpoint(address),
                                                  identity.controller_key, identity.keys));
  if (!socket.send(1, encode(NodeJoin{.token = token, .node = node}))) {
    return Error{ErrorCode::unavailable, "cannot send to " + identity.controller};
  }
  const Deadline deadline = Deadline::after(kJoinAnswer);
  while (!deadline.passed()) {
    std::array items{WaitItem(socket)};
    (void)wait(items, deadline.remaining());
    const std::optional<Reply> reply = socket.receive();
    if (!reply) continue;
    const Message message = TRY(decode(reply->body));
    if (const auto* joined = std::get_if<NodeJoined>(&message)) return joined->cluster;
    if (const auto* error = std::get_if<ErrorReply>(&message)) {
      return Error{error->code, error->text};
    }
  }
  return Error{ErrorCode::unavailable, "no answer from the controller at " + identity.controller};
}

}  // namespace

Result<NodeIdentity> load_identity(const std::string& spool_dir) {
  Result<SecretString> text = read_secret_file(key_path(spool_dir));
  if (!text.ok()) {
    if (text.error().code != ErrorCode::not_found) return std::move(text).error();
    return Error{ErrorCode::unauthenticated,
                 "this node has not joined a cluster (no " + key_path(spool_dir) +
                     "); run: gdnoded --join TOKEN, with a token from: gdctl node token"};
  }
  const std::vector<std::string_view> keys = split_words(text->reveal());
  if (keys.size() != 2 || !is_curve_key(keys[0]) || !is_curve_key(keys[1])) {
    return Error{ErrorCode::invalid, key_path(spool_dir) + ": expected two keys on one line"};
  }
  const Bytes about = TRY(read_file(controller_path(spool_dir), 1024));
  const std::vector<std::string_view> words = split_words(about);
  if (words.size() != 2 || !is_curve_key(words[1])) {
    return Error{ErrorCode::invalid,
                 controller_path(spool_dir) + ": expected an address and a key on one line"};
  }
  return NodeIdentity{.keys = {std::string(keys[0]), std::string(keys[1])},
                      .controller = std::string(words[0]),
                      .controller_key = std::string(words[1])};
}

Result<void> store_identity(const std::string& spool_dir, const NodeIdentity& identity) {
  TRY(replace_file(controller_path(spool_dir),
                   identity.controller + " " + identity.controller_key + "\n", 0644));
  return replace_file(key_path(spool_dir),
                      identity.keys.public_key + " " + identity.keys.secret_key + "\n", 0600);
}

Result<std::string> join_cluster(const std::string& token, const std::string& node,
                                 const std::string& spool_dir) {
  const JoinToken parsed = TRY(parse_join_token(token));
  TRY(make_directories(spool_dir, 0755));
  const NodeIdentity identity{.keys = make_curve_keys(),
                              .controller = parsed.controller,
                              .controller_key = parsed.controller_key};
  const std::string cluster = TRY(ask_to_join(token, node, identity));
  TRY(store_identity(spool_dir, identity));
  return cluster;
}

}  // namespace gd::agent

// login(): PAM's questions from the controller, the person's answers to it. What is
// typed is wiped here; libzmq's own copy of a sent frame is not ours to wipe.
#include "base/digest.h"
#include "cmd/login_client.h"
#include "cmd/login_key.h"
#include "proto/codec.h"

namespace gd::cmd {

namespace {

constexpr Milliseconds kFirstAnswer = 15s;  // no connection, or nobody there
constexpr Milliseconds kNextAnswer = 90s;   // PAM may have to ask a server
constexpr uint64_t kLoginTag = 1;

Result<Message> next_message(ClientSocket& socket, Milliseconds patience,
                             const std::string& controller) {
  const Deadline deadline = Deadline::after(patience);
  for (;;) {
    if (std::optional<Reply> reply = socket.receive()) {
      if (reply->tag == kLoginTag) return decode(reply->body);
      continue;
    }
    if (deadline.passed()) {
      return Error{ErrorCode::unavailable, "no answer from the controller at " + controller +
                                               " within " +
                                               std::to_string(patience.count() / 1000) + " s"};
    }
    WaitItem items[] = {WaitItem(socket)};
    (void)wait(items, deadline.remaining());
  }
}

Result<void> send_answer(ClientSocket& socket, Result<std::string> answer) {
  if (!answer.ok()) return std::move(answer).error();
  Message message = LoginAnswer{std::move(*answer)};
  Bytes body = encode(message);
  wipe(std::get<LoginAnswer>(message).text);
  wipe(*answer);
  const bool sent = socket.send(kLoginTag, body);
  wipe(body);
  if (!sent) return Error{ErrorCode::unavailable, "the answer could not be sent"};
  return {};
}

Result<LoginDone> converse(ClientSocket& socket, const std::string& user,
                           const std::string& controller, Prompter& prompter) {
  if (!socket.send(kLoginTag, encode(LoginStart{user}))) {
    return Error{ErrorCode::unavailable, "cannot reach the controller at " + controller};
  }
  Milliseconds patience = kFirstAnswer;
  for (;;) {
    Message message = TRY(next_message(socket, patience, controller));
    patience = kNextAnswer;
    if (auto* prompt = std::get_if<LoginPrompt>(&message)) {
      TRY(send_answer(socket, prompter.ask(prompt->kind, prompt->text)));
    } else if (auto* done = std::get_if<LoginDone>(&message)) {
      return std::move(*done);
    } else if (auto* refused = std::get_if<ErrorReply>(&message)) {
      return Error{refused->code, std::move(refused->text)};
    } else {
      return Error{ErrorCode::internal,
                   "the controller answered a login by " + std::string(name(type_of(message)))};
    }
  }
}

// Where the controller is, from the configuration or from an earlier key file.
Result<Identity> find_controller(const LoginSettings& settings, const std::string& path) {
  Identity identity;
  identity.controller = settings.controller;
  identity.controller_key = settings.controller_key;
  if (identity.controller_key.empty()) {
    if (Result<Identity> old = read_key_file(path); old.ok()) identity = std::move(old).take();
  }
  if (identity.controller_key.empty()) {
    return Error{ErrorCode::unavailable,
                 "the controller's public key is not known on this machine; copy its "
                 "controller.pub to where gd.conf says"};
  }
  return identity;
}

}  // namespace

Result<LoginDone> login(const LoginSettings& settings, const std::string& user, Prompter& prompter,
                        SocketContext& context) {
  const std::string path = TRY(key_file_path(settings));
  Identity identity = TRY(find_controller(settings, path));
  identity.keys = make_curve_keys();
  ClientSocket socket = TRY(ClientSocket::connect(context, "tcp://" + identity.controller,
                                                  identity.controller_key, identity.keys));
  LoginDone done = TRY(converse(socket, user, identity.controller, prompter));
  TRY(write_key_file(path, identity));
  return done;
}

}  // namespace gd::cmd

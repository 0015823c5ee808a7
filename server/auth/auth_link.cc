// See auth_link.h.
#include "server/auth/auth_link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "proto/enrol_listener.h"

namespace gd::auth {

namespace {

constexpr int kControlFd = 3;
constexpr int kListenFd = 4;

Packet make_packet(PacketKind kind, uint64_t id, SecretString text) {
  GD_CHECK(((id & kEnrolIdBit) != 0) == (kind == PacketKind::enrol_answer), id);
  Packet packet;
  packet.kind = kind;
  packet.id = id;
  packet.text = std::move(text);
  return packet;
}

Result<AuthEvent> to_event(const Packet& packet) {
  std::string text(packet.text.reveal());
  switch (packet.kind) {
    case PacketKind::login_prompt: {
      const uint8_t last = static_cast<uint8_t>(PromptKind::error);
      const auto kind = static_cast<PromptKind>(std::min(packet.code, last));
      return AuthEvent{LoginPrompted{packet.id, kind, std::move(text)}};
    }
    case PacketKind::login_done:
      return AuthEvent{LoginSucceeded{packet.id, packet.uid, packet.gid, std::move(text)}};
    case PacketKind::account_done:
      return AuthEvent{AccountAllowed{packet.id, packet.uid, packet.gid, std::move(text)}};
    case PacketKind::refused: {
      const uint8_t last = static_cast<uint8_t>(ErrorCode::unauthenticated);
      const auto code = static_cast<ErrorCode>(std::min(packet.code, last));
      return AuthEvent{AuthRefused{packet.id, Error{code, std::move(text)}}};
    }
    case PacketKind::enrol_ask:
      return AuthEvent{
          EnrolAsked{packet.id, packet.uid, packet.gid, std::move(text), packet.extra}};
    default: return Error{ErrorCode::invalid, "gdauthd sent a packet that is not its to send"};
  }
}

}  // namespace

Result<AuthLink> AuthLink::start(const AuthSettings& settings) {
  const UniqueFd listening = TRY(bind_enrol_socket(settings.enrol_socket));
  SocketPair pair = TRY(make_socket_pair(SOCK_SEQPACKET));
  std::vector<std::string> argv = {settings.program,
                                   "--control",
                                   std::to_string(kControlFd),
                                   "--listen",
                                   std::to_string(kListenFd),
                                   "--service",
                                   settings.service};
  if (!settings.pam_confdir.empty()) {
    argv.insert(argv.end(), {"--pam-confdir", settings.pam_confdir});
  }
  if (settings.fail_delay) {
    argv.insert(argv.end(), {"--fail-delay-ms", std::to_string(settings.fail_delay->count())});
  }
  SpawnOptions options;
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
  if (const auto journal = get_env("JOURNAL_STREAM")) {
    options.env.push_back("JOURNAL_STREAM=" + *journal);
  }
  options.fds = {{2, 2}, {pair.second.get(), kControlFd}, {listening.get(), kListenFd}};
  Result<Pidfd> process = spawn(argv, options);
  if (!process.ok()) return std::move(process).error().in("start gdauthd");
  return AuthLink{std::move(pair.first), std::move(process).take()};
}

Result<std::optional<AuthEvent>> AuthLink::receive() {
  Result<std::optional<Packet>> packet = receive_packet(socket_.get());
  if (!packet.ok()) return std::move(packet).error().in("gdauthd");
  if (!*packet) return std::optional<AuthEvent>{};
  return std::optional<AuthEvent>(TRY(to_event(**packet)));
}

Result<void> AuthLink::start_login(uint64_t id, const std::string& user,
                                   const std::string& address) {
  if (user.size() > kMaxPacketText) {
    return Error{ErrorCode::invalid,
                 "user name has " + std::to_string(user.size()) + " characters"};
  }
  Packet packet = make_packet(PacketKind::login_start, id, SecretString(std::string(user)));
  packet.extra = address.substr(0, kMaxPacketExtra);
  return send_packet(socket_.get(), packet);
}

Result<void> AuthLink::answer_login(uint64_t id, SecretString answer) {
  if (answer.reveal().size() > kMaxPacketText) {
    return Error{ErrorCode::invalid, "answer has " + std::to_string(answer.reveal().size()) +
                                         " bytes, " + std::to_string(kMaxPacketText) +
                                         " are allowed"};
  }
  return send_packet(socket_.get(), make_packet(PacketKind::login_answer, id, std::move(answer)));
}

Result<void> AuthLink::cancel_login(uint64_t id) {
  return send_packet(socket_.get(), make_packet(PacketKind::login_cancel, id, SecretString{}));
}

Result<void> AuthLink::check_account(uint64_t id, const std::string& user) {
  if (user.size() > kMaxPacketText) {
    return Error{ErrorCode::invalid,
                 "user name has " + std::to_string(user.size()) + " characters"};
  }
  return send_packet(socket_.get(),
                     make_packet(PacketKind::account_check, id, SecretString(std::string(user))));
}

Result<void> AuthLink::answer_enrol(uint64_t id, const Result<EnrolAnswer>& answer) {
  std::string line = format_enrol_answer(answer);
  line.pop_back();  // its end is put on by whoever tells the client
  return send_packet(socket_.get(),
                     make_packet(PacketKind::enrol_answer, id, SecretString(std::move(line))));
}

}  // namespace gd::auth

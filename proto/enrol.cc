// See enrol.h for the grammar. The client is blocking, with one deadline for all.
#include "proto/enrol.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "base/check.h"
#include "base/fd.h"
#include "base/text.h"
#include "proto/ids.h"

namespace gd {

namespace {

constexpr std::string_view kGreeting = "gd1 ";
constexpr std::string_view kZ85 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
constexpr size_t kKeyCharacters = 40;

Error bad_answer(std::string_view line) {
  return {ErrorCode::internal, "enrolment was answered by '" + printable(line, 60) + "'"};
}

Result<UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::invalid,
                 "socket path '" + path + "' has " + std::to_string(path.size()) + " characters, " +
                     std::to_string(sizeof address.sun_path - 1) + " are allowed"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd.valid()) return os_error("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Error error = os_error(path);
    error.code = ErrorCode::unavailable;
    return error;
  }
  return fd;
}

// A socket in a folder that others can write to may be anybody's.
Result<void> check_listener(int fd, const std::string& path) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return os_error(path + ": credentials of the listener");
  }
  if (peer.uid == 0 || peer.uid == ::geteuid()) return {};
  return Error{ErrorCode::denied, path + ": the daemon there is of uid " +
                                      std::to_string(peer.uid) + ", neither root's nor yours"};
}

Result<std::string> read_line(int fd, std::chrono::steady_clock::time_point until) {
  using std::chrono::duration_cast;
  std::string line;
  while (line.size() < kMaxEnrolAnswer) {
    const auto left = duration_cast<Milliseconds>(until - std::chrono::steady_clock::now());
    pollfd item{fd, POLLIN, 0};
    const int ready = left.count() > 0 ? ::poll(&item, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return os_error("poll");
    if (ready == 0) return Error{ErrorCode::unavailable, "no answer to the enrolment in time"};
    char buffer[kMaxEnrolAnswer];
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return Error{ErrorCode::unavailable, "the daemon hung up without an answer"};
    line.append(buffer, static_cast<size_t>(count));
    if (const size_t end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
  }
  return bad_answer(line);
}

}  // namespace

bool is_key_text(std::string_view text) {
  return text.size() == kKeyCharacters && text.find_first_not_of(kZ85) == std::string_view::npos;
}

std::string format_enrol_ask(std::string_view public_key) {
  GD_CHECK(is_key_text(public_key), public_key);
  return std::string(kGreeting) + std::string(public_key) + "\n";
}

Result<std::string> parse_enrol_ask(std::string_view line) {
  if (!take_prefix(line, kGreeting)) {
    return Error{ErrorCode::invalid,
                 "enrolment line begins with '" + printable(line, 20) + "' and not with 'gd1 '"};
  }
  if (!is_key_text(line)) {
    return Error{ErrorCode::invalid, "'" + printable(line, 60) + "' is no CURVE public key"};
  }
  return std::string(line);
}

std::string format_enrol_answer(const Result<EnrolAnswer>& answer) {
  if (!answer.ok()) {
    return "no " + printable(answer.error().text, kMaxEnrolAnswer / 4) + "\n";
  }
  const auto expiry = std::chrono::duration_cast<Seconds>(answer->expires.time_since_epoch());
  return "ok " + answer->user + " " + std::to_string(expiry.count()) + " " + answer->controller +
         " " + answer->controller_key + "\n";
}

Result<EnrolAnswer> parse_enrol_answer(std::string_view line) {
  if (std::string_view reason = line; take_prefix(reason, "no ")) {
    return Error{ErrorCode::denied, printable(reason, kMaxEnrolAnswer)};
  }
  const std::vector<std::string_view> words = split(line, ' ');
  if (words.size() != 5 || words[0] != "ok" || words[1].empty() || words[3].empty() ||
      !is_key_text(words[4])) {
    return bad_answer(line);
  }
  // The far end of the range is well inside what TimePoint's milliseconds hold.
  const auto expiry = parse_number<int64_t>(words[2], 0, int64_t{1} << 40);
  if (!expiry.ok()) return bad_answer(line);
  return EnrolAnswer{std::string(words[1]), TimePoint{Seconds{*expiry}}, std::string(words[3]),
                     std::string(words[4])};
}

Result<EnrolAnswer> enrol_at(const std::string& socket_path, const std::string& public_key,
                             Milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  const UniqueFd fd = TRY(connect_to(socket_path));
  TRY(check_listener(fd.get(), socket_path));
  const std::string ask = format_enrol_ask(public_key);
  // It fits the socket's buffer whole. The daemon may have refused and hung up already:
  // then its answer is what counts, and reading finds it.
  (void)::send(fd.get(), ask.data(), ask.size(), MSG_NOSIGNAL);
  Result<std::string> line = read_line(fd.get(), until);
  if (!line.ok()) return std::move(line).error().in(socket_path);
  return parse_enrol_answer(*line);
}

}  // namespace gd

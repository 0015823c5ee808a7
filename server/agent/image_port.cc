#include "server/agent/image_port.h"

#include <sys/socket.h>

#include <array>

#include "base/log.h"
#include "base/text.h"
#include "proto/enrol_listener.h"
#include "server/agent/store_answer.h"
#include "server/image/store.h"

namespace gd::agent {
namespace {

struct Request {
  std::string_view verb;
  bool has_argument;
  bool root_only;
};
constexpr std::array<Request, 8> kRequests = {{{"list", false, false},
                                               {"containers", false, false},
                                               {"discard", true, false},
                                               {"pull", true, false},
                                               {"remove", true, false},
                                               {"remove-shared", true, true},
                                               {"prune", true, true},
                                               {"verify", false, true}}};

void refuse(int fd, const Error& error) {
  const std::string line = render_store_error(error) + "\n";
  (void)::send(fd, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

Result<std::vector<std::string>> store_arguments(std::string_view line, uid_t uid) {
  const size_t blank = line.find(' ');
  const std::string_view verb = line.substr(0, blank);
  const std::string argument(blank == std::string_view::npos ? "" : line.substr(blank + 1));
  for (const Request& request : kRequests) {
    if (request.verb != verb) continue;
    if (request.has_argument == argument.empty() || argument.starts_with('-')) break;
    if (request.root_only && uid != 0) {
      return Error{ErrorCode::denied, std::string(verb) + ": only root does this to all images"};
    }
    std::vector<std::string> words = {"--uid", std::to_string(uid)};
    words.emplace_back(verb == "remove-shared" ? "remove" : verb);
    if (request.has_argument) words.push_back(argument);
    if (verb == "remove") words.push_back(std::to_string(uid));
    if (verb == "remove-shared") words.emplace_back(image::kEverybody);
    return words;
  }
  return Error{ErrorCode::invalid, "request '" + printable(line, 80) + "' is not understood"};
}

Result<std::unique_ptr<ImagePort>> ImagePort::create(Poller& poller, ImagePortSettings settings) {
  TRY(make_directories(settings.socket.substr(0, settings.socket.rfind('/')), 0755));
  UniqueFd listening = TRY(bind_enrol_socket(settings.socket));
  auto port =
      std::make_unique<ImagePort>(Badge{}, poller, std::move(settings), std::move(listening));
  ImagePort* self = port.get();
  TRY(poller.add(self->listening_.get(), EPOLLIN, [self](uint32_t) { self->on_connect(); }));
  self->prune();
  return port;
}

ImagePort::~ImagePort() {
  while (!clients_.empty()) drop(clients_.begin()->first);
  for (const auto& [fd, child] : children_) poller_.remove(fd);
  poller_.remove(listening_.get());
}

void ImagePort::on_connect() {
  UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid()) return;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (clients_.size() + children_.size() >= kMaxImageClients) {
    return refuse(fd.get(), Error{ErrorCode::exhausted, "too many requests at once; try again"});
  }
  const int key = fd.get();
  if (!poller_.add(key, EPOLLIN, [this, key](uint32_t) { on_readable(key); }).ok()) return;
  const TimerId timer = poller_.call_after(kImageClientTime, [this, key] { drop(key); });
  clients_[key] = {.fd = std::move(fd), .uid = peer.uid, .line = {}, .timer = timer};
}

void ImagePort::on_readable(int fd) {
  Client& client = clients_.at(fd);
  std::array<char, kMaxImageLineBytes> block;
  const ssize_t count = ::recv(fd, block.data(), block.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return drop(fd);
  client.line.append(block.data(), static_cast<size_t>(count));
  const size_t end = client.line.find('\n');
  if (end == std::string::npos && client.line.size() < kMaxImageLineBytes) return;
  client.line.resize(std::min(end, kMaxImageLineBytes));
  Client whole = std::move(client);
  drop(fd);
  serve(std::move(whole));
}

void ImagePort::serve(Client client) {
  const Result<std::vector<std::string>> arguments = store_arguments(client.line, client.uid);
  if (!arguments.ok()) return refuse(client.fd.get(), arguments.error());
  run(*arguments, client.fd.get());
}

void ImagePort::run(const std::vector<std::string>& arguments, int output) {
  std::vector<std::string> argv = {settings_.program, "--settings", settings_.settings};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  SpawnOptions options{.env = {"PATH=/usr/local/bin:/usr/bin:/bin"},
                       .fds = {},
                       .cwd = "/",
                       .group = ProcessGroup::own_session};
  if (output >= 0) options.fds.push_back({output, 1});
  Result<Pidfd> child = spawn(argv, options);
  if (!child.ok()) {
    log_warning("gdstore", {{"error", child.error()}});
    if (output >= 0) refuse(output, child.error());
    return;
  }
  const int key = child->fd();
  const auto reap = [this, key](uint32_t) {
    (void)children_.at(key).wait().ok();
    poller_.remove(key);
    children_.erase(key);
  };
  if (poller_.add(key, EPOLLIN, reap).ok()) children_[key] = std::move(child).take();
}

void ImagePort::prune() {
  run({"prune", std::to_string(settings_.keep_mib)}, -1);
  run({"sweep-jobs"}, -1);
  poller_.call_after(kPruneEvery, [this] { prune(); });
}

void ImagePort::drop(int fd) {
  const auto client = clients_.find(fd);
  if (client == clients_.end()) return;
  poller_.cancel(client->second.timer);
  poller_.remove(fd);
  clients_.erase(client);
}

}  // namespace gd::agent

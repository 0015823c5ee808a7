#include "server/agent/step_save.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/text.h"
#include "proto/file_pattern.h"
#include "server/agent/step_files.h"
#include "server/agent/step_plan.h"
#include "server/agent/store_answer.h"
#include "server/container/user_file.h"

namespace gd::agent {
namespace {

constexpr size_t kMaxAnswerBytes = size_t{16} << 10;

std::string file_of(const StepLaunch& launch, const std::string& node, const std::string& home) {
  const PatternValues values{.job = launch.job,
                             .step = launch.step,
                             .job_name = launch.spec.name,
                             .user = launch.user,
                             .node = node.substr(0, node.find('.')),
                             .node_index = launch.node_index,
                             .array_job = launch.array_job,
                             .array_task = launch.array_task};
  const std::string name = expand_pattern(launch.spec.image.save, values);
  if (name.starts_with('/')) return name;
  return working_folder(launch, home) + "/" + name;
}

std::optional<UniqueFd> receive_fd(int socket) {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1) return std::nullopt;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return std::nullopt;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

}  // namespace

bool saves_container(const StepLaunch& launch) {
  if (launch.spec.image.save.empty() || launch.step == kExternStep) return false;
  const bool first = launch.step == kBatchStep || launch.step == kInteractiveStep;
  return (first || !launch.join_container) && launch.step_node_index == 0;
}

StepSave::StepSave(Poller& poller, const StepLaunch& launch, const ShepherdSettings& settings,
                   std::string step_folder, OnDone on_done)
    : poller_(poller),
      launch_(launch),
      settings_(settings),
      step_folder_(std::move(step_folder)),
      on_done_(std::move(on_done)) {}

StepSave::~StepSave() {
  stop();
}

Result<void> StepSave::prepare(const image::StoredImage* stored) {
  if (file_.valid()) return {};  // the start is tried again
  if (stored == nullptr) {
    return Error{ErrorCode::invalid,
                 "image " + launch_.spec.image.name + ": the host and directories are not saved"};
  }
  digest_ = stored->digest;
  identity_ = TRY(identify(launch_));
  path_ = file_of(launch_, settings_.node, identity_.home);
  const size_t slash = path_.rfind('/');
  std::string part = path_.substr(0, slash + 1) + "." + path_.substr(slash + 1) + ".gd-" +
                     std::to_string(launch_.job.value) + "." + std::to_string(launch_.launch.value);
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY;
  const Result<Environment> exported = parse_environment(launch_.environment);
  const mode_t mode = 0666 & ~user_umask(exported.ok() ? *exported : Environment{});
  Result<UniqueFd> file = container::open_as_user(part, kFlags, mode | 0600, identity_);
  if (!file.ok()) return std::move(file).error().in("container save");
  sockets_ = TRY(make_socket_pair(SOCK_SEQPACKET));
  file_ = std::move(file).take();
  part_ = std::move(part);
  struct stat there {};
  if (::stat(path_.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    return Error{ErrorCode::invalid, "container save: " + path_ + " is there and no plain file"};
  }
  return {};
}

// The last one that came is that of the start that succeeded.
void StepSave::take_root() {
  while (std::optional<UniqueFd> fd = receive_fd(sockets_.first.get())) root_ = *std::move(fd);
  sockets_ = SocketPair{};
}

Result<void> StepSave::begin() {
  if (!root_.valid()) return Error{ErrorCode::internal, "nobody holds its root"};
  Pipe pipe = TRY(make_pipe(O_NONBLOCK));
  constexpr int kTree = 3;
  constexpr int kFile = 4;
  const SpawnOptions options{
      .env = {"PATH=/usr/local/bin:/usr/bin:/bin"},
      .fds = {{pipe.write.get(), 1}, {root_.get(), kTree}, {file_.get(), kFile}},
      .cwd = "/",
      .group = ProcessGroup::own_session};
  child_ = TRY(
      spawn({settings_.store_program, "--settings", settings_.file, "save", step_folder_, digest_},
            options));
  root_.reset();
  output_ = std::move(pipe.read);
  return poller_.add(output_.get(), EPOLLIN, [this](uint32_t) { on_output(); });
}

void StepSave::on_output() {
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t count = ::read(output_.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;
    if (count == 0) break;
    if (said_.size() < kMaxAnswerBytes) said_.append(block.data(), static_cast<size_t>(count));
  }
  poller_.remove(output_.get());
  output_.reset();
  (void)child_.wait().ok();
  child_ = Pidfd();
  const Result<uint64_t> bytes = finish();
  stop();
  on_done_(bytes);
}

// "saved BYTES", "done"; or "error CODE TEXT".
Result<uint64_t> StepSave::finish() {
  std::optional<uint64_t> bytes;
  bool done = false;
  for (std::string_view line : split(said_, '\n')) {
    if (std::optional<Error> error = parse_store_error(line)) return *std::move(error);
    if (line == "done") done = true;
    if (take_prefix(line, "saved ")) bytes = TRY(parse_number<uint64_t>(line));
  }
  if (!done || !bytes) return Error{ErrorCode::unavailable, "gdstore ended without a word"};
  TRY(container::rename_as_user(part_, path_, identity_));
  part_.clear();
  return *bytes;
}

void StepSave::stop() {
  if (child_.valid()) {
    poller_.remove(output_.get());
    output_.reset();
    (void)child_.send_signal(SIGKILL).ok();
    (void)child_.wait().ok();
    child_ = Pidfd();
  }
  sockets_ = SocketPair{};
  root_.reset();
  file_.reset();
  if (part_.empty()) return;
  (void)container::remove_file_as_user(part_, identity_).ok();
  part_.clear();
}

}  // namespace gd::agent

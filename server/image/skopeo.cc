#include "server/image/skopeo.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace gd::image {
namespace {

constexpr int kCredentialsFd = 3;

Result<UniqueFd> memory_file(const std::string& text) {
  UniqueFd fd(::memfd_create("auth", MFD_CLOEXEC));
  if (!fd.valid() || ::fchmod(fd.get(), 0444) != 0) return os_error("memory file");
  TRY(write_all(fd.get(), text, "memory file"));
  return fd;
}

[[noreturn]] void become_skopeo(const std::vector<char*>& argv, const std::vector<char*>& env,
                                const SkopeoUser& who, int credentials, int out) {
  const rlimit none{0, 0};
  const bool ready =
      ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::setrlimit(RLIMIT_CORE, &none) == 0 &&
      ::setgroups(who.groups.size(), who.groups.data()) == 0 &&
      ::setresgid(who.gid, who.gid, who.gid) == 0 && ::setresuid(who.uid, who.uid, who.uid) == 0 &&
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
      ::chdir(who.folder.c_str()) == 0 && ::dup2(out, 1) == 1 && ::dup2(out, 2) == 2 &&
      (credentials < 0 || credentials == kCredentialsFd
           ? credentials < 0 || ::fcntl(credentials, F_SETFD, 0) == 0
           : ::dup2(credentials, kCredentialsFd) == kCredentialsFd);
  if (ready) ::execve(argv[0], argv.data(), env.data());
  const std::string text = std::string("skopeo cannot be started: ") + ::strerror(errno) + "\n";
  (void)!::write(out, text.data(), text.size());
  ::_exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

Result<Skopeo> Skopeo::start(const SkopeoUser& user, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TRY(find_program("skopeo", "/usr/local/bin:/usr/bin:/bin")));
  UniqueFd credentials;
  if (!user.credentials.empty()) credentials = TRY(memory_file(user.credentials));
  std::vector<std::string> env = {"PATH=/usr/bin:/bin", "HOME=" + user.folder,
                                  "TMPDIR=" + user.folder, "XDG_RUNTIME_DIR=" + user.folder};
  const std::vector<char*> argv = pointers(arguments), environment = pointers(env);
  Pipe said = TRY(make_pipe());
  const pid_t pid = ::fork();
  if (pid < 0) return os_error("fork");
  if (pid == 0) become_skopeo(argv, environment, user, credentials.get(), said.write.get());
  return Skopeo(TRY(Pidfd::open(pid)), std::move(said.read));
}

bool Skopeo::read(std::string& said) {
  std::array<char, 4096> block;
  ssize_t count = 0;
  do {
    count = ::read(said_.get(), block.data(), block.size());
  } while (count < 0 && errno == EINTR);
  if (count <= 0) return false;
  said.append(block.data(), static_cast<size_t>(count));
  return true;
}

Result<WaitStatus> Skopeo::wait() {
  const Pidfd child = std::exchange(child_, Pidfd());
  return child.wait();
}

void Skopeo::stop() {
  if (!child_.valid()) return;
  (void)child_.send_signal(SIGKILL).ok();
  (void)wait().ok();
}

}  // namespace gd::image

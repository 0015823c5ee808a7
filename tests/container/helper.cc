// What is jailed by the container tests: one small static program, an image by itself.
//
//   helper try CALL        one forbidden thing; prints "CALL: " and what the kernel said
//   helper exit CODE       helper raise SIGNAL     helper sleep     helper say TEXT
//   helper fork-bomb       forks until refused; prints how many it got
//   helper eat MIB         touches that much memory
//   helper catch SIGNAL    prints "ready", then "got SIGNAL" when it comes, and exits 3
//   helper read PATH / helper write PATH / helper open PATH
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace {

int number(const char* text) {
  int value = 0;
  std::from_chars(text, text + std::strlen(text), value);
  return value;
}

void tell(const char* what, long result) {
  std::printf("%s: %s\n", what, result >= 0 ? "worked" : std::strerror(errno));
}

struct Attempt {
  const char* name;
  long (*run)();
};

const Attempt kAttempts[] = {
    {"mount", [] { return long{::mount("none", "/tmp", "tmpfs", 0, nullptr)}; }},
    {"umount", [] { return long{::umount2("/proc", MNT_DETACH)}; }},
    {"unshare-user", [] { return long{::unshare(CLONE_NEWUSER)}; }},
    {"clone-user",
     [] { return ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0); }},
    {"clone3", [] { return ::syscall(SYS_clone3, nullptr, 0); }},
    {"keyctl", [] { return ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr); }},
    {"add_key", [] { return ::syscall(SYS_add_key, "user", "a", "b", 1, -3); }},
    {"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
    {"chroot", [] { return long{::chroot("/tmp")}; }},
    {"setuid", [] { return long{::setuid(0)}; }},
    {"sethostname", [] { return long{::sethostname("x", 1)}; }},
    {"mknod", [] { return long{::mknod("/tmp/disk", S_IFBLK | 0666, makedev(254, 0))}; }},
    {"kill-1", [] { return long{::kill(1, SIGKILL)}; }},  // sent, and without effect on pid 1
    {"ptrace-1", [] { return ::ptrace(PTRACE_SEIZE, 1, nullptr, nullptr); }},
    {"read-memory-1", [] { return long{::open("/proc/1/mem", O_RDONLY)}; }},
    {"read-fds-1", [] { return long{::open("/proc/1/fd/0", O_RDONLY)}; }},
    {"vsock", [] { return long{::socket(AF_VSOCK, SOCK_STREAM, 0)}; }},
    {"terminal-input",
     [] {
       char c = 'x';
       return long{::ioctl(0, TIOCSTI, &c)};
     }},
};

int attempt(std::string_view name) {
  for (const Attempt& one : kAttempts) {
    if (name != "all" && name != one.name) continue;
    tell(one.name, one.run());
  }
  return 0;
}

int fork_bomb() {
  int got = 0;
  for (; got < 100'000; ++got) {
    const pid_t child = ::fork();
    if (child < 0) break;
    if (child == 0) {
      for (;;) ::pause();
    }
  }
  std::printf("got %d: %s\n", got, std::strerror(errno));
  return 0;
}

int eat(int mebibytes) {
  const size_t bytes = static_cast<size_t>(mebibytes) << 20;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 4;
  std::memset(memory, 1, bytes);
  std::printf("ate %d\n", mebibytes);
  return 0;
}

volatile sig_atomic_t g_caught = 0;

int wait_for_signal(int signal) {
  struct sigaction action {};
  action.sa_handler = [](int caught) { g_caught = caught; };
  ::sigaction(signal, &action, nullptr);
  sigset_t mask;
  sigset_t before;
  ::sigemptyset(&mask);
  ::sigaddset(&mask, signal);
  ::sigprocmask(SIG_BLOCK, &mask, &before);
  std::printf("ready\n");
  std::fflush(stdout);
  while (g_caught == 0) ::sigsuspend(&before);
  std::printf("got %d\n", static_cast<int>(g_caught));
  return 3;
}

int read_file(const char* path) {
  const int fd = ::open(path, O_RDONLY);
  if (fd < 0) {
    tell(path, -1);
    return 1;
  }
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(fd, buffer, sizeof buffer)) > 0;) {
    std::fwrite(buffer, 1, static_cast<size_t>(count), stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  const char* argument = argc > 2 ? argv[2] : "";
  if (command == "try") return attempt(argument);
  if (command == "exit") return number(argument);
  if (command == "raise") return ::raise(number(argument));
  if (command == "say") return std::printf("%s\n", argument) < 0 ? 1 : 0;
  if (command == "fork-bomb") return fork_bomb();
  if (command == "eat") return eat(number(argument));
  if (command == "catch") return wait_for_signal(number(argument));
  if (command == "read") return read_file(argument);
  if (command == "write") {
    tell(argument, ::open(argument, O_WRONLY | O_CREAT, 0644));
    return 0;
  }
  if (command == "sleep") {
    for (;;) ::pause();
  }
  return 64;
}

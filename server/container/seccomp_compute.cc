// The filter of programs that only compute, by hand: a list so short needs no library.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "server/container/audit_arch.h"
#include "server/container/seccomp.h"

namespace gd::container {
namespace {

constexpr std::array<int, 17> kCalls{
    SYS_read,       SYS_write,          SYS_readv,         SYS_writev,       SYS_brk,
    SYS_mmap,       SYS_munmap,         SYS_mremap,        SYS_madvise,      SYS_futex,
    SYS_getrandom,  SYS_rt_sigreturn,   SYS_clock_gettime, SYS_gettimeofday, SYS_exit,
    SYS_exit_group, SYS_restart_syscall};

constexpr uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
constexpr uint16_t kIfEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr uint16_t kReturn = BPF_RET | BPF_K;

}  // namespace

int confine_to_computing() {
  std::vector<sock_filter> program;
  program.push_back(BPF_STMT(kLoad, offsetof(seccomp_data, arch)));
  program.push_back(BPF_JUMP(kIfEqual, kNativeArch, 1, 0));
  program.push_back(BPF_STMT(kReturn, SECCOMP_RET_KILL_PROCESS));
  program.push_back(BPF_STMT(kLoad, offsetof(seccomp_data, nr)));
  for (const int call : kCalls) {
    program.push_back(BPF_JUMP(kIfEqual, static_cast<uint32_t>(call), 0, 1));
    program.push_back(BPF_STMT(kReturn, SECCOMP_RET_ALLOW));
  }
  program.push_back(BPF_STMT(kReturn, SECCOMP_RET_KILL_PROCESS));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return load_seccomp(program.data(), program.size() * sizeof(sock_filter));
}

}  // namespace gd::container

// The standard profile, by running its program in user space.
#include "server/container/seccomp.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>

#include <cstring>

namespace gd::container {
namespace {

using Kind = SeccompVerdict::Kind;
constexpr SeccompVerdict kAllow{Kind::allow, 0};
constexpr SeccompVerdict kDenied{Kind::error, EPERM};
constexpr SeccompVerdict kUnknown{Kind::error, ENOSYS};

struct Case {
  const char* name;
  long number;
  std::array<uint64_t, 6> args;
  SeccompVerdict expect;
};

constexpr uint64_t kHigh = uint64_t{1} << 32;

const Case kCases[] = {
    {"read", SYS_read, {}, kAllow},
    {"openat", SYS_openat, {}, kAllow},
    {"execve", SYS_execve, {}, kAllow},
    {"futex", SYS_futex, {}, kAllow},
    {"ptrace of own processes", SYS_ptrace, {}, kAllow},
    {"fork by clone", SYS_clone, {SIGCHLD}, kAllow},
    {"thread by clone", SYS_clone, {CLONE_VM | CLONE_THREAD | CLONE_SIGHAND}, kAllow},
    {"clone with a user namespace", SYS_clone, {CLONE_NEWUSER | SIGCHLD}, kDenied},
    {"clone with a mount namespace", SYS_clone, {CLONE_NEWNS | SIGCHLD}, kDenied},
    {"clone with a net namespace", SYS_clone, {CLONE_NEWNET}, kDenied},
    {"clone3", SYS_clone3, {}, kUnknown},
    {"unshare", SYS_unshare, {CLONE_NEWUSER}, kDenied},
    {"setns", SYS_setns, {}, kDenied},
    {"mount", SYS_mount, {}, kDenied},
    {"move_mount", SYS_move_mount, {}, kDenied},
    {"open_tree", SYS_open_tree, {}, kDenied},
    {"mount_setattr", SYS_mount_setattr, {}, kDenied},
    {"fsopen", SYS_fsopen, {}, kDenied},
    {"umount2", SYS_umount2, {}, kDenied},
    {"pivot_root", SYS_pivot_root, {}, kDenied},
    {"chroot", SYS_chroot, {}, kDenied},
    {"keyctl", SYS_keyctl, {}, kDenied},
    {"add_key", SYS_add_key, {}, kDenied},
    {"request_key", SYS_request_key, {}, kDenied},
    {"bpf", SYS_bpf, {}, kDenied},
    {"perf_event_open", SYS_perf_event_open, {}, kDenied},
    {"userfaultfd", SYS_userfaultfd, {}, kDenied},
    {"io_uring_setup", SYS_io_uring_setup, {}, kUnknown},
    {"kexec_load", SYS_kexec_load, {}, kDenied},
    {"kexec_file_load", SYS_kexec_file_load, {}, kDenied},
    {"init_module", SYS_init_module, {}, kDenied},
    {"finit_module", SYS_finit_module, {}, kDenied},
    {"delete_module", SYS_delete_module, {}, kDenied},
    {"open_by_handle_at", SYS_open_by_handle_at, {}, kDenied},
    {"reboot", SYS_reboot, {}, kDenied},
    {"swapon", SYS_swapon, {}, kDenied},
    {"settimeofday", SYS_settimeofday, {}, kDenied},
    {"clock_settime", SYS_clock_settime, {}, kDenied},
    {"sethostname", SYS_sethostname, {}, kDenied},
    {"syslog", SYS_syslog, {}, kDenied},
    {"acct", SYS_acct, {}, kDenied},
    {"quotactl", SYS_quotactl, {}, kDenied},
    {"ordinary personality", SYS_personality, {PER_LINUX}, kAllow},
    {"personality of a debugger", SYS_personality, {ADDR_NO_RANDOMIZE}, kAllow},
    {"asking the personality", SYS_personality, {0xffffffff}, kAllow},
    {"personality with read implies exec", SYS_personality, {READ_IMPLIES_EXEC}, kDenied},
    {"inet socket", SYS_socket, {AF_INET}, kAllow},
    {"unix socket", SYS_socket, {AF_UNIX}, kAllow},
    {"vsock", SYS_socket, {AF_VSOCK}, kDenied},
    {"window size", SYS_ioctl, {0, TIOCGWINSZ}, kAllow},
    {"typing into a terminal", SYS_ioctl, {0, TIOCSTI}, kDenied},
    {"the same with high bits set", SYS_ioctl, {0, TIOCSTI | kHigh}, kDenied},
    {"pasting into a console", SYS_ioctl, {0, TIOCLINUX}, kDenied},
    {"a call newer than the list", 1000, {}, kUnknown},
};

TEST(Seccomp, StandardProfileAllowsAndRefuses) {
  const Result<std::string> program = build_seccomp(SeccompProfile::standard);
  ASSERT_TRUE(program.ok()) << program.error().text;
  for (const Case& one : kCases) {
    const Result<SeccompVerdict> verdict =
        evaluate(*program, {static_cast<int32_t>(one.number), 0, one.args});
    ASSERT_TRUE(verdict.ok()) << one.name << ": " << verdict.error().text;
    EXPECT_EQ(verdict->kind, one.expect.kind) << one.name;
    EXPECT_EQ(verdict->error, one.expect.error) << one.name;
  }
}

TEST(Seccomp, ForeignCallsAreKilled) {
  const Result<std::string> program = build_seccomp(SeccompProfile::standard);
  const Result<SeccompVerdict> i386 = evaluate(*program, {SYS_read, AUDIT_ARCH_I386, {}});
  EXPECT_EQ(i386->kind, Kind::kill);
#if defined(__x86_64__)
  constexpr int32_t kX32Bit = 0x40000000;
  const Result<SeccompVerdict> x32 = evaluate(*program, {SYS_read | kX32Bit, 0, {}});
  EXPECT_EQ(x32->kind, Kind::kill);
#endif
}

TEST(Seccomp, ProgramStaysBelowKMaxSeccompBytes) {
  const Result<std::string> program = build_seccomp(SeccompProfile::standard);
  EXPECT_GT(program->size(), 100U);
  EXPECT_LT(program->size(), kMaxSeccompBytes);
  EXPECT_EQ(kMaxSeccompBytes, size_t{BPF_MAXINSNS} * sizeof(sock_filter));
  EXPECT_TRUE(build_seccomp(SeccompProfile::none)->empty());
}

TEST(Seccomp, ProfilesAreKnownByName) {
  EXPECT_EQ(*parse_seccomp_profile("default"), SeccompProfile::standard);
  EXPECT_EQ(*parse_seccomp_profile("none"), SeccompProfile::none);
  EXPECT_NE(parse_seccomp_profile("off").error().text.find("expected default or none"),
            std::string::npos);
}

// Damaged programs give an error, never a crash or an endless run.
TEST(Seccomp, DamagedProgramsAreErrors) {
  const auto one = [](sock_filter op) {
    return std::string(reinterpret_cast<const char*>(&op), sizeof op);
  };
  const std::string cases[] = {std::string(),
                               one(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64)),
                               one(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2)),
                               one(BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff)),
                               one(BPF_STMT(BPF_LD | BPF_MEM, BPF_MEMWORDS)),
                               one(BPF_STMT(BPF_ST, BPF_MEMWORDS))};
  for (const std::string& program : cases) EXPECT_FALSE(evaluate(program, {}).ok());
}

}  // namespace
}  // namespace gd::container

// From names to bytes, once; from bytes into the kernel, in the child.
#include "server/container/seccomp.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/fd.h"
#include "server/container/seccomp_names.h"

namespace gd::container {
namespace {

struct ReleaseFilter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

Error filter_error(const char* what, int negative_errno) {
  return os_error(std::string("seccomp: ") + what, -negative_errno);
}

// A call that this ABI has not is no fault: the list serves several.
Result<void> add_rule(void* filter, uint32_t action, const char* name, const scmp_arg_cmp* compare,
                      unsigned count) {
  const int number = ::seccomp_syscall_resolve_name(name);
  if (number == __NR_SCMP_ERROR || number < 0) return {};
  const int error = ::seccomp_rule_add_exact_array(filter, action, number, count, compare);
  if (error != 0) return filter_error(name, error);
  return {};
}

Result<void> allow_if(void* filter, const char* name, scmp_arg_cmp compare) {
  return add_rule(filter, SCMP_ACT_ALLOW, name, &compare, 1);
}

scmp_arg_cmp compare(unsigned index, scmp_compare how, uint64_t a, uint64_t b = 0) {
  return scmp_arg_cmp{index, how, a, b};
}

// clone without any new namespace; its flags are the first argument on x86_64, arm64.
constexpr uint64_t kNamespaceFlags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                     0x80 /* CLONE_NEWTIME */;

// Calls whose arguments decide.
Result<void> add_conditional_rules(void* filter) {
  TRY(allow_if(filter, "clone", compare(0, SCMP_CMP_MASKED_EQ, kNamespaceFlags, 0)));

  // The ordinary execution domains only: others change how memory is laid out.
  constexpr uint64_t kAsk = 0xffffffff;
  constexpr uint64_t kPersonalities[] = {
      PER_LINUX, PER_LINUX32, UNAME26, uint64_t{PER_LINUX32} | UNAME26, kAsk, ADDR_NO_RANDOMIZE};
  for (const uint64_t persona : kPersonalities) {
    TRY(allow_if(filter, "personality", compare(0, SCMP_CMP_EQ, persona)));
  }

  // Hosts of virtual machines listen on AF_VSOCK, and no namespace separates it.
  TRY(allow_if(filter, "socket", compare(0, SCMP_CMP_LT, AF_VSOCK)));
  TRY(allow_if(filter, "socket", compare(0, SCMP_CMP_GT, AF_VSOCK)));
  return {};
}

Result<void> add_all_rules(void* filter) {
  for (const char* name : standard_allow_list()) {
    TRY(add_rule(filter, SCMP_ACT_ALLOW, name, nullptr, 0));
  }
  TRY(add_conditional_rules(filter));
  // Libraries fall back from these, but only on ENOSYS.
  for (const char* name : {"clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"}) {
    TRY(add_rule(filter, SCMP_ACT_ERRNO(ENOSYS), name, nullptr, 0));
  }
  return {};
}

Result<std::string> exported(void* filter) {
  const UniqueFd memory(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!memory.valid()) return os_error("memfd_create");
  if (const int error = ::seccomp_export_bpf(filter, memory.get()); error != 0) {
    return filter_error("export", error);
  }
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) return os_error("seccomp: lseek");
  return read_all(memory.get(), "seccomp program", kMaxSeccompBytes);
}

// What libseccomp cannot say, put in front of its program (jumps are relative).
//
// TIOCSTI types into the terminal of whoever runs us, TIOCLINUX pastes into a console. The
// kernel reads 32 bits of the request, so 32 bits are compared. Calls newer than any that
// the list knows give ENOSYS, for which libraries have a fallback. The other ABI's bit
// (x32) is left to the program behind.
std::string prologue(uint32_t newest_known) {
  constexpr uint32_t kOtherAbi = 0x40000000;
  constexpr uint32_t kRequest = 24;  // offset of args[1], low half
  const sock_filter ops[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kRequest),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 4),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kOtherAbi, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest_known, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
  return {reinterpret_cast<const char*>(ops), sizeof ops};
}

uint32_t newest_known_call() {
  int newest = 0;
  for (const char* name : standard_allow_list()) {
    newest = std::max(newest, ::seccomp_syscall_resolve_name(name));
  }
  return static_cast<uint32_t>(newest);
}

}  // namespace

Result<SeccompProfile> parse_seccomp_profile(std::string_view name) {
  if (name == "default") return SeccompProfile::standard;
  if (name == "none") return SeccompProfile::none;
  return Error{ErrorCode::invalid,
               "seccomp profile '" + std::string(name) + "': expected default or none"};
}

Result<std::string> build_seccomp(SeccompProfile profile) {
  if (profile == SeccompProfile::none) return std::string();
  const Filter filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) return Error{ErrorCode::internal, "seccomp: cannot make a filter"};
  const struct {
    scmp_filter_attr attribute;
    uint32_t value;
  } attributes[] = {
      {SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS},
      {SCMP_FLTATR_CTL_OPTIMIZE, 2},  // binary tree: a third of the load time of a list
  };
  for (const auto& [attribute, value] : attributes) {
    if (const int error = ::seccomp_attr_set(filter.get(), attribute, value); error != 0) {
      return filter_error("attribute", error);
    }
  }
  TRY(add_all_rules(filter.get()));
  const std::string program = prologue(newest_known_call()) + TRY(exported(filter.get()));
  if (program.size() > kMaxSeccompBytes) {
    return Error{ErrorCode::internal, "seccomp: program has " + std::to_string(program.size()) +
                                          " bytes, at most " + std::to_string(kMaxSeccompBytes)};
  }
  return program;
}

}  // namespace gd::container

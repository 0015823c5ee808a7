// System call filters: built once from an allow list, kept as bytes, loaded last.
//
// build() is the dear part (about 0.7 ms); the bytes are a value, the same for every job
// of a profile, so the agent builds once and hands them to each shepherd. The program is
// a binary tree over the native calls; a foreign ABI is killed. What is not on the list
// gives EPERM, or ENOSYS where libraries have a fallback (clone3, io_uring).
// Only seccomp.cc knows libseccomp; the filter of confine_to_computing() is so short that it is
// written by hand, for a static program that links none of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gd::container {

inline constexpr size_t kMaxSeccompBytes = 4096 * 8;  // BPF_MAXINSNS instructions

enum class SeccompProfile : uint8_t {
  standard,  // what a program without capabilities needs; "default" in configurations
  none,      // no filter
};

Result<SeccompProfile> parse_seccomp_profile(std::string_view name);  // "default", "none"
Result<std::string> build_seccomp(SeccompProfile profile);            // empty for none

// In the child; `program` must be aligned for sock_filter. 0, or an errno.
int load_seccomp(const void* program, size_t bytes);

// Of this process, for good: it reads and writes what it has open, and computes. Every other call
// kills it, also that of a foreign ABI. 0, or an errno.
int confine_to_computing();

// Runs a filter in user space, so that a policy is tested without a kernel.
struct SyscallFacts {
  int32_t number = 0;
  uint32_t arch = 0;  // AUDIT_ARCH_*; 0: this machine's
  std::array<uint64_t, 6> args{};
};
struct SeccompVerdict {
  enum class Kind : uint8_t { allow, error, kill, other };
  Kind kind = Kind::other;
  int error = 0;  // errno of Kind::error
  bool operator==(const SeccompVerdict&) const = default;
};
Result<SeccompVerdict> evaluate(std::string_view program, const SyscallFacts& call);

}  // namespace gd::container

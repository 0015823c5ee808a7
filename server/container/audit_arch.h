// What the kernel calls this machine's own system call interface, for filters that kill others.
#pragma once

#include <linux/audit.h>

#include <cstdint>

namespace gd::container {

#if defined(__x86_64__)
inline constexpr uint32_t kNativeArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
inline constexpr uint32_t kNativeArch = AUDIT_ARCH_AARCH64;
#else
#error "name this machine's audit architecture"
#endif

}  // namespace gd::container

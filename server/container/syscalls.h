// System calls that the C library of Debian 12 has no wrapper for.
//
// Thin: -1 and errno, as the wrappers would give. Usable after clone3().
#pragma once

#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace gd::container {

inline pid_t sys_clone3(clone_args* args) {
  return static_cast<pid_t>(::syscall(SYS_clone3, args, sizeof *args));
}

inline int sys_openat2(int dir_fd, const char* path, uint64_t flags, uint64_t mode,
                       uint64_t resolve) {
  open_how how{};
  how.flags = flags;
  how.mode = mode;
  how.resolve = resolve;
  return static_cast<int>(::syscall(SYS_openat2, dir_fd, path, &how, sizeof how));
}

inline int sys_pivot_root(const char* new_root, const char* put_old) {
  return static_cast<int>(::syscall(SYS_pivot_root, new_root, put_old));
}

inline int sys_close_range(unsigned first, unsigned last, unsigned flags) {
  return static_cast<int>(::syscall(SYS_close_range, first, last, flags));
}

}  // namespace gd::container

// The load alone, for programs that do not build filters.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "server/container/seccomp.h"

namespace gd::container {

int load_seccomp(const void* program, size_t bytes) {
  sock_fprog filter{};
  filter.len = static_cast<unsigned short>(bytes / sizeof(sock_filter));
  filter.filter = static_cast<sock_filter*>(const_cast<void*>(program));
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0 ? 0 : errno;
}

}  // namespace gd::container

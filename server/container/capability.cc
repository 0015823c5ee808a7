// The drop itself, in raw system calls, for it runs between clone3() and exec.
#include "server/container/capability.h"

#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace gd::container {

Result<CapabilitySet> parse_capabilities(const std::vector<std::string>& names) {
  CapabilitySet set;
  for (const std::string& name : names) {
    cap_value_t value = 0;
    if (::cap_from_name(name.c_str(), &value) != 0) {
      return Error{ErrorCode::invalid,
                   "capability '" + name + "' is unknown, expected a name like cap_chown"};
    }
    set.bits |= uint64_t{1} << value;
  }
  return set;
}

std::string render(CapabilitySet set) {
  std::string text;
  for (int value = 0; value < 64; ++value) {
    if ((set.bits >> value & 1) == 0) continue;
    char* name = ::cap_to_name(value);
    if (!text.empty()) text += ',';
    text += name == nullptr ? std::to_string(value) : std::string(name);
    if (name != nullptr) ::cap_free(name);
  }
  return text.empty() ? "none" : text;
}

int last_capability() {
  return static_cast<int>(::cap_max_bits()) - 1;
}

int give_up_capabilities(CapabilitySet keep, int last) {
  for (int value = 0; value <= last; ++value) {
    if ((keep.bits >> value & 1) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, value, 0, 0, 0) != 0 && errno != EINVAL) return errno;
  }
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return errno;
  if (keep.bits == 0) {
    constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                    SECBIT_NO_CAP_AMBIENT_RAISE |
                                    SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (::prctl(PR_SET_SECUREBITS, kBits, 0, 0, 0) != 0) return errno;
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const auto low = static_cast<uint32_t>(keep.bits);
  const auto high = static_cast<uint32_t>(keep.bits >> 32);
  const __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
  return ::syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

}  // namespace gd::container

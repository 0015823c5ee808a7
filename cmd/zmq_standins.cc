// Stand-ins for what Debian's libzmq.a refers to and gd never uses: Kerberos (GSSAPI), PGM
// and NORM. With them the commands link libzmq and libsodium statically and need libc alone
// at run time: a start costs 1 ms instead of 3 to 9 ms (18 shared libraries less), and the
// client folder that is bound into containers needs no libraries beside libc.
//
// Why this is sound: libzmq reaches these functions only through a socket whose mechanism is
// GSSAPI, which takes an option that proto/socket.cc never sets (it sets CURVE, and the peer
// cannot choose another), or whose endpoint is pgm://, epgm:// or norm://, while ours are
// tcp://. The exceptions are pgm_init() and pgm_shutdown(), which every context calls: they
// say yes. Should one of the others be reached all the same, the process says so and stops.
//
// Used only where libzmq.a and libsodium.a are found and no sanitizer is on; else the
// commands link the shared libraries. A security update of libzmq or libsodium then means
// building the commands again.
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#pragma GCC diagnostic ignored "-Wmissing-declarations"

namespace {

[[noreturn]] void stop(const char* name) {
  constexpr char kText[] = "gd: reached a part of libzmq that is not linked: ";
  (void)!::write(2, kText, sizeof kText - 1);
  (void)!::write(2, name, std::strlen(name));
  (void)!::write(2, "\n", 1);
  std::abort();
}

}  // namespace

#define NEVER(name) \
  void name() {     \
    stop(#name);    \
  }

extern "C" {

// clang-format off
  NEVER(gss_accept_sec_context) NEVER(gss_acquire_cred) NEVER(gss_delete_sec_context)
  NEVER(gss_display_name) NEVER(gss_import_name) NEVER(gss_init_sec_context)
  NEVER(gss_release_buffer) NEVER(gss_release_cred) NEVER(gss_release_name) NEVER(gss_unwrap)
  NEVER(gss_wrap)
  NEVER(pgm_bind3) NEVER(pgm_close) NEVER(pgm_connect) NEVER(pgm_error_free) NEVER(pgm_free)
  NEVER(pgm_freeaddrinfo) NEVER(pgm_getaddrinfo) NEVER(pgm_getsockopt)
  NEVER(pgm_gsi_create_from_data) NEVER(pgm_recvmsgv) NEVER(pgm_send) NEVER(pgm_setsockopt)
  NEVER(pgm_socket)
  NEVER(NormCreateInstance) NEVER(NormCreateSession) NEVER(NormDestroyInstance)
  NEVER(NormDestroySession) NEVER(NormGetDescriptor) NEVER(NormGetNextEvent)
  NEVER(NormGetRandomSessionId) NEVER(NormIsUnicastAddress) NEVER(NormNodeDelete)
  NEVER(NormObjectGetType) NEVER(NormObjectGetUserData) NEVER(NormObjectSetUserData)
  NEVER(NormSetCongestionControl) NEVER(NormSetDefaultSyncPolicy)
  NEVER(NormSetDefaultUnicastNack) NEVER(NormSetLoopback) NEVER(NormSetMulticastInterface)
  NEVER(NormSetRxPortReuse) NEVER(NormSetTTL) NEVER(NormStartReceiver) NEVER(NormStartSender)
  NEVER(NormStopInstance) NEVER(NormStopReceiver) NEVER(NormStopSender) NEVER(NormStreamFlush)
  NEVER(NormStreamOpen) NEVER(NormStreamRead) NEVER(NormStreamSeekMsgStart)
  NEVER(NormStreamWrite)
    // clang-format on

    int pgm_init(void*) {
  return 1;
}
int pgm_shutdown() {
  return 1;
}

// Values that are only compared or passed on inside of the functions above.
extern const void* const GSS_C_NT_HOSTBASED_SERVICE;
const void* const GSS_C_NT_HOSTBASED_SERVICE = nullptr;
extern const void* const GSS_C_NT_USER_NAME;
const void* const GSS_C_NT_USER_NAME = nullptr;
extern const void* const NORM_INSTANCE_INVALID;
const void* const NORM_INSTANCE_INVALID = nullptr;
extern const void* const NORM_NODE_ANY;
const void* const NORM_NODE_ANY = nullptr;
extern const void* const NORM_OBJECT_INVALID;
const void* const NORM_OBJECT_INVALID = nullptr;
extern const void* const NORM_SESSION_INVALID;
const void* const NORM_SESSION_INVALID = nullptr;

// libbsd's, for the C library has it only since 2.38.
size_t strlcpy(char* to, const char* from, size_t size) {
  const size_t length = std::strlen(from);
  if (size > 0) {
    const size_t copied = length < size - 1 ? length : size - 1;
    std::memcpy(to, from, copied);
    to[copied] = '\0';
  }
  return length;
}

}  // extern "C"

#include "base/result.h"

#include <cstring>

namespace gd {

namespace {

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT: return ErrorCode::not_found;
    case EACCES:
    case EPERM: return ErrorCode::denied;
    case EEXIST: return ErrorCode::exists;
    case EAGAIN:
    case ECONNREFUSED:
    case ETIMEDOUT: return ErrorCode::unavailable;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return ErrorCode::exhausted;
    default: return ErrorCode::internal;
  }
}

}  // namespace

Error os_error(std::string_view what, int number) {
  char buffer[128];
  const char* text = ::strerror_r(number, buffer, sizeof buffer);  // the GNU variant
  return {code_of(number), std::string(what) + ": " + text};
}

}  // namespace gd

#include "server/image/tool.h"

#include <unistd.h>

#include <algorithm>

#include "base/process.h"
#include "base/text.h"

namespace gd::image {
namespace {

constexpr size_t kMaxComplaint = size_t{64} << 10;

}  // namespace

Result<std::string> find_tool(const Tool& tool) {
  Result<std::string> found = find_program(tool.name, kToolPath);
  if (found.ok()) return found;
  return Error{ErrorCode::unavailable, std::string(tool.name) +
                                           " is not on this node (Debian's package " +
                                           std::string(tool.package) + ")"};
}

std::string last_words(int file) {
  std::string said(kMaxComplaint, '\0');
  const ssize_t count = ::pread(file, said.data(), said.size(), 0);
  said.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  std::string_view last = trim(said);
  last = last.substr(last.rfind('\n') == std::string_view::npos ? 0 : last.rfind('\n') + 1);
  return printable(last, 240);
}

}  // namespace gd::image

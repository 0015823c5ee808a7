#include "server/agent/store_answer.h"

#include "base/text.h"

namespace gd::agent {

std::string render_store_error(const Error& error) {
  return "error " + std::to_string(static_cast<int>(error.code)) + " " + error.text;
}

std::optional<Error> parse_store_error(std::string_view line) {
  if (!take_prefix(line, "error ")) return std::nullopt;
  const size_t blank = line.find(' ');
  const Result<int> code =
      parse_number<int>(line.substr(0, blank), 0, static_cast<int>(ErrorCode::unauthenticated));
  if (blank == std::string_view::npos || !code.ok()) return std::nullopt;
  return Error{static_cast<ErrorCode>(*code), std::string(line.substr(blank + 1))};
}

}  // namespace gd::agent

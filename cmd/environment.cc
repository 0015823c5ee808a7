// What --export makes of the environment. See job_options.h.
//
//   ALL            everything (the default)
//   NONE, NIL      nothing but what gd itself sets in the job
//   NAME           this variable, if there is one
//   NAME=VALUE     set; with ALL before it, beside everything
#include <map>

#include "base/text.h"
#include "cmd/job_options.h"

namespace gd::cmd {
namespace {

// Cuts at commas outside quotes; the quotes go.
Result<std::vector<std::string>> split_exports(std::string_view text) {
  std::vector<std::string> items(1);
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0 && c == quote)
      quote = 0;
    else if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else if (quote == 0 && c == ',')
      items.emplace_back();
    else
      items.back() += c;
  }
  if (quote == 0) return items;
  return Error{ErrorCode::usage, std::string("--export: the quote ") + quote + " is not closed"};
}

}  // namespace

Result<Bytes> export_environment(std::string_view names, std::span<const std::string> environment) {
  std::map<std::string, std::string, std::less<>> have;
  for (const std::string& entry : environment) {
    const size_t equals = entry.find('=');
    if (equals != std::string::npos)
      have.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  std::map<std::string, std::string, std::less<>> result;
  for (const std::string& item : TRY(split_exports(names))) {
    const size_t equals = item.find('=');
    if (item == "ALL") {
      result.insert(have.begin(), have.end());
    } else if (item.empty() || item == "NONE" || item == "NIL") {
      continue;
    } else if (equals == 0) {
      return Error{ErrorCode::usage, "--export: '" + printable(item) + "' has no name"};
    } else if (equals != std::string::npos) {
      result[item.substr(0, equals)] = item.substr(equals + 1);
    } else if (const auto found = have.find(item); found != have.end()) {
      result[item] = found->second;
    }
  }
  Bytes out;
  for (const auto& [name, value] : result) {
    out += name;
    out += '=';
    out += value;
    out += '\0';
  }
  return out;
}

}  // namespace gd::cmd

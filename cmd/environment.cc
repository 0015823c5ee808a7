// What --export makes of the environment. See job_options.h.
//
//   ALL            everything (the default)
//   NONE, NIL      nothing but what gd itself sets in the job
//   NAME           this variable, if there is one
//   NAME=VALUE     set; with ALL before it, beside everything
//
// And what --get-user-env lays beneath it.
#include <unistd.h>

#include <map>

#include "base/process.h"
#include "base/text.h"
#include "base/user.h"
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

// The profile of a shell may print what it likes: what counts stands behind a mark.
constexpr char kMark[] = "\001gd-environment\001";
constexpr Milliseconds kLoginPatience = 8s;  // as Slurm's

Result<std::vector<std::string>> login_environment(std::string_view how) {
  CaptureOptions options{.cwd = "/", .timeout = kLoginPatience};
  bool login = true;
  if (!how.empty() && (how.back() == 'L' || how.back() == 'S')) {
    login = how.back() == 'L';
    how.remove_suffix(1);
  }
  if (!how.empty()) options.timeout = Seconds{TRY(parse_number<uint32_t>(how, 1, 3600))};
  const User user = TRY(look_up_user(::getuid()));
  const std::string shell = user.shell.empty() ? "/bin/sh" : user.shell;
  options.env = {"HOME=" + user.home, "USER=" + user.name, "LOGNAME=" + user.name, "SHELL=" + shell,
                 "PATH=/usr/local/bin:/usr/bin:/bin"};
  std::vector<std::string> argv{shell};
  if (login) argv.emplace_back("-l");
  argv.insert(argv.end(), {"-c", std::string("printf '%s' '") + kMark + "'; env -0"});
  Result<Captured> done = run_and_capture(argv, options);
  if (!done.ok()) return std::move(done).error().in("--get-user-env: " + shell);
  const size_t mark = done->out.find(kMark);
  if (!done->status.ok() || mark == Bytes::npos) {
    return Error{ErrorCode::unavailable,
                 "--get-user-env: " + shell + " gave no environment: " + done->status.text()};
  }
  std::vector<std::string> entries;
  for (const std::string_view entry :
       split(std::string_view(done->out).substr(mark + sizeof kMark - 1), '\0')) {
    if (entry.find('=') != std::string_view::npos) entries.emplace_back(entry);
  }
  return entries;
}

Result<Bytes> with_login_environment(const Bytes& exported, std::span<const std::string> login) {
  std::map<std::string_view, std::string_view> all;
  const auto add = [&all](std::string_view entry) {
    const size_t equals = entry.find('=');
    if (equals != std::string_view::npos)
      all.insert_or_assign(entry.substr(0, equals), entry.substr(equals + 1));
  };
  for (const std::string& entry : login) add(entry);
  for (const std::string_view entry : split(exported, '\0')) add(entry);
  Bytes out;
  for (const auto& [name, value] : all) {
    ((out += name) += '=') += value;
    out += '\0';
  }
  return out;
}

}  // namespace gd::cmd

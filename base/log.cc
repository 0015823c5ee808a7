// log.h carried out. The sink is one process-wide setting, made by main.
#include "base/log.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <optional>

#include "base/duration.h"
#include "base/process.h"
#include "base/text.h"

namespace gd {

namespace {

struct Sink {
  UniqueFd owned;
  int fd = STDERR_FILENO;
  LogLevel least = LogLevel::info;
  LogStyle style = LogStyle::timestamped;
};

// JOURNAL_STREAM names the device and inode of the stream that the journal reads: standard
// error may have been sent elsewhere since.
bool is_journal(int fd) {
  const std::optional<std::string> stream = get_env("JOURNAL_STREAM");
  struct stat about {};
  if (!stream || ::fstat(fd, &about) != 0) return false;
  return *stream == std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino);
}

Sink& sink() {
  static Sink the_sink{.style =
                           is_journal(STDERR_FILENO) ? LogStyle::journal : LogStyle::timestamped};
  return the_sink;
}

struct LevelName {
  LogLevel level;
  std::string_view name;
  char priority;  // syslog's
};

constexpr std::array<LevelName, 5> kLevels = {{
    {LogLevel::debug, "debug", '7'},
    {LogLevel::info, "info", '6'},
    {LogLevel::notice, "notice", '5'},
    {LogLevel::warning, "warning", '4'},
    {LogLevel::error, "error", '3'},
}};

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" =\"\\") != std::string_view::npos;
}

void append_value(std::string& line, std::string_view value) {
  if (!needs_quotes(value)) {
    line += printable(value, kMaxLogLineBytes);
    return;
  }
  std::string escaped;
  for (const char c : value) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  line += '"' + printable(escaped, kMaxLogLineBytes) + '"';
}

std::string timestamp(TimePoint now) {
  const auto part = (now.time_since_epoch() % 1000 + 1000ms) % 1000;
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(part.count()));
  return format_moment(now, utc_zone()) + fraction;
}

}  // namespace

std::string format_log_line(LogStyle style, TimePoint now, LogLevel level, std::string_view event,
                            LogFields fields) {
  const LevelName& name = kLevels[static_cast<size_t>(level)];
  std::string line;
  if (style == LogStyle::journal)
    line = {'<', name.priority, '>'};
  else
    line = timestamp(now) + " " + std::string(name.name) + " ";
  line += printable(event);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  if (line.size() > kMaxLogLineBytes) {
    line.resize(kMaxLogLineBytes - 3);
    line += "...";
  }
  return line;
}

void log_event(LogLevel level, std::string_view event, LogFields fields) {
  const Sink& to = sink();
  if (level < to.least) return;
  const std::string line =
      format_log_line(to.style, SystemClock{}.now(), level, event, fields) + "\n";
  // A log that cannot be written must not stop the daemon, and there is nobody to tell.
  while (::write(to.fd, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

void log_debug(std::string_view event, LogFields fields) {
  log_event(LogLevel::debug, event, fields);
}
void log_info(std::string_view event, LogFields fields) {
  log_event(LogLevel::info, event, fields);
}
void log_notice(std::string_view event, LogFields fields) {
  log_event(LogLevel::notice, event, fields);
}
void log_warning(std::string_view event, LogFields fields) {
  log_event(LogLevel::warning, event, fields);
}
void log_error(std::string_view event, LogFields fields) {
  log_event(LogLevel::error, event, fields);
}

void log_to_stderr(LogLevel least) {
  const LogStyle style = is_journal(STDERR_FILENO) ? LogStyle::journal : LogStyle::timestamped;
  log_to_descriptor(STDERR_FILENO, least, style);
}

void log_to_descriptor(int fd, LogLevel least, LogStyle style) {
  sink() = {UniqueFd{}, fd, least, style};
}

Result<void> log_to_file(const std::string& path, LogLevel least) {
  UniqueFd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0640));
  const int fd = file.get();
  sink() = {std::move(file), fd, least, LogStyle::timestamped};
  return {};
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (const LevelName& known : kLevels) {
    if (equal_no_case(text, known.name)) return known.level;
  }
  return Error{ErrorCode::invalid, "'" + printable(text) +
                                       "' is not a log level; write debug, info, notice, warning "
                                       "or error"};
}

std::optional<uint64_t> LogLimiter::allow(Milliseconds boot_time) {
  if (!window_began_ || boot_time - *window_began_ >= window_) {
    window_began_ = boot_time;
    let_through_ = 0;
  }
  if (let_through_ == burst_) {
    ++held_back_;
    return std::nullopt;
  }
  ++let_through_;
  return std::exchange(held_back_, 0);
}

}  // namespace gd

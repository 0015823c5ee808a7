// The log of a daemon: one event a line, key=value, no control characters.
//
//   2026-11-22T00:22:53.123Z info job_started job=42 node=node01 name="my job"
//
// Under systemd (JOURNAL_STREAM) the line begins with "<6>" instead of the time.
// Only daemons log; library code returns errors. A line is one write(), so threads
// and processes may share a sink. A line longer than kMaxLogLineBytes is cut.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace gd {

enum class LogLevel : uint8_t { debug, info, notice, warning, error };
enum class LogStyle : uint8_t { timestamped, journal };

inline constexpr size_t kMaxLogLineBytes = 8192;

struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <class T>
  requires std::integral<T> LogField(std::string_view k, T v) : key(k), value(number(v)) {}
  LogField(std::string_view k, const Error& v) : key(k), value(v.text) {}

  std::string_view key;
  std::string value;

 private:
  static std::string number(bool v) { return v ? "yes" : "no"; }
  static std::string number(std::integral auto v) { return std::to_string(v); }
};

using LogFields = std::initializer_list<LogField>;

// Called by main before any thread is started. Without it: standard error,
// level info, style by the environment.
void log_to_stderr(LogLevel least);
Result<void> log_to_file(const std::string& path, LogLevel least);
void log_to_descriptor(int fd, LogLevel least, LogStyle style);  // the caller keeps fd open
Result<LogLevel> parse_log_level(std::string_view text);

void log_event(LogLevel level, std::string_view event, LogFields fields = {});
void log_debug(std::string_view event, LogFields fields = {});
void log_info(std::string_view event, LogFields fields = {});
void log_notice(std::string_view event, LogFields fields = {});
void log_warning(std::string_view event, LogFields fields = {});
void log_error(std::string_view event, LogFields fields = {});

// The line without its end, as log_event writes it.
std::string format_log_line(LogStyle style, TimePoint now, LogLevel level, std::string_view event,
                            LogFields fields);

// Lets `burst` events through in each `window`, and says how many it held back.
class LogLimiter {
 public:
  LogLimiter(uint32_t burst, Milliseconds window) : burst_(burst), window_(window) {}
  // Nothing: hold this one back. Else the number held back since the last one.
  std::optional<uint64_t> allow(Milliseconds boot_time);

 private:
  uint32_t burst_;
  Milliseconds window_;
  std::optional<Milliseconds> window_began_;
  uint32_t let_through_ = 0;
  uint64_t held_back_ = 0;
};

}  // namespace gd

#include "cmd/crontab_text.h"

#include "base/cron_schedule.h"
#include "base/text.h"
#include "proto/crontab.h"

namespace gd::cmd {
namespace {

constexpr std::string_view kOptions = "#SCRON";
constexpr std::string_view kBlanks = " \t";
constexpr int kFields = 5;

Error at_line(uint32_t line, const Error& error) {
  return Error{ErrorCode::usage, "line " + std::to_string(line) + ": " + error.text};
}

bool takes_options(std::string_view& line) {
  if (!line.starts_with(kOptions)) return false;
  const std::string_view rest = line.substr(kOptions.size());
  if (!rest.empty() && kBlanks.find(rest[0]) == std::string_view::npos) return false;
  line = rest;
  return true;
}

// Where the schedule ends: behind a word with "@", or five fields.
size_t end_of_schedule(std::string_view line) {
  size_t at = 0;
  const int words = line.starts_with('@') ? 1 : kFields;
  for (int i = 0; i < words; ++i) {
    at = line.find_first_not_of(kBlanks, at);
    if (at == std::string_view::npos) return line.size();
    at = std::min(line.find_first_of(kBlanks, at), line.size());
  }
  return at;
}

Result<CrontabEntry> parse_entry(std::string_view line) {
  const size_t end = end_of_schedule(line);
  CrontabEntry entry;
  entry.schedule = line.substr(0, end);
  (void)TRY(parse_cron_schedule(entry.schedule));
  entry.command = trim(line.substr(end));
  if (entry.command.empty()) {
    return Error{ErrorCode::usage, "'" + printable(entry.schedule) + "' has no command"};
  }
  return entry;
}

Error without_entry(const std::vector<Directive>& options) {
  return Error{ErrorCode::usage,
               "line " + std::to_string(options.front().line) + ": the options are of no entry"};
}

}  // namespace

Result<std::vector<CrontabEntry>> parse_crontab(std::string_view text) {
  if (text.size() > kMaxCrontabBytes) {
    return Error{ErrorCode::usage, "the crontab has " + std::to_string(text.size()) +
                                       " bytes, at most " + std::to_string(kMaxCrontabBytes) +
                                       " are allowed"};
  }
  if (text.find('\0') != std::string_view::npos) {
    return Error{ErrorCode::usage, "the crontab contains a NUL byte"};
  }
  std::vector<CrontabEntry> entries;
  std::vector<Directive> options;
  uint32_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (takes_options(line)) {
      Result<std::vector<std::string>> words = split_shell_words(line);
      if (!words.ok()) return at_line(number, words.error());
      options.push_back({static_cast<int>(number), std::move(words).take()});
      continue;
    }
    if (line.starts_with(trim(kDisabledLine))) options.clear();
    if (line.empty() || line[0] == '#') continue;
    Result<CrontabEntry> entry = parse_entry(line);
    if (!entry.ok()) return at_line(number, entry.error());
    entry->line = number;
    entry->options = std::exchange(options, {});
    entries.push_back(std::move(entry).take());
    if (entries.size() > kMaxCronEntries) {
      return Error{ErrorCode::usage, "line " + std::to_string(number) + ": more than " +
                                         std::to_string(kMaxCronEntries) + " entries"};
    }
  }
  if (!options.empty()) return without_entry(options);
  return entries;
}

}  // namespace gd::cmd

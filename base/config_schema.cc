// A parsed configuration held against its schema, and the typed reading of it.
//
// check_config_value() is the only judge of a value: load() asks it for what the file
// says, and sample and defaults pass it too (a test asks it for every default).
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/check.h"
#include "base/config.h"
#include "base/config_errors.h"
#include "base/text.h"

namespace gd {

namespace {

Result<bool> parse_flag(std::string_view text) {
  for (const std::string_view yes : {"yes", "true", "on", "1"}) {
    if (equal_no_case(text, yes)) return true;
  }
  for (const std::string_view no : {"no", "false", "off", "0"}) {
    if (equal_no_case(text, no)) return false;
  }
  return Error{ErrorCode::invalid, "'" + printable(text) + "' is neither yes nor no"};
}

Result<void> check_range(const ConfigKey& key, uint64_t value, std::string_view text,
                         std::string (*show)(uint64_t)) {
  const auto least = static_cast<uint64_t>(std::max<int64_t>(key.min, 0));
  const auto most = static_cast<uint64_t>(std::max<int64_t>(key.max, 0));
  if (value >= least && value <= most) return {};
  return Error{ErrorCode::invalid,
               printable(text) + " is not between " + show(least) + " and " + show(most)};
}

std::string show_bytes(uint64_t bytes) {
  return std::to_string(bytes) + " bytes";
}
std::string show_interval(uint64_t ms) {
  return format_interval(Milliseconds{static_cast<int64_t>(ms)});
}

Result<void> check_choice(const ConfigKey& key, std::string_view text) {
  const std::vector<std::string_view> choices = split(key.choices, '|');
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return {};
  return Error{ErrorCode::invalid, "'" + printable(text) + "' is not one of " +
                                       join(choices, ", ") + did_you_mean(text, choices)};
}

Result<void> check_path(std::string_view text) {
  if (text.starts_with('/')) return {};
  return Error{ErrorCode::invalid, "'" + printable(text) + "' is not a path that begins with /"};
}

}  // namespace

Result<void> check_config_value(const ConfigKey& key, std::string_view text) {
  switch (key.type) {
    case ConfigType::text:
    case ConfigType::list: return {};
    case ConfigType::integer: TRY(parse_number<int64_t>(text, key.min, key.max)); return {};
    case ConfigType::real: TRY(parse_real(text)); return {};
    case ConfigType::boolean: TRY(parse_flag(text)); return {};
    case ConfigType::choice: return check_choice(key, text);
    case ConfigType::size_mib: return check_range(key, TRY(parse_mib(text)), text, format_mib);
    case ConfigType::size_bytes: return check_range(key, TRY(parse_bytes(text)), text, show_bytes);
    case ConfigType::time_limit: TRY(parse_time_limit(text)); return {};
    case ConfigType::interval:
      return check_range(key, static_cast<uint64_t>(TRY(parse_interval(text)).count()), text,
                         show_interval);
    case ConfigType::path: return check_path(text);
  }
  GD_CHECK(false, static_cast<int>(key.type));
}

namespace {

std::string title(const ConfigSection& section) {
  if (section.kind.empty()) return "the part before the first [section]";
  return "[" + section.kind + (section.name.empty() ? "" : " " + section.name) + "]";
}

class Checker {
 public:
  Checker(ConfigSchema schema, ConfigErrors& errors) : schema_(schema), errors_(errors) {}

  void run(const ConfigFile& file) {
    for (const ConfigSection& section : file.sections) {
      if (section.kind != kBadHeader) check(section);
    }
  }

 private:
  // What stands in no file is named by its section.
  void tell(const ConfigSection& section, int line, const std::string& what) {
    errors_.add(line, line > 0 ? what : title(section) + ": " + what);
  }

  void check(const ConfigSection& section) {
    const auto kind = std::find_if(schema_.begin(), schema_.end(),
                                   [&](const ConfigKind& k) { return section.kind == k.kind; });
    if (kind == schema_.end()) {
      if (section.kind.empty() && section.entries.empty()) return;
      std::vector<std::string_view> kinds;
      for (const ConfigKind& known : schema_) kinds.emplace_back(known.kind);
      return tell(section, section.kind.empty() ? section.entries[0].line : section.line,
                  "no such section: " + title(section) + did_you_mean(section.kind, kinds));
    }
    if (kind->naming == SectionNaming::named && section.name.empty()) {
      tell(section, section.line,
           "[" + section.kind + "] needs a name, as in [" + section.kind + " example]");
    }
    if (kind->naming == SectionNaming::unnamed && !section.name.empty()) {
      tell(section, section.line,
           "[" + section.kind + "] takes no name, but '" + section.name + "' is given");
    }
    if (!section.kind.empty() && !seen_.insert({section.kind, section.name}).second) {
      tell(section, section.line, title(section) + " is there twice");
    }
    check_entries(*kind, section);
  }

  void check_entries(const ConfigKind& kind, const ConfigSection& section) {
    std::map<std::string_view, int> lines;
    std::vector<std::string_view> names;
    for (const ConfigKey& key : kind.keys) names.emplace_back(key.name);
    for (const ConfigEntry& entry : section.entries) {
      const auto known = std::find(names.begin(), names.end(), entry.key);
      if (known == names.end()) {
        tell(
            section, entry.line,
            "no such key in " + title(section) + ": " + entry.key + did_you_mean(entry.key, names));
        continue;
      }
      const auto [first, fresh] = lines.emplace(entry.key, entry.line);
      if (!fresh) {
        tell(section, entry.line,
             entry.key + " is there twice, first in line " + std::to_string(first->second));
      }
      const Result<void> good =
          check_config_value(kind.keys[static_cast<size_t>(known - names.begin())], entry.value);
      if (!good.ok()) tell(section, entry.line, entry.key + ": " + good.error().text);
    }
  }

  ConfigSchema schema_;
  ConfigErrors& errors_;
  std::set<std::pair<std::string_view, std::string_view>> seen_;
};

const ConfigEntry* find_entry(const ConfigSection& section, std::string_view key) {
  const auto entry = std::find_if(section.entries.begin(), section.entries.end(),
                                  [&](const ConfigEntry& e) { return e.key == key; });
  return entry == section.entries.end() ? nullptr : &*entry;
}

}  // namespace

Result<Config> Config::load(ConfigSchema schema, std::string_view text, const std::string& file) {
  ConfigErrors errors{file};
  ConfigFile parsed = TRY(parse_config(text, file, errors));
  Checker(schema, errors).run(parsed);
  TRY(errors.result());
  return Config{schema, std::move(parsed)};
}

Result<Config> Config::load(ConfigSchema schema, ConfigFile file) {
  ConfigErrors errors{file.file};
  Checker(schema, errors).run(file);
  TRY(errors.result());
  return Config{schema, std::move(file)};
}

Result<Config> Config::load_file(ConfigSchema schema, const std::string& path) {
  Result<Bytes> text = read_file(path, kMaxConfigBytes);
  if (!text.ok() && text.error().code == ErrorCode::not_found) return load(schema, "", path);
  if (!text.ok()) return std::move(text).error();
  return load(schema, *text, path);
}

const ConfigKind& Config::kind_of(std::string_view kind) const {
  const auto known = std::find_if(schema_.begin(), schema_.end(),
                                  [&](const ConfigKind& k) { return kind == k.kind; });
  GD_CHECK(known != schema_.end(), kind);
  return *known;
}

ConfigView Config::only(std::string_view kind) const {
  static const ConfigSection kNothingGiven;
  const ConfigKind& known = kind_of(kind);
  GD_CHECK(known.naming == SectionNaming::unnamed, kind);
  const std::vector<ConfigView> found = all(kind);
  return found.empty() ? ConfigView{known, kNothingGiven, file_.file} : found.front();
}

std::vector<ConfigView> Config::all(std::string_view kind) const {
  const ConfigKind& known = kind_of(kind);
  std::vector<ConfigView> views;
  for (const ConfigSection& section : file_.sections) {
    if (section.kind == kind) views.emplace_back(known, section, file_.file);
  }
  return views;
}

std::optional<ConfigView> Config::find(std::string_view kind, std::string_view name) const {
  for (const ConfigView& view : all(kind)) {
    if (view.name() == name) return view;
  }
  return std::nullopt;
}

const ConfigKey& ConfigView::key_of(std::string_view key) const {
  const auto known = std::find_if(kind_->keys.begin(), kind_->keys.end(),
                                  [&](const ConfigKey& k) { return key == k.name; });
  GD_CHECK(known != kind_->keys.end(), kind_->kind, key);
  return *known;
}

bool ConfigView::is_given(std::string_view key) const {
  (void)key_of(key);
  return find_entry(*section_, key) != nullptr;
}

bool ConfigView::has(std::string_view key) const {
  return key_of(key).fallback != nullptr || is_given(key);
}

std::string ConfigView::where(std::string_view key) const {
  const ConfigEntry* entry = find_entry(*section_, key);
  const int line = entry != nullptr ? entry->line : section_->line;
  const bool in_file = line > 0 || section_->kind.empty();  // the first section has no header
  return in_file ? *file_ + ":" + std::to_string(line) : title(*section_);
}

std::string ConfigView::raw(std::string_view key, std::span<const ConfigType> types) const {
  const ConfigKey& known = key_of(key);
  GD_CHECK(std::find(types.begin(), types.end(), known.type) != types.end(), key,
           static_cast<int>(known.type));
  const ConfigEntry* entry = find_entry(*section_, key);
  if (entry != nullptr) return entry->value;
  GD_CHECK(known.fallback != nullptr, key);  // ask has() first
  return known.fallback;
}

std::string ConfigView::text(std::string_view key) const {
  constexpr std::array kTypes = {ConfigType::text, ConfigType::choice, ConfigType::path};
  return raw(key, kTypes);
}

int64_t ConfigView::integer(std::string_view key) const {
  constexpr std::array kTypes = {ConfigType::integer};
  return parse_number<int64_t>(raw(key, kTypes)).take();
}

double ConfigView::real(std::string_view key) const {
  constexpr std::array kTypes = {ConfigType::real};
  return parse_real(raw(key, kTypes)).take();
}

bool ConfigView::flag(std::string_view key) const {
  constexpr std::array kTypes = {ConfigType::boolean};
  return parse_flag(raw(key, kTypes)).take();
}

std::vector<std::string> ConfigView::list(std::string_view key) const {
  constexpr std::array kTypes = {ConfigType::list};
  const std::string value = raw(key, kTypes);
  std::vector<std::string> items;
  for (const std::string_view part : split(value, ',')) {
    if (!trim(part).empty()) items.emplace_back(trim(part));
  }
  return items;
}

uint64_t ConfigView::mib(std::string_view key) const {
  constexpr std::array kTypes = {ConfigType::size_mib};
  return parse_mib(raw(key, kTypes)).take();
}

uint64_t ConfigView::bytes(std::string_view key) const {
  constexpr std::array kTypes = {ConfigType::size_bytes};
  return parse_bytes(raw(key, kTypes)).take();
}

TimeLimit ConfigView::time_limit(std::string_view key) const {
  constexpr std::array kTypes = {ConfigType::time_limit};
  return parse_time_limit(raw(key, kTypes)).take();
}

Milliseconds ConfigView::interval(std::string_view key) const {
  constexpr std::array kTypes = {ConfigType::interval};
  return parse_interval(raw(key, kTypes)).take();
}

}  // namespace gd

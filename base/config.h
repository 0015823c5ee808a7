// Configuration files, and the table that says what may stand in them.
//
//   # a comment, also after a blank behind a value
//   key = value                 value up to the end of the line, trimmed
//   key = "a # b"               \" and \\ inside quotes
//   key = one, \                a backslash at the end joins the next line
//         two
//   [partition long]            a section: a kind and, if the kind is named, a name; that
//                               may be a host list: [node n[01-16]]
//
// parse_config() knows the grammar only. Config::load() checks it against a
// schema: unknown and double keys, types, ranges, each with file and line; all
// errors are reported, one a line (the one error text with several lines).
// Values are checked at load, so the getters cannot fail; asking for a key that
// is not in the schema, or with another type, is a bug and aborts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/duration.h"
#include "base/result.h"

namespace gd {

inline constexpr size_t kMaxConfigBytes = size_t{1} << 20;
inline constexpr size_t kMaxConfigErrors = 20;  // more are counted, not shown

struct ConfigEntry {
  std::string key;
  std::string value;
  int line = 0;  // 0: it stands in no file
  bool operator==(const ConfigEntry&) const = default;
};

struct ConfigSection {
  std::string kind;  // "" before the first header
  std::string name;  // "" if the header has none
  int line = 0;
  std::vector<ConfigEntry> entries;
  bool operator==(const ConfigSection&) const = default;
};

struct ConfigFile {
  std::string file;
  std::vector<ConfigSection> sections;  // the first is the one without a header
  bool operator==(const ConfigFile&) const = default;
};

Result<ConfigFile> parse_config(std::string_view text, const std::string& file);

enum class ConfigType : uint8_t {
  text,        // text()
  integer,     // integer(), min..max
  real,        // real()
  boolean,     // flag(): yes/no, true/false, on/off, 1/0
  choice,      // text(), one of `choices`
  list,        // list(): separated by commas
  size_mib,    // mib(): 4G, 512M, plain is MiB; min..max in MiB
  size_bytes,  // bytes(): 64K, plain is bytes; min..max in bytes
  time_limit,  // time_limit(): Slurm's spellings, plain is minutes
  interval,    // interval(): 500ms, 30s, 5min, plain is seconds; min..max in milliseconds
  path,        // text(), must begin with /
};

struct ConfigKey {
  const char* name;
  ConfigType type;
  const char* fallback;  // as it would be written; nullptr: not given, see has()
  const char* about;     // one sentence, for the sample file and gd.conf(5)
  int64_t min = INT64_MIN;
  int64_t max = INT64_MAX;
  const char* choices = "";  // "low|normal|high"
};

enum class SectionNaming : uint8_t { unnamed, named };

struct ConfigKind {
  const char* kind;  // "" for the part before the first header
  SectionNaming naming;
  const char* about;
  std::span<const ConfigKey> keys;
};

using ConfigSchema = std::span<const ConfigKind>;

// One section, read by key. Cheap to copy; the Config must outlive it.
class ConfigView {
 public:
  ConfigView(const ConfigKind& kind, const ConfigSection& section, const std::string& file)
      : kind_(&kind), section_(&section), file_(&file) {}

  [[nodiscard]] const std::string& name() const { return section_->name; }
  [[nodiscard]] bool has(std::string_view key) const;       // given, or has a default
  [[nodiscard]] bool is_given(std::string_view key) const;  // stands in the file
  // "/etc/gd/gd.conf:12"; "[account lab]" of what stands in no file
  [[nodiscard]] std::string where(std::string_view key) const;

  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] int64_t integer(std::string_view key) const;
  [[nodiscard]] double real(std::string_view key) const;
  [[nodiscard]] bool flag(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view key) const;
  [[nodiscard]] uint64_t mib(std::string_view key) const;
  [[nodiscard]] uint64_t bytes(std::string_view key) const;
  [[nodiscard]] TimeLimit time_limit(std::string_view key) const;
  [[nodiscard]] Milliseconds interval(std::string_view key) const;

 private:
  [[nodiscard]] const ConfigKey& key_of(std::string_view key) const;
  [[nodiscard]] std::string raw(std::string_view key, std::span<const ConfigType> types) const;

  const ConfigKind* kind_;
  const ConfigSection* section_;
  const std::string* file_;
};

class Config {
 public:
  // The schema must outlive the Config: it is meant to be a constexpr table.
  static Result<Config> load(ConfigSchema schema, std::string_view text, const std::string& file);
  // Sections from elsewhere, line 0, may be among them: errors name these by their title.
  static Result<Config> load(ConfigSchema schema, ConfigFile file);
  // A file that does not exist is an empty one: every key has its default.
  static Result<Config> load_file(ConfigSchema schema, const std::string& path);

  [[nodiscard]] ConfigView top() const { return only(""); }
  [[nodiscard]] ConfigView only(std::string_view kind) const;  // an unnamed kind, or its defaults
  [[nodiscard]] std::vector<ConfigView> all(std::string_view kind) const;  // in file order
  [[nodiscard]] std::optional<ConfigView> find(std::string_view kind, std::string_view name) const;
  [[nodiscard]] const std::string& file() const { return file_.file; }

 private:
  Config(ConfigSchema schema, ConfigFile file) : schema_(schema), file_(std::move(file)) {}
  [[nodiscard]] const ConfigKind& kind_of(std::string_view kind) const;

  ConfigSchema schema_;
  ConfigFile file_;
};

// Is `text` a value that the key takes? What load() asks for every entry.
Result<void> check_config_value(const ConfigKey& key, std::string_view text);

// The schema as a file with every key commented out at its default, and as the
// option tables of gd.conf(5) in man(7) macros.
std::string sample_config(ConfigSchema schema);
std::string man_config(ConfigSchema schema);

}  // namespace gd

// The documents made of a schema: the sample file and the tables of gd.conf(5).
// Declared in config.h.
#include "base/config.h"
#include "base/text.h"

namespace gd {

namespace {

// Words of `text` in lines of at most 78 characters, each begun with `lead`.
std::string wrapped(std::string_view text, std::string_view lead) {
  constexpr size_t kWidth = 78;
  std::string out;
  std::string line{lead};
  for (const std::string_view word : split_words(text)) {
    if (line.size() + 1 + word.size() > kWidth && line.size() > lead.size()) {
      out += line + "\n";
      line = lead;
    }
    line += ' ';
    line += word;
  }
  return out + line + "\n";
}

bool has_least(const ConfigKey& key) {
  return key.min != INT64_MIN;
}
bool has_most(const ConfigKey& key) {
  return key.max != INT64_MAX;
}

std::string shown(const ConfigKey& key, int64_t value) {
  if (key.type == ConfigType::size_mib) return format_mib(static_cast<uint64_t>(value));
  if (key.type == ConfigType::interval) return format_interval(Milliseconds{value});
  return std::to_string(value);
}

std::string range_of(const ConfigKey& key) {
  if (has_least(key) && has_most(key)) {
    return ", " + shown(key, key.min) + " to " + shown(key, key.max);
  }
  if (has_least(key)) return ", at least " + shown(key, key.min);
  if (has_most(key)) return ", at most " + shown(key, key.max);
  return "";
}

std::string type_of(const ConfigKey& key) {
  switch (key.type) {
    case ConfigType::text: return "text";
    case ConfigType::integer: return "a whole number" + range_of(key);
    case ConfigType::real: return "a number";
    case ConfigType::boolean: return "yes or no";
    case ConfigType::choice: return "one of " + join(split(key.choices, '|'), ", ");
    case ConfigType::list: return "a list, separated by commas";
    case ConfigType::size_mib: return "a size as 512M or 4G" + range_of(key);
    case ConfigType::size_bytes: return "a size in bytes, or as 64K or 4M" + range_of(key);
    case ConfigType::time_limit: return "minutes, HH:MM:SS, D-HH:MM:SS or UNLIMITED";
    case ConfigType::interval: return "an interval as 500ms, 30s, 5min or 2h" + range_of(key);
    case ConfigType::path: return "a path";
  }
  return "";
}

std::string quoted(const char* value) {
  const std::string_view text = value;
  if (text.find('#') == std::string_view::npos) return std::string{text};
  return "\"" + std::string(text) + "\"";
}

// Text for man(7): a backslash is \e, a line must not begin as a request does.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

std::string header_of(const ConfigKind& kind) {
  return std::string("[") + kind.kind + (kind.naming == SectionNaming::named ? " NAME]" : "]");
}

}  // namespace

std::string sample_config(ConfigSchema schema) {
  std::string out =
      "# Every key with its default. A key that is not given has this value, so an\n"
      "# empty file will do.\n";
  for (const ConfigKind& kind : schema) {
    out += "\n" + wrapped(kind.about, "#");
    if (*kind.kind != '\0') out += "#" + header_of(kind) + "\n";
    for (const ConfigKey& key : kind.keys) {
      out += "\n" + wrapped(key.about, "#") + wrapped("(" + type_of(key) + ")", "#");
      out += std::string("#") + key.name + " =";
      if (key.fallback != nullptr && *key.fallback != '\0') out += " " + quoted(key.fallback);
      out += "\n";
    }
  }
  return out;
}

std::string man_config(ConfigSchema schema) {
  std::string out;
  for (const ConfigKind& kind : schema) {
    if (*kind.kind != '\0')
      out += ".SS \"" + roff(header_of(kind)) + "\"\n";
    else
      out += ".SS \"Before the first section\"\n";
    out += roff(kind.about) + "\n";
    for (const ConfigKey& key : kind.keys) {
      out += ".TP\n.B " + roff(key.name) + "\n" + roff(key.about) + "\n";
      out += "Value: " + roff(type_of(key)) + ".\n";
      if (key.fallback == nullptr)
        out += "Not given by default.\n";
      else if (*key.fallback == '\0')
        out += "Default: empty.\n";
      else
        out += "Default: " + roff(key.fallback) + ".\n";
    }
  }
  return out;
}

}  // namespace gd

#include "cmd/cli.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "cmd/version.h"

namespace gd::cmd {
namespace {

constexpr size_t kHelpColumn = 30;
constexpr size_t kHelpWidth = 96;

std::string spelling(const Cli::Option& option) {
  return "--" + option.names.front();
}

bool is_optional(std::string_view value) {
  return value.starts_with("[=");
}

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

Error not_supported(std::string_view spelt) {
  return usage("option '" + printable(spelt) + "' is not supported by gd " GD_VERSION);
}

// `text` in lines of at most kHelpWidth, each behind `indent` blanks but the first.
std::string wrapped(std::string_view text, size_t indent) {
  std::string out;
  size_t column = indent;
  for (const std::string_view word : split_words(text)) {
    if (column > indent && column + 1 + word.size() > kHelpWidth) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string help_line(const Cli::Option& option) {
  std::string line = option.letter != 0 ? std::string("  -") + option.letter + ", " : "      ";
  line += spelling(option);
  if (!option.value.empty()) {
    line += option.value_optional ? "[=" + option.value + "]" : "=" + option.value;
  }
  if (line.size() + 2 > kHelpColumn) {
    line += '\n' + std::string(kHelpColumn, ' ');
  } else {
    line.resize(kHelpColumn, ' ');
  }
  return line + wrapped(option.help, kHelpColumn) + '\n';
}

}  // namespace

Cli::Option& Cli::Option::choose(std::initializer_list<std::string_view> words) {
  choices = words;
  return *this;
}
Cli::Option& Cli::Option::complete(Completes what) {
  completes = what;
  return *this;
}
Cli::Option& Cli::Option::env(std::string_view name) {
  variable = name;
  return *this;
}
Cli::Option& Cli::Option::hide() {
  hidden = true;
  return *this;
}

Cli::Cli(const CommandInfo& info, Dialect dialect) : info_(&info), dialect_(dialect) {}

Cli::Option& Cli::on(std::string_view names, std::string_view value, std::string_view help,
                     Set set) {
  Option& option = options_.emplace_back();
  for (const std::string_view name : split(names, ',')) {
    if (name.starts_with("--"))
      option.names.emplace_back(name.substr(2));
    else
      option.letter = name[1];
  }
  if (is_optional(value)) {  // "[=KIND]"
    option.value_optional = true;
    value.remove_prefix(2);
    value.remove_suffix(1);
  }
  option.value = value;
  option.help = help;
  option.group = group_;
  option.set = std::move(set);
  return option;
}

Cli::Option& Cli::flag(std::string_view names, std::string_view help, bool& target) {
  return on(names, "", help, [&target](std::string_view) -> Result<void> {
    target = true;
    return {};
  });
}

Cli::Option& Cli::option(std::string_view names, std::string_view value, std::string_view help,
                         std::string& target) {
  return on(names, value, help, [&target](std::string_view text) -> Result<void> {
    target = text;
    return {};
  });
}

Cli::Option& Cli::option(std::string_view names, std::string_view value, std::string_view help,
                         std::optional<std::string>& target) {
  return on(names, value, help, [&target](std::string_view text) -> Result<void> {
    target = text;
    return {};
  });
}

Cli::Option& Cli::list(std::string_view names, std::string_view value, std::string_view help,
                       std::vector<std::string>& target) {
  return on(names, value, help, [&target](std::string_view text) -> Result<void> {
    for (const std::string_view part : split(text, ',')) {
      if (!trim(part).empty()) target.emplace_back(trim(part));
    }
    return {};
  });
}

Cli::Option& Cli::count(std::string_view names, std::string_view value, std::string_view help,
                        std::optional<uint32_t>& target, uint32_t least) {
  return on(names, value, help, [&target, least](std::string_view text) -> Result<void> {
    target = TRY(parse_number<uint32_t>(text, least));
    return {};
  });
}

void Cli::refuse(std::string_view names) {
  for (const std::string_view pair : split_words(names)) {
    Option& option = on(pair, "[=VALUE]", "", {});
    option.refused = option.hidden = true;
  }
}

Error Cli::unknown(std::string_view spelt) const {
  if (slurm()) {
    if (!spelt.starts_with("--")) {
      return usage("invalid option -- '" + std::string(spelt.substr(1)) + "'");
    }
    return usage("unrecognized option '" + printable(spelt) + "'");
  }
  std::vector<std::string_view> known;
  for (const Option& option : options_) {
    if (!option.refused) known.insert(known.end(), option.names.begin(), option.names.end());
  }
  std::string text = "unknown option '" + printable(spelt) + "'";
  if (spelt.starts_with("--")) {
    if (const auto near = nearest(spelt.substr(2), known)) {
      text += "; did you mean '--" + std::string(*near) + "'?";
    }
  }
  return usage(std::move(text));
}

// getopt_long's rule: the whole name, or a beginning that only one option has.
Result<const Cli::Option*> Cli::find_long(std::string_view name) const {
  const Option* found = nullptr;
  for (const Option& option : options_) {
    for (const std::string& known : option.names) {
      if (known == name) return &option;
      if (name.empty() || !known.starts_with(name) || found == &option) continue;
      if (found != nullptr) {
        const std::string first = spelling(*found);
        bool exact = false;  // a later option may have just this name
        for (const Option& other : options_) {
          exact = exact || std::count(other.names.begin(), other.names.end(), name) > 0;
        }
        if (exact) continue;
        return usage("option '--" + printable(name) + "' is ambiguous: '" + first + "' or '--" +
                     known + "'");
      }
      found = &option;
    }
  }
  if (found == nullptr) return unknown("--" + std::string(name));
  return found;
}

Result<const Cli::Option*> Cli::find_letter(char letter) const {
  for (const Option& option : options_) {
    if (option.letter == letter && letter != 0) return &option;
  }
  return unknown(std::string("-") + letter);
}

Result<void> Cli::parse_long(std::span<const std::string> args, size_t& at, std::string_view where,
                             Parsed& parsed) const {
  const std::string_view arg = std::string_view(args[at]).substr(2);
  const size_t equals = arg.find('=');
  const std::string_view name = arg.substr(0, equals);
  const Option* option = TRY(find_long(name));
  if (option->refused) return not_supported("--" + std::string(name));
  Given given{option->names.front(), "", false, std::string(where)};
  if (equals != std::string_view::npos) {
    if (option->value.empty()) return usage("option '" + spelling(*option) + "' takes no value");
    given.value = arg.substr(equals + 1);
    given.has_value = true;
  } else if (!option->value.empty() && !option->value_optional) {
    if (at + 1 == args.size()) {
      return usage("option '" + spelling(*option) + "' needs a value: " + option->value);
    }
    given.value = args[++at];
    given.has_value = true;
  }
  parsed.given.push_back(std::move(given));
  return {};
}

Result<void> Cli::parse_letters(std::span<const std::string> args, size_t& at,
                                std::string_view where, Parsed& parsed) const {
  const std::string_view arg = args[at];
  for (size_t i = 1; i < arg.size(); ++i) {
    const Option* option = TRY(find_letter(arg[i]));
    if (option->refused) return not_supported(std::string("-") + arg[i]);
    Given given{option->names.front(), "", false, std::string(where)};
    if (!option->value.empty()) {
      if (i + 1 < arg.size()) {
        given.value = arg.substr(i + 1);
        given.has_value = true;
      } else if (!option->value_optional) {
        if (at + 1 == args.size()) {
          return usage(std::string("option '-") + arg[i] + "' needs a value: " + option->value);
        }
        given.value = args[++at];
        given.has_value = true;
      }
      i = arg.size();
    }
    parsed.given.push_back(std::move(given));
  }
  return {};
}

Result<Parsed> Cli::parse(std::span<const std::string> args, RestMode mode,
                          std::string_view where) const {
  Parsed parsed;
  size_t at = 0;
  for (; at < args.size(); ++at) {
    const std::string& arg = args[at];
    if (arg == "--") {
      ++at;
      break;
    }
    if (arg.size() > 2 && arg.starts_with("--")) {
      TRY(parse_long(args, at, where, parsed));
    } else if (arg.size() > 1 && arg[0] == '-') {
      TRY(parse_letters(args, at, where, parsed));
    } else {
      if (mode == RestMode::stop_at_first) break;
      parsed.rest.push_back(arg);
    }
  }
  parsed.rest.insert(parsed.rest.end(),
                     args.begin() + static_cast<ptrdiff_t>(std::min(at, args.size())), args.end());
  return parsed;
}

Error Cli::bad_value(const Given& given, const Error& why) const {
  if (slurm()) return usage("Invalid --" + given.name + " specification");
  std::string text = "--" + given.name;
  if (given.has_value) text += "=" + printable(given.value, 80);
  return usage(text + ": " + why.text);
}

Result<void> Cli::apply(const Parsed& parsed) {
  for (const Given& given : parsed.given) {
    const Option* option = TRY(find_long(given.name));
    Result<void> done;
    if (!option->choices.empty() && given.has_value &&
        std::count(option->choices.begin(), option->choices.end(), given.value) == 0) {
      done = usage("not one of " + join(std::span(option->choices), ", ") +
                   did_you_mean(given.value, option->choices));
    } else if (option->set) {
      done = option->set(given.value);
    }
    if (done.ok()) continue;
    Error error = bad_value(given, done.error());
    if (given.where.empty()) return error;
    return std::move(error).in(given.where);
  }
  if (rest_ != nullptr) *rest_ = parsed.rest;
  return {};
}

Parsed Cli::from_environment(
    std::span<const std::string_view> prefixes,
    const std::function<std::optional<std::string>(const char*)>& get) const {
  Parsed parsed;
  for (const Option& option : options_) {
    if (option.variable.empty()) continue;
    for (const std::string_view prefix : prefixes) {
      const std::string variable = std::string(prefix) + option.variable;
      const std::optional<std::string> value = get(variable.c_str());
      if (!value) continue;
      const bool takes_value = !option.value.empty() && !(option.value_optional && value->empty());
      parsed.given.push_back(
          {option.names.front(), takes_value ? *value : "", takes_value, variable});
      break;
    }
  }
  return parsed;
}

std::string Cli::usage_line() const {
  std::string line(slurm() ? info_->slurm_name : info_->name);
  line += " [OPTION]...";
  if (!info_->arguments.empty()) line += " " + std::string(info_->arguments);
  return line;
}

std::string Cli::help() const {
  std::string out = "Usage: " + usage_line() + "\n";
  out += wrapped(info_->summary, 0) + ".\n";
  std::string group = "-";
  for (const Option& option : options_) {
    if (option.hidden) continue;
    if (option.group != group) {
      group = option.group;
      out += "\n" + (group.empty() ? std::string("Options") : group) + ":\n";
    }
    out += help_line(option);
  }
  if (!info_->verbs.empty()) out += "\nWhat to do:\n";
  for (const Verb& verb : info_->verbs) {
    std::string line = "  " + std::string(verb.name) + " " + std::string(verb.arguments);
    if (line.size() + 2 > kHelpColumn)
      line += '\n' + std::string(kHelpColumn, ' ');
    else
      line.resize(kHelpColumn, ' ');
    out += line + wrapped(verb.help, kHelpColumn) + '\n';
  }
  if (!info_->examples.empty()) {
    out += "\nExamples:\n";
    for (const std::string_view line : split(info_->examples, '\n')) {
      if (!line.empty()) out += "  " + std::string(line) + "\n";
    }
  }
  out += "\nMore: man " + std::string(info_->name) + "\n";
  return out;
}

}  // namespace gd::cmd

#include "cmd/dump.h"

#include <array>

#include "base/json.h"
#include "base/text.h"
#include "cmd/dump_shells.h"

namespace gd::cmd {
namespace {

// troff: a dash must stay one, a leading dot or quote must not be a request.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\'' && out.empty())
      out += "\\(aq";
    else if (c == '.' && out.empty())
      out += "\\&.";
    else
      out += c;
  }
  return out;
}

std::string man_option(const Cli::Option& option) {
  std::string head = ".TP\n";
  if (option.letter != 0) head += std::string("\\fB\\-") + option.letter + "\\fR, ";
  head += "\\fB\\-\\-" + roff(option.names.front()) + "\\fR";
  if (!option.value.empty()) {
    const std::string value = "=\\fI" + roff(option.value) + "\\fR";
    head += option.value_optional ? "[" + value + "]" : value;
  }
  std::string text = option.help.empty() ? "" : roff(option.help) + ".";
  for (size_t i = 1; i < option.names.size(); ++i) {
    text += "\nAlso spelt \\fB\\-\\-" + roff(option.names[i]) + "\\fR.";
  }
  if (!option.variable.empty()) {
    text += "\nAlso from the environment: see ENVIRONMENT, \\fB_" + option.variable + "\\fR.";
  }
  return head + "\n" + text + "\n";
}

std::string man(const Cli& cli) {
  std::string out;
  std::string group = "-";
  for (const Cli::Option& option : cli.options()) {
    if (option.hidden) continue;
    if (option.group != group && !option.group.empty()) {
      out += ".SS \"" + roff(option.group) + "\"\n";
    }
    group = option.group;
    out += man_option(option);
  }
  for (const Verb& verb : cli.info().verbs) {
    if (&verb == cli.info().verbs.data()) out += ".SS \"What to do\"\n";
    out += ".TP\n\\fB" + roff(verb.name) + "\\fR \\fI" + roff(verb.arguments) + "\\fR\n" +
           roff(verb.help) + ".\n";
  }
  std::string refused;
  for (const Cli::Option& option : cli.options()) {
    if (option.refused) refused += (refused.empty() ? "" : ", ") + roff("--" + option.names[0]);
  }
  if (!refused.empty()) {
    out += ".SS \"Options of Slurm that are not supported\"\nThey are refused by name: " + refused +
           ".\n";
  }
  return out;
}

std::string json(const Cli& cli) {
  JsonWriter out(JsonStyle::pretty);
  out.begin_object().key("name").string(cli.info().name);
  out.key("summary").string(cli.info().summary).key("options").begin_array();
  for (const Cli::Option& option : cli.options()) {
    out.begin_object().key("name").string(option.names.front());
    out.key("letter").string(option.letter == 0 ? "" : std::string(1, option.letter));
    out.key("value").string(option.value).key("value_optional").boolean(option.value_optional);
    out.key("hidden").boolean(option.hidden).key("refused").boolean(option.refused);
    out.key("help").string(option.help).key("choices").begin_array();
    for (const std::string_view choice : option.choices) out.string(choice);
    out.end_array().end_object();
  }
  out.end_array().key("verbs").begin_array();
  for (const Verb& verb : cli.info().verbs) out.string(verb.name);
  out.end_array().end_object();
  return out.take();
}

// "sbatch --wckey=KEY works": what `gdctl compat` prints for Slurm's name of a command.
std::string compat(const Cli& cli) {
  std::string out;
  for (const Cli::Option& option : cli.options()) {
    std::string names = option.letter == 0 ? "" : std::string("-") + option.letter + ",";
    for (const std::string& name : option.names) names += "--" + name + ",";
    names.pop_back();
    out += std::string(cli.info().slurm_name) + "\t" + names + "\t" +
           (option.refused ? "refused" : "works") + "\t" +
           (option.refused ? "not supported; an error says so" : option.help) + "\n";
  }
  for (const Verb& verb : cli.info().verbs) {
    out += std::string(cli.info().slurm_name) + "\t" + std::string(verb.name) + "\tworks\t" +
           std::string(verb.help) + "\n";
  }
  return out;
}

}  // namespace

Result<std::string> dump(const Cli& cli, std::string_view format) {
  if (format == "man") return man(cli);
  if (format == "bash") return bash_completion(cli);
  if (format == "zsh") return zsh_completion(cli);
  if (format == "fish") return fish_completion(cli);
  if (format == "json") return json(cli);
  if (format == "compat") return compat(cli);
  constexpr std::array<std::string_view, 6> kFormats{"man",  "bash", "zsh",
                                                     "fish", "json", "compat"};
  return Error{ErrorCode::usage, "--gd-dump=" + printable(format) + ": not one of " +
                                     join(std::span(kFormats), ", ")};
}

}  // namespace gd::cmd

// Completions are written from the definition, so that they cannot lack an option.
//
// What a shell asks the cluster for (partitions, nodes, one's jobs) it asks through our
// own commands, silently: without a controller nothing is offered, after a short wait.
#include "cmd/dump_shells.h"

#include "base/text.h"

namespace gd::cmd {
namespace {

std::string_view lister(Completes what) {
  switch (what) {
    case Completes::partition: return "gdinfo -h -o %R";
    case Completes::node: return "gdinfo -N -h -o %N";
    case Completes::job: return "gdstat --me -h -o %i";
    default: return "";
  }
}

std::string words_of(const Cli::Option& option) {
  return join(std::span(option.choices), " ");
}

std::string function_name(const Cli& cli) {
  return "_" + std::string(cli.info().name);
}

// ---- bash

std::string bash_values(Completes what, std::string_view words) {
  if (!words.empty()) return "COMPREPLY=($(compgen -W '" + std::string(words) + "' -- \"$cur\"))";
  switch (what) {
    case Completes::nothing: return "COMPREPLY=()";
    case Completes::file: return "COMPREPLY=($(compgen -f -- \"$cur\"))";
    case Completes::directory: return "COMPREPLY=($(compgen -d -- \"$cur\"))";
    case Completes::command: return "COMPREPLY=($(compgen -c -- \"$cur\"))";
    case Completes::user: return "COMPREPLY=($(compgen -u -- \"$cur\"))";
    default:
      return "COMPREPLY=($(compgen -W \"$(" + std::string(lister(what)) +
             " 2>/dev/null)\" -- \"$cur\"))";
  }
}

std::string bash_cases(const Cli& cli) {
  std::string out;
  for (const Cli::Option& option : cli.options()) {
    if (option.hidden || option.value.empty()) continue;
    std::string pattern = "--" + option.names.front();
    if (option.letter != 0) pattern += std::string("|-") + option.letter;
    out += "    " + pattern + ")\n      " + bash_values(option.completes, words_of(option)) +
           "\n      return ;;\n";
  }
  return out;
}

std::string bash_verbs(const Cli& cli) {
  std::string names;
  std::string out = "  local verb=${COMP_WORDS[1]}\n  case $verb in\n";
  for (const Verb& verb : cli.info().verbs) {
    names += (names.empty() ? "" : " ") + std::string(verb.name);
    if (verb.completes == Completes::nothing && verb.words.empty()) continue;
    out += "    " + std::string(verb.name) + ") [ \"$COMP_CWORD\" -gt 1 ] && { " +
           bash_values(verb.completes, verb.words) + "; return; } ;;\n";
  }
  return out + "  esac\n  [ \"$COMP_CWORD\" = 1 ] && COMPREPLY=($(compgen -W '" + names +
         "' -- \"$cur\"))\n";
}

// ---- zsh and fish

std::string zsh_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '[' || c == ']' || c == ':')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

std::string zsh_action(Completes what, std::string_view words) {
  if (!words.empty()) return "(" + std::string(words) + ")";
  switch (what) {
    case Completes::file: return "_files";
    case Completes::directory: return "_files -/";
    case Completes::command: return "_command_names -e";
    case Completes::user: return "_users";
    case Completes::nothing: return " ";
    default: return "{compadd -- ${(f)\"$(" + std::string(lister(what)) + " 2>/dev/null)\"}}";
  }
}

std::string zsh_option(const Cli::Option& option) {
  const std::string help = "[" + zsh_quoted(option.help) + "]";
  const std::string longest = "--" + option.names.front();
  const std::string tail =
      option.value.empty()
          ? ""
          : ":" + zsh_quoted(option.value) + ":" + zsh_action(option.completes, words_of(option));
  const std::string sign = option.value.empty() ? "" : (option.value_optional ? "=-" : "=");
  std::string out = "    '*" + longest + sign + help + tail + "' \\\n";
  if (option.letter != 0) {
    const std::string glued = option.value.empty() ? "" : (option.value_optional ? "-" : "+");
    out += std::string("    '*-") + option.letter + glued + help + tail + "' \\\n";
  }
  return out;
}

std::string fish_action(Completes what, std::string_view words) {
  if (!words.empty()) return " -xa '" + std::string(words) + "'";
  switch (what) {
    case Completes::file: return " -rF";
    case Completes::directory: return " -xa '(__fish_complete_directories)'";
    case Completes::command: return " -xa '(__fish_complete_command)'";
    case Completes::user: return " -xa '(__fish_complete_users)'";
    case Completes::nothing: return " -x";
    default: return " -xa '(" + std::string(lister(what)) + " 2>/dev/null)'";
  }
}

std::string fish_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string bash_completion(const Cli& cli) {
  const std::string function = function_name(cli);
  std::string all;
  for (const Cli::Option& option : cli.options()) {
    if (option.hidden) continue;
    all += (all.empty() ? "" : " ") + ("--" + option.names.front());
  }
  std::string out = "# bash completion for " + std::string(cli.info().name) + ", generated\n" +
                    function +
                    "() {\n  local cur=${COMP_WORDS[COMP_CWORD]}\n"
                    "  local prev=${COMP_WORDS[COMP_CWORD-1]}\n  COMPREPLY=()\n"
                    "  if [ \"$cur\" = = ]; then cur=; fi\n"
                    "  if [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
                    "  case $prev in\n" +
                    bash_cases(cli) +
                    "  esac\n"
                    "  if [[ $cur == -* ]]; then\n    COMPREPLY=($(compgen -W '" +
                    all + "' -- \"$cur\"))\n    return\n  fi\n";
  if (!cli.info().verbs.empty())
    out += bash_verbs(cli);
  else
    out += "  " + bash_values(cli.info().completes, "") + "\n";
  out += "}\ncomplete -o default -F " + function + " " + std::string(cli.info().name);
  if (!cli.info().slurm_name.empty()) out += " " + std::string(cli.info().slurm_name);
  return out + "\n";
}

std::string zsh_completion(const Cli& cli) {
  std::string out = "#compdef " + std::string(cli.info().name);
  if (!cli.info().slurm_name.empty()) out += " " + std::string(cli.info().slurm_name);
  out += "\n# zsh completion, generated\n_arguments -s -S \\\n";
  for (const Cli::Option& option : cli.options()) {
    if (!option.hidden) out += zsh_option(option);
  }
  if (cli.info().verbs.empty()) {
    return out + "    '*:argument:" + zsh_action(cli.info().completes, "") + "'\n";
  }
  std::string names;
  for (const Verb& verb : cli.info().verbs) {
    names += (names.empty() ? "" : " ") + std::string(verb.name);
  }
  return out + "    '1:what:(" + names + ")' \\\n    '*:argument:_files'\n";
}

std::string fish_completion(const Cli& cli) {
  std::string out = "# fish completion, generated\n";
  for (const std::string_view name : {cli.info().name, cli.info().slurm_name}) {
    if (name.empty()) continue;
    const std::string head = "complete -c " + std::string(name);
    for (const Cli::Option& option : cli.options()) {
      if (option.hidden) continue;
      out += head + " -l " + option.names.front();
      if (option.letter != 0) out += std::string(" -s ") + option.letter;
      if (!option.value.empty()) out += fish_action(option.completes, words_of(option));
      out += " -d '" + fish_quoted(option.help) + "'\n";
    }
    for (const Verb& verb : cli.info().verbs) {
      out += head + " -n __fish_use_subcommand -xa " + std::string(verb.name) + " -d '" +
             fish_quoted(verb.help) + "'\n";
    }
  }
  return out;
}

}  // namespace gd::cmd

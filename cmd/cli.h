// One definition of a command's options, for everything that needs to know them:
// parsing, --help, the man page, the completions, and #SBATCH lines.
//
//   void define(Cli& cli, Options& options) {
//     cli.option("-u,--user", "USER", "Cancel all jobs of USER", options.user).env("USER");
//     cli.flag("-Q,--quiet", "Print nothing for jobs that have ended", options.quiet);
//   }
//
// The grammar is getopt_long's, which Slurm's commands have: -xVALUE, -x VALUE, -abc,
// --name=VALUE, --name VALUE, unique beginnings of long names, "--" ends the options.
// A value in brackets, "[=KIND]", is optional and only taken after "=" (or glued to a
// short name), so that `sbatch --exclusive job.sh` keeps its script.
//
// parse() knows the grammar and gives what stands there; apply() sets the targets. They
// are apart because one option may come from a script, the environment and the command
// line, and the last of these wins whatever was read first.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd::cmd {

// What a shell may complete a value or an argument with.
enum class Completes : uint8_t {
  nothing,
  file,
  directory,
  command,
  user,
  partition,
  node,
  job,
  verbs
};

struct Verb {  // gdctl's: "drain"
  std::string_view name;
  std::string_view arguments;
  std::string_view help;
  Completes completes = Completes::nothing;
  std::string_view words = "";  // or one of these: "job node partition"
};

enum class RestMode : uint8_t {
  permute,        // options may follow arguments
  stop_at_first,  // the first argument ends the options: a script or a command has its own
};

struct CommandInfo {
  std::string_view name;        // "gdsub"
  std::string_view slurm_name;  // "sbatch"
  std::string_view summary;     // one sentence without a period
  std::string_view arguments;   // "[SCRIPT [ARGUMENT]...]"
  std::string_view examples;    // lines of "command  # what it does"
  RestMode rest = RestMode::permute;
  Completes completes = Completes::nothing;  // arguments
  std::span<const Verb> verbs = {};
  int slurm_usage_code = 1;  // exit code of a misused Slurm name; sbatch and srun: 255
};

enum class Dialect : uint8_t { gd, slurm };

struct Given {        // one option as it stood somewhere
  std::string name;   // long name, without dashes
  std::string value;  // empty: none
  bool has_value = false;
  std::string where;  // "", "job.sh:3", "SBATCH_PARTITION"
};

struct Parsed {
  std::vector<Given> given;
  std::vector<std::string> rest;
};

class Cli {
 public:
  using Set = std::function<Result<void>(std::string_view value)>;

  struct Option {
    std::vector<std::string> names;  // long ones, the first is the option's name
    char letter = 0;
    std::string value;  // "TIME"; empty: a flag
    bool value_optional = false;
    std::string help;
    std::string group;
    std::vector<std::string_view> choices;
    Completes completes = Completes::nothing;
    std::string variable;  // "PARTITION" of SBATCH_PARTITION, GDSUB_PARTITION
    bool hidden = false;   // works, but is Slurm's or another spelling
    bool refused = false;  // Slurm's, not ours: an error that says so
    Set set;

    Option& choose(std::initializer_list<std::string_view> words);
    Option& complete(Completes what);
    Option& env(std::string_view name);
    Option& hide();
  };

  Cli(const CommandInfo& info, Dialect dialect);
  Cli(const Cli&) = delete;
  Cli& operator=(const Cli&) = delete;

  [[nodiscard]] const CommandInfo& info() const { return *info_; }
  [[nodiscard]] bool slurm() const { return dialect_ == Dialect::slurm; }

  void group(std::string_view title) { group_ = title; }

  // names: "-u,--user" or "--user". value: "USER", or "[=KIND]" if it may be left out.
  Option& on(std::string_view names, std::string_view value, std::string_view help, Set set);
  Option& flag(std::string_view names, std::string_view help, bool& target);
  Option& option(std::string_view names, std::string_view value, std::string_view help,
                 std::string& target);
  Option& option(std::string_view names, std::string_view value, std::string_view help,
                 std::optional<std::string>& target);
  // Commas separate; a repeated option adds.
  Option& list(std::string_view names, std::string_view value, std::string_view help,
               std::vector<std::string>& target);
  Option& count(std::string_view names, std::string_view value, std::string_view help,
                std::optional<uint32_t>& target, uint32_t least = 1);
  // Slurm's options that gd does not have: "-a,--array --bb".
  void refuse(std::string_view names);
  void rest(std::vector<std::string>& target) { rest_ = &target; }

  Result<Parsed> parse(std::span<const std::string> args, RestMode mode,
                       std::string_view where = "") const;
  Result<void> apply(const Parsed& parsed);  // sets the targets, in order; rest if any
  // GDSUB_X and SBATCH_X for every option with a variable; the first prefix wins.
  [[nodiscard]] Parsed from_environment(
      std::span<const std::string_view> prefixes,
      const std::function<std::optional<std::string>(const char*)>& get) const;

  [[nodiscard]] const std::deque<Option>& options() const { return options_; }
  [[nodiscard]] std::string usage_line() const;
  [[nodiscard]] std::string help() const;

 private:
  Result<const Option*> find_long(std::string_view name) const;
  Result<const Option*> find_letter(char letter) const;
  Result<void> parse_long(std::span<const std::string> args, size_t& at, std::string_view where,
                          Parsed& parsed) const;
  Result<void> parse_letters(std::span<const std::string> args, size_t& at, std::string_view where,
                             Parsed& parsed) const;
  [[nodiscard]] Error unknown(std::string_view spelt) const;
  [[nodiscard]] Error bad_value(const Given& given, const Error& why) const;

  const CommandInfo* info_;
  Dialect dialect_;
  std::string group_;
  std::deque<Option> options_;
  std::vector<std::string>* rest_ = nullptr;
};

}  // namespace gd::cmd

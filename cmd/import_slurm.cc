#include "cmd/import_slurm.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/duration.h"
#include "base/hostlist.h"
#include "base/text.h"
#include "proto/settings.h"

namespace gd::cmd {
namespace {

struct Pair {
  std::string key;  // lower case
  std::string spelt;
  std::string value;
};

struct Line {
  size_t number = 0;
  std::vector<Pair> pairs;
};

// What gd does without being told, or keeps elsewhere.
constexpr std::string_view kNotNeeded[] = {"authtype",
                                           "authinfo",
                                           "credtype",
                                           "cryptotype",
                                           "selecttype",
                                           "proctracktype",
                                           "taskplugin",
                                           "switchtype",
                                           "mpidefault",
                                           "jobacctgather",
                                           "jobacctgathertype",
                                           "jobacctgatherfrequency",
                                           "slurmctldport",
                                           "slurmdport",
                                           "slurmctldpidfile",
                                           "slurmdpidfile",
                                           "slurmuser",
                                           "slurmduser",
                                           "statesavelocation",
                                           "slurmdspooldir",
                                           "slurmctldlogfile",
                                           "slurmdlogfile",
                                           "slurmctlddebug",
                                           "slurmddebug",
                                           "slurmctldtimeout",
                                           "returntoservice",
                                           "jobcomptype",
                                           "accountingstoragetype",
                                           "accountingstoragehost",
                                           "schedulertype",
                                           "plugindir",
                                           "cacheparams",
                                           "slurmctldhost",
                                           "controlmachine",
                                           "controladdr",
                                           "inactivelimit",
                                           "waittime",
                                           "messagetimeout",
                                           "tmpfs",
                                           "usepam",
                                           "crypto",
                                           "slurmdparameters"};

// slurm.conf's key, ours, and how the value becomes ours.
enum class Form : uint8_t { text, number, seconds, yes_no };
struct Carried {
  std::string_view key;
  std::string_view ours;
  Form form;
};
constexpr Carried kTop[] = {{"clustername", "cluster", Form::text},
                            {"minjobage", "min_job_age", Form::seconds},
                            {"killwait", "kill_wait", Form::seconds},
                            {"slurmdtimeout", "node_timeout", Form::seconds},
                            {"maxjobcount", "max_jobs", Form::number},
                            {"maxarraysize", "max_array_size", Form::number},
                            {"jobrequeue", "requeue", Form::yes_no},
                            {"enforcepartlimits", "enforce_part_limits", Form::yes_no},
                            {"priorityweightage", "priority_weight_age", Form::number},
                            {"priorityweightjobsize", "priority_weight_size", Form::number},
                            {"priorityweightpartition", "priority_weight_partition", Form::number}};

std::string_view without_comment(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && (i == 0 || line[i - 1] != '\\')) return line.substr(0, i);
  }
  return line;
}

// KEY=VALUE words; a value may stand in double quotes.
Result<std::vector<Pair>> read_pairs(std::string_view line) {
  std::vector<Pair> pairs;
  size_t at = 0;
  while (true) {
    at = line.find_first_not_of(" \t\r", at);
    if (at == std::string_view::npos) return pairs;
    const size_t equals = line.find('=', at);
    const std::string_view name =
        trim(line.substr(at, equals == std::string_view::npos ? equals : equals - at));
    if (equals == std::string_view::npos || name.empty() ||
        name.find_first_of(" \t") != std::string_view::npos) {
      return Error{ErrorCode::invalid, "'" + printable(name, 60) + "' is not KEY=VALUE"};
    }
    size_t end = 0;
    std::string value;
    if (equals + 1 < line.size() && line[equals + 1] == '"') {
      end = line.find('"', equals + 2);
      if (end == std::string_view::npos) {
        return Error{ErrorCode::invalid, std::string(name) + ": the quote is not closed"};
      }
      value = line.substr(equals + 2, end - equals - 2);
      ++end;
    } else {
      end = std::min(line.find_first_of(" \t\r", equals + 1), line.size());
      value = line.substr(equals + 1, end - equals - 1);
    }
    pairs.push_back({to_lower(name), std::string(name), std::move(value)});
    at = end;
  }
}

Result<std::vector<Line>> read_lines(std::string_view text, const std::string& file) {
  std::vector<Line> lines;
  std::string whole;
  size_t first = 0;
  size_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    if (whole.empty()) first = number;
    std::string_view part = trim(without_comment(raw));
    const bool more = part.ends_with('\\');
    if (more) part.remove_suffix(1);
    whole += std::string(part) + (more ? " " : "");
    if (more) continue;
    Result<std::vector<Pair>> pairs = read_pairs(std::exchange(whole, ""));
    if (!pairs.ok()) {
      return std::move(pairs).error().in(file + ":" + std::to_string(first));
    }
    if (!pairs->empty()) lines.push_back({first, std::move(*pairs)});
  }
  return lines;
}

bool is_yes(std::string_view value) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"yes", "1", "all", "any", "up"},
      [value](auto word) { return equal_no_case(value, word); });
}

class Importer {
 public:
  explicit Importer(std::string file) : file_(std::move(file)) {}

  void take(const Line& line) {
    line_ = line.number;
    const std::string& key = line.pairs.front().key;
    if (key == "nodename")
      take_nodes(line);
    else if (key == "partitionname")
      take_partition(line);
    else
      for (const Pair& pair : line.pairs) take_top(pair);
  }

  Imported done() {
    std::string out = "# Made from " + file_ + " by gdctl import.\n" + top_;
    return {out + nodes_ + partitions_, std::move(notes_)};
  }

 private:
  void note(const Pair& pair, std::string_view what) {
    notes_.push_back(file_ + ":" + std::to_string(line_) + ": " + pair.spelt + "=" +
                     printable(pair.value, 100) + " " + std::string(what));
  }

  static void set(std::string& out, std::string_view key, std::string_view value) {
    ((out += key) += " = ") += printable(value, 60'000);
    out += '\n';
  }

  static std::optional<std::string> carried(const Pair& pair, Form form) {
    switch (form) {
      case Form::text: return pair.value;
      case Form::yes_no: return is_yes(pair.value) ? "yes" : "no";
      case Form::seconds:
      case Form::number: break;
    }
    const Result<uint32_t> number = parse_number<uint32_t>(pair.value);
    if (!number.ok()) return std::nullopt;
    return std::to_string(*number) + (form == Form::seconds ? "s" : "");
  }

  void take_top(const Pair& pair) {
    for (const Carried& each : kTop) {
      if (each.key != pair.key) continue;
      const std::optional<std::string> value = carried(pair, each.form);
      if (!value) return note(pair, "has a value that was not understood");
      return set(top_, each.ours, *value);
    }
    if (pair.key == "slurmctldhost" || pair.key == "controlmachine") return take_host(pair);
    if (pair.key == "schedulertype") {
      return set(top_, "policy", pair.value == "sched/builtin" ? "fifo" : "easy");
    }
    if (pair.key == "prioritymaxage") {
      const Result<TimeLimit> age = parse_time_limit(pair.value);
      if (!age.ok() || !*age) return note(pair, "has a value that was not understood");
      return set(top_, "priority_age_max", std::to_string((*age)->count()) + "s");
    }
    if (pair.key == "privatedata") {
      if (pair.value.find("jobs") != std::string::npos) set(top_, "private_data", "yes");
      return;
    }
    if (pair.key == "mailprog" && pair.value.ends_with("sendmail")) {
      return set(top_, "mail_program", pair.value);
    }
    if (pair.key.starts_with("preempt")) return take_preemption(pair);
    const bool needless = std::ranges::find(kNotNeeded, pair.key) != std::end(kNotNeeded);
    note(pair, needless ? "is not needed" : "was not carried over");
  }

  void take_preemption(const Pair& pair) {
    std::string_view type = pair.value;
    if (pair.key == "preempttype" && take_prefix(type, "preempt/")) {
      return set(top_, "preempt_type", std::string(type));
    }
    if (pair.key == "preemptmode") {
      const Result<PreemptMode> mode = parse_preempt_mode(pair.value);
      if (mode.ok()) return set(top_, "preempt_mode", to_lower(pair.value));
    }
    if (pair.key == "preemptexempttime") {
      const Result<TimeLimit> time = parse_time_limit(pair.value);
      if (time.ok() && *time) {
        return set(top_, "preempt_exempt_time", std::to_string((*time)->count()) + "s");
      }
      if (time.ok()) return;  // -1: there is none
    }
    note(pair, "was not carried over");
  }

  void take_host(const Pair& pair) {  // NAME or NAME(ADDRESS); the first is the one
    if (host_given_) return note(pair, "was not carried over: there is one controller");
    host_given_ = true;
    const size_t open = pair.value.find('(');
    std::string host = pair.value.substr(0, open);
    if (open != std::string::npos) {
      host = pair.value.substr(open + 1, pair.value.find(')', open) - open - 1);
    }
    set(top_, "controller", host + ":6820");
    set(top_, "listen", "*:6820");
  }

  using Values = std::map<std::string, Pair>;

  static Values merged(const Values& defaults, const Line& line) {
    Values values = defaults;
    for (const Pair& pair : line.pairs) values.insert_or_assign(pair.key, pair);
    return values;
  }

  void take_nodes(const Line& line) {
    const Values values = merged(node_defaults_, line);
    const std::string& name = line.pairs.front().value;
    if (equal_no_case(name, "DEFAULT")) {
      node_defaults_ = values;
      return;
    }
    const auto number = [&](const char* key) -> std::optional<uint32_t> {
      const auto found = values.find(key);
      if (found == values.end()) return std::nullopt;
      const Result<uint32_t> value = parse_number<uint32_t>(found->second.value);
      if (value.ok()) return *value;
      note(found->second, "has a value that was not understood");
      return std::nullopt;
    };
    std::string body;
    std::optional<uint32_t> cpus = number("cpus");
    const auto sockets = number("sockets");
    const auto cores = number("corespersocket");
    const auto threads = number("threadspercore");
    if (!cpus && (sockets || cores || threads)) {
      cpus = sockets.value_or(1) * cores.value_or(1) * threads.value_or(1);
    }
    if (cpus && *cpus > 0) set(body, "cpus", std::to_string(*cpus));
    if (const auto memory = number("realmemory"); memory && *memory > 0) {
      set(body, "memory", std::to_string(*memory) + "M");
    }
    for (const char* key : {"feature", "features"}) {
      if (const auto found = values.find(key); found != values.end())
        set(body, "features", found->second.value);
    }
    constexpr std::string_view kRead[] = {
        "nodename",     "cpus",    "sockets",  "corespersocket", "threadspercore",
        "realmemory",   "feature", "features", "boards",         "nodeaddr",
        "nodehostname", "state",   "procs",    "socketsperboard"};
    for (const Pair& pair : line.pairs) {
      if (std::ranges::find(kRead, pair.key) == std::end(kRead)) note(pair, "was not carried over");
    }
    if (!body.empty()) nodes_ += "\n[node " + printable(name, 10'000) + "]\n" + body;
  }

  void take_partition(const Line& line) {
    const Values values = merged(partition_defaults_, line);
    const std::string& name = line.pairs.front().value;
    if (equal_no_case(name, "DEFAULT")) {
      partition_defaults_ = values;
      return;
    }
    std::string body;
    for (const auto& [key, pair] : values) {
      if (!take_partition_key(pair, body)) note(pair, "was not carried over");
    }
    partitions_ += "\n[partition " + printable(name, 256) + "]\n" + body;
  }

  // False: there is no such thing here.
  static bool take_partition_key(const Pair& pair, std::string& body) {
    const std::string& value = pair.value;
    if (pair.key == "partitionname") return true;
    if (pair.key == "nodes") return set(body, "nodes", value), true;
    if (pair.key == "default") {
      if (is_yes(value)) set(body, "default", "yes");
      return true;
    }
    if (pair.key == "state") {
      if (!equal_no_case(value, "up")) set(body, "state", "down");
      return equal_no_case(value, "up") || equal_no_case(value, "down");
    }
    if (pair.key == "maxtime" || pair.key == "defaulttime") {
      if (equal_no_case(value, "NONE")) return true;
      const std::string text = equal_no_case(value, "INFINITE") ? "UNLIMITED" : value;
      if (!parse_time_limit(text).ok()) return false;
      return set(body, pair.key == "maxtime" ? "max_time" : "default_time", text), true;
    }
    if (pair.key == "maxnodes") {
      if (equal_no_case(value, "UNLIMITED")) return true;
      return parse_number<uint32_t>(value, 1).ok() && (set(body, "max_nodes", value), true);
    }
    if (pair.key == "preemptmode") {
      return parse_preempt_mode(value).ok() && (set(body, "preempt_mode", to_lower(value)), true);
    }
    if (pair.key == "gracetime") {
      const Result<uint32_t> grace = parse_number<uint32_t>(value);
      return grace.ok() && (set(body, "grace_time", value + "s"), true);
    }
    if (pair.key == "prioritytier") return set(body, "priority_tier", value), true;
    if (pair.key == "priorityjobfactor") return set(body, "priority_job_factor", value), true;
    if (pair.key == "allowgroups") {
      if (!equal_no_case(value, "ALL")) set(body, "allow_groups", value);
      return true;
    }
    // What is the same with us when it says no.
    return (pair.key == "hidden" || pair.key == "rootonly" || pair.key == "disablerootjobs") &&
           equal_no_case(value, "NO");
  }

  std::string file_;
  size_t line_ = 0;
  bool host_given_ = false;
  std::string top_, nodes_, partitions_;
  Values node_defaults_, partition_defaults_;
  std::vector<std::string> notes_;
};

}  // namespace

Result<Imported> import_slurm(std::string_view text, const std::string& file) {
  if (text.size() > kMaxSlurmConfBytes) {
    return Error{ErrorCode::invalid, file + " has " + std::to_string(text.size()) +
                                         " bytes, at most " + std::to_string(kMaxSlurmConfBytes) +
                                         " are read"};
  }
  if (text.find('\0') != std::string_view::npos) {
    return Error{ErrorCode::invalid, file + " contains a NUL byte"};
  }
  Importer importer(file);
  for (const Line& line : TRY(read_lines(text, file))) importer.take(line);
  Imported made = importer.done();
  const Result<Settings> read = parse_settings(made.config, "the gd.conf made of it");
  if (!read.ok()) return Error{ErrorCode::invalid, file + ": " + read.error().text};
  return made;
}

}  // namespace gd::cmd

// gdprio - what the priority of each waiting job is made of.
//
// Columns and bytes are those of Slurm's sprio; a term that Slurm does not have, the wait
// measured against the job's own limit, is one column more, where it counts.
#include "cmd/gdprio.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "base/user.h"
#include "cmd/client.h"
#include "cmd/slurm_text.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{.name = "gdprio",
                            .slurm_name = "sprio",
                            .summary = "Show what the priority of each waiting job is made of",
                            .arguments = "",
                            .examples =
                                "gdprio                          # all that wait\n"
                                "gdprio -j 42 -l                 # one job, all terms\n"
                                "gdprio -w                       # the weights\n"
                                "gdprio -n -S -Y                 # as parts of the weights\n",
                            .completes = Completes::nothing};

struct PrioRow {
  const JobView* view = nullptr;  // null: the line of weights
  const PrioWeights& weights;
  PriorityParts parts() const { return view->terms.value_or(PriorityParts{}); }
};

using Row = const PrioRow&;
using Out = std::string&;

std::string digits(double value, int after) {
  char text[64];
  (void)std::snprintf(text, sizeof text, "%.*f", after, value);
  return text;
}

// A term in points, and as a part of its weight; in the line of weights, the weight.
template <double PriorityParts::*part, double PrioWeights::*weight>
void points(Row r, Out o) {
  o += digits(r.view == nullptr ? r.weights.*weight : r.parts().*part, 0);
}
template <double PriorityParts::*part, double PrioWeights::*weight>
void normal(Row r, Out o) {
  const double all = r.weights.*weight;
  if (r.view == nullptr)
    o += digits(all, 0);
  else
    o += digits(all != 0 ? r.parts().*part / all : 0, 7);
}

void zero(Row, Out o) {
  o += "0";
}
void zero_normal(Row r, Out o) {
  o += r.view == nullptr ? "0" : "0.0000000";
}
void nothing(Row, Out) {}

using PP = PriorityParts;
using PW = PrioWeights;

constexpr auto kFields = std::to_array<Field<PrioRow>>({
    {'i', "jobid", "JOBID",
     [](Row r, Out o) {
       if (r.view == nullptr) {
         o += "Weights";
         return;
       }
       const JobRecord& job = r.view->job;
       o += std::to_string((job.array ? job.array->array : job.id).value);
     }},
    {'r', "partition", "PARTITION",
     [](Row r, Out o) { o += r.view == nullptr ? "" : r.view->job.spec->partition; }},
    {'u', "user", "USER", [](Row r, Out o) { o += r.view == nullptr ? "" : r.view->job.user; }},
    {'Y', "priority", "PRIORITY",
     [](Row r, Out o) { o += r.view == nullptr ? "" : digits(r.view->priority.value_or(0), 0); }},
    {'y', "normpriority", "PRIORITY",
     [](Row r, Out o) {
       constexpr double kMost = 4294967295.0;
       o += r.view == nullptr ? "" : digits(r.view->priority.value_or(0) / kMost, 14);
     }},
    {'S', "site", "SITE", [](Row r, Out o) { o += r.view == nullptr ? "1" : "0"; }},
    {'A', "age", "AGE", points<&PP::age, &PW::age>},
    {'a', "normage", "AGE", normal<&PP::age, &PW::age>},
    {'B', "assoc", "ASSOC", zero},
    {'b', "normassoc", "ASSOC", zero_normal},
    {'F', "fairshare", "FAIRSHARE", points<&PP::fair_share, &PW::fair_share>},
    {'f', "normfairshare", "FAIRSHARE", normal<&PP::fair_share, &PW::fair_share>},
    {'X', "stretch", "STRETCH", points<&PP::stretch, &PW::stretch>},
    {'x', "normstretch", "STRETCH", normal<&PP::stretch, &PW::stretch>},
    {'J', "jobsize", "JOBSIZE", points<&PP::size, &PW::size>},
    {'j', "normjobsize", "JOBSIZE", normal<&PP::size, &PW::size>},
    {'P', "partitionprio", "PARTITION", points<&PP::partition, &PW::partition>},
    {'p', "normpartitionprio", "PARTITION", normal<&PP::partition, &PW::partition>},
    {'Q', "qos", "QOS", points<&PP::qos, &PW::qos>},
    {'q', "normqos", "QOS", normal<&PP::qos, &PW::qos>},
    {'N', "nice", "NICE",
     [](Row r, Out o) { o += r.view == nullptr ? "" : std::to_string(r.view->job.spec->nice); }},
    {'T', "tres", "TRES", nothing},
    {'t', "normtres", "TRES", nothing},
    {'c', "cluster", "CLUSTER", [](Row, Out o) { o += "(null)"; }},
});

Result<PrioWeights> fetch_weights(Client& controller) {
  PrioWeights weights;
  const std::pair<std::string_view, double*> targets[] = {
      {"priority_weight_age", &weights.age},
      {"priority_weight_fair_share", &weights.fair_share},
      {"priority_weight_stretch", &weights.stretch},
      {"priority_weight_size", &weights.size},
      {"priority_weight_partition", &weights.partition},
      {"priority_weight_qos", &weights.qos}};
  bool any_qos = false;
  for (const ConfigValue& entry : TRY(controller.ask<ConfigReply>(ConfigQuery{})).entries) {
    for (const auto& [key, target] : targets) {
      if (entry.key == key) *target = TRY(parse_real(entry.value));
    }
    any_qos = any_qos || entry.section.starts_with("qos ");
  }
  if (!any_qos) weights.qos = 0;
  return weights;
}

// Slurm's -S: "-Y,u". By the value of the column as a number where it is one.
Result<void> sort_rows(std::vector<JobView>& jobs, std::string_view order,
                       const PrioWeights& weights) {
  std::vector<FieldName> names;
  for (const Field<PrioRow>& field : kFields) names.push_back({field.letter, field.name});
  std::vector<std::string_view> keys = split(order, ',');
  std::reverse(keys.begin(), keys.end());  // the last key first, each sort stable
  for (std::string_view key : keys) {
    const bool down = take_prefix(key, "-");
    if (!down) (void)take_prefix(key, "+");
    if (key.size() != 1) {
      return Error{ErrorCode::usage,
                   "--sort: '" + printable(key) + "' is not a letter of --format"};
    }
    const FormatItem item{.letter = key[0], .spelt = std::string(key)};
    const auto get = kFields[TRY(find_field(item, names))].get;
    const auto value = [&](const JobView& view) {
      std::string text;
      get({&view, weights}, text);
      return text;
    };
    std::stable_sort(jobs.begin(), jobs.end(), [&](const JobView& a, const JobView& b) {
      const JobView& first = down ? b : a;
      const JobView& second = down ? a : b;
      const Result<double> x = parse_real(value(first));
      const Result<double> y = parse_real(value(second));
      if (x.ok() && y.ok()) return *x < *y;
      return value(first) < value(second);
    });
  }
  return {};
}

// As sprio: a user who is not known is said, and matches nothing.
void name_unknown_users(const FilterOptions& filter, Context& context) {
  for (const std::string& user : filter.users) {
    if (look_up_user(user).ok()) continue;
    context.err << context.program + ": error: Invalid user: " + printable(user) + "\n\n";
  }
}

Result<int> print(const PrioOptions& options, Context& context) {
  Client* controller = TRY(context.controller());
  const PrioWeights weights = TRY(fetch_weights(*controller));
  std::string format = options.format.empty() ? prio_format(options, weights) : options.format;
  auto listing = TRY(Listing<PrioRow>::make(TRY(parse_short_format(format)), kFields));
  std::string text;
  if (options.weights) {
    if (!options.no_header) listing.header(text);
    listing.row({nullptr, weights}, text);
    context.out << text;
    return kExitDone;
  }
  if (context.slurm()) name_unknown_users(options.filter, context);
  JobQuery query;
  query.filter = TRY(to_filter(options.filter, own_name()));
  query.filter.states = {JobState::pending};
  query.terms = true;
  std::vector<JobView> jobs = TRY(fetch_jobs(*controller, query));
  if (jobs.empty() && !options.filter.jobs.empty()) {
    context.out << "Unable to find jobs matching user/id(s) specified\n";
    return kExitDone;
  }
  TRY(sort_rows(jobs, options.sort.empty() ? "i" : options.sort, weights));
  if (!options.no_header) listing.header(text);
  for (const JobView& view : jobs) listing.row({&view, weights}, text);
  context.out << text;
  return kExitDone;
}

Result<int> run(const PrioOptions& options, Context& context) {
  Result<int> code = print(options, context);
  if (code.ok() || !context.slurm() || code.error().code == ErrorCode::usage) return code;
  return slurm_load_error(code.error());
}

int start(const Invocation& call) {
  return start_command<PrioOptions, define_gdprio, run>(kInfo, call);
}

}  // namespace

void define_gdprio(Cli& cli, PrioOptions& options) {
  cli.group("Which jobs");
  cli.list("-j,--jobs", "[=JOB,...]", "These jobs", options.filter.jobs).complete(Completes::job);
  cli.list("-u,--user,--users", "USER[,...]", "Jobs of these users", options.filter.users)
      .complete(Completes::user);
  cli.list("-p,--partition", "PARTITION[,...]", "Jobs of these partitions",
           options.filter.partitions)
      .complete(Completes::partition);
  cli.group("Form");
  cli.flag("-l,--long", "All terms, those that do not count too", options.long_listing);
  cli.flag("-n,--norm", "Terms as parts of their weights, 0 to 1", options.normalised);
  cli.flag("-w,--weights", "The weights instead of jobs", options.weights);
  cli.option("-o,--format", "FORMAT", "Columns, such as '%i %Y %A': see FORMATS", options.format)
      .env("FORMAT");
  cli.flag("-h,--noheader", "No line of headings", options.no_header);
  cli.option("-S,--sort", "[-]LETTER[,...]", "Order, by letters of --format; '-' is descending",
             options.sort);
  cli.flag("-v,--verbose", "Say nothing more: there is nothing more to say", options.verbose)
      .hide();
  cli.refuse("--federation --local -M,--clusters --sibling");
}

std::string prio_format(const PrioOptions& options, const PrioWeights& weights) {
  std::string format = "%.15i %9r";
  const bool all = options.long_listing;
  if (all || !options.filter.users.empty()) format += " %.8u";
  const char* const width = options.normalised ? " %10" : " %.10";
  const auto column = [&](char letter) {
    const char shown = options.normalised ? static_cast<char>(letter - 'A' + 'a') : letter;
    format += width + std::string(1, shown);
  };
  column('Y');
  if (!options.normalised) column('S');
  if (all || weights.age != 0) column('A');
  if (all) column('B');
  if (all || weights.fair_share != 0) column('F');
  if (all || weights.size != 0) column('J');
  if (all || weights.partition != 0) column('P');
  if (all || weights.qos != 0) column('Q');
  if (weights.stretch != 0) column('X');
  if (all) format += options.normalised ? " %20t" : " %.11N %.20T";
  return format;
}

const Command kGdprio{&kInfo, start};

}  // namespace gd::cmd

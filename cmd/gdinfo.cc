// gdinfo - partitions and nodes, and how busy they are.
#include "cmd/gdinfo.h"

#include <algorithm>
#include <map>
#include <thread>

#include "base/hostlist.h"
#include "base/text.h"
#include "cmd/client.h"
#include "cmd/clusters.h"
#include "cmd/command.h"
#include "cmd/ctl_reservation.h"
#include "cmd/slurm_json.h"
#include "cmd/slurm_text.h"

namespace gd::cmd {
namespace {

constexpr char kDefaultFormat[] = "%9P %.5a %.10l %.6D %.6t %N";
constexpr char kLongFormat[] = "%9P %.5a %.10l %.10s %.4r %.8h %.10g %.6D %.11T %N";
constexpr char kNodeFormat[] = "%N %.6D %.9P %6t";
constexpr char kLongNodeFormat[] = "%N %.6D %.9P %.11T %.4c %.8z %.6m %.8d %.6w %.8f %20E";
constexpr char kSummaryFormat[] = "%9P %.5a %.10l %.16F %N";
constexpr char kReasonFormat[] = "%20E %9u %19H %N";

constexpr CommandInfo kInfo{
    .name = "gdinfo",
    .slurm_name = "sinfo",
    .summary = "Show partitions and nodes, and how busy they are",
    .arguments = "",
    .examples =
        "gdinfo\n"
        "gdinfo -N -l                     # one line for each node\n"
        "gdinfo -o '%n %C %e'             # any columns\n"
        "gdinfo -R                        # why nodes are drained or down\n"};

bool has_state(const NodeView& view, const std::vector<std::string>& states) {
  if (states.empty()) return true;
  return std::ranges::any_of(states, [&view](std::string_view state) {
    if (equal_no_case(state, "all")) return true;
    if (equal_no_case(state, "drain")) return view.node.drained;
    if (equal_no_case(state, "resv") || equal_no_case(state, "reserved")) {
      return view.reserved != NodeReserved::no;
    }
    if (equal_no_case(state, "maint")) return view.reserved == NodeReserved::maintenance;
    constexpr char kSigns[] = "*$";
    const std::string long_form = node_state(view);
    const std::string short_form = short_node_state(view);
    return equal_no_case(state, long_form.substr(0, long_form.find_first_of(kSigns))) ||
           equal_no_case(state, short_form.substr(0, short_form.find_first_of(kSigns)));
  });
}

template <class List>
bool named(const List& names, const std::string& name) {
  return names.empty() || std::ranges::find(names, name) != names.end();
}

void print_json(const std::vector<NodeView>& nodes, const std::vector<PartitionView>& partitions,
                Context& context) {
  JsonWriter json(JsonStyle::pretty);
  json.begin_object();
  write_meta(json);
  json.key("nodes").begin_array();
  for (const NodeView& view : nodes) {
    if (context.slurm())
      write_slurm_json(json, view);
    else
      write_json(json, view);
  }
  json.end_array().key("partitions").begin_array();
  for (const PartitionView& view : partitions) write_json(json, view);
  json.end_array().end_object();
  context.out << json.take();
}

Result<void> print_once(const InfoOptions& options, const std::vector<FormatItem>& items,
                        Context& context) {
  Client* controller = TRY(context.controller());
  if (options.reservations) {
    const auto reply = TRY(controller->ask<ReservationQueryReply>(ReservationQuery{}));
    context.out << reservation_table(reply.reservations, reply.now);
    return {};
  }
  const auto partitions = TRY(controller->ask<PartitionQueryReply>(PartitionQuery{})).partitions;
  const auto nodes = TRY(controller->ask<NodeQueryReply>(NodeQuery{.names = options.nodes})).nodes;
  if (options.json) return print_json(nodes, partitions, context), Result<void>{};
  auto listing = TRY(Listing<NodeRow>::make(items, node_fields()));
  std::string text;
  if (!options.no_header) {
    text += cluster_line(options.clusters, context);
    listing.header(text);
  }
  for (const NodeRow& row : group_nodes(options, items, partitions, nodes)) listing.row(row, text);
  context.out << text;
  return {};
}

Result<int> run(const InfoOptions& options, Context& context) {
  const std::vector<FormatItem> items = TRY(info_format(options));
  (void)TRY(Listing<NodeRow>::make(items, node_fields()));
  TRY(check_clusters(options.clusters, context));
  while (true) {
    const Result<void> done = print_once(options, items, context);
    if (!done.ok()) return context.slurm() ? slurm_load_error(done.error(), "node") : done.error();
    if (!options.iterate || !context.out.flush()) return kExitDone;
    context.out << "\n";
    std::this_thread::sleep_for(Seconds{*options.iterate});
  }
}

int start(const Invocation& call) {
  return start_command<InfoOptions, define_gdinfo, run>(kInfo, call);
}

}  // namespace

void define_gdinfo(Cli& cli, InfoOptions& options) {
  cli.group("Which nodes");
  cli.list("-p,--partition", "NAME[,...]", "These partitions", options.partitions)
      .complete(Completes::partition)
      .env("PARTITION");
  cli.on("-n,--nodes", "NODES", "These nodes",
         [&options](std::string_view text) -> Result<void> {
           options.nodes = TRY(expand_hostlist(text));
           return {};
         })
      .complete(Completes::node);
  cli.list("-t,--states", "STATE[,...]",
           "Nodes in these states: idle, mixed, allocated, drain, down", options.states);
  cli.flag("-a,--all", "Hidden partitions, too; there are none", options.all);
  cli.group("Form");
  cli.flag("-N,--Node", "One line for each node", options.by_node);
  cli.flag("-l,--long", "More columns", options.long_listing);
  cli.flag("-s,--summarize", "One line for each partition", options.summary);
  cli.flag("-R,--list-reasons", "Why nodes are drained or down, and who did it", options.reasons);
  cli.flag("-T,--reservation", "The reservations", options.reservations);
  cli.option("-o,--format", "FORMAT", "Columns, such as '%n %C %t': see FORMATS", options.format)
      .env("FORMAT");
  cli.option("-O,--Format", "FIELD[:WIDTH][,...]", "Columns by name", options.long_format);
  cli.flag("-h,--noheader", "No line of headings", options.no_header);
  cli.flag("--json", "All that is known, as JSON", options.json);
  cli.count("-i,--iterate", "SECONDS", "Again and again", options.iterate);
  define_clusters(cli, options.clusters);
  cli.refuse(
      "-d,--dead -e,--exact --federation --future --hide --local -r,--responding "
      "-v,--verbose --noconvert --yaml");
}

Result<std::vector<FormatItem>> info_format(const InfoOptions& options) {
  if (options.long_format) return parse_long_format(*options.long_format);
  const char* fallback = kDefaultFormat;
  if (options.reasons)
    fallback = kReasonFormat;
  else if (options.summary)
    fallback = kSummaryFormat;
  else if (options.by_node)
    fallback = options.long_listing ? kLongNodeFormat : kNodeFormat;
  else if (options.long_listing)
    fallback = kLongFormat;
  return parse_short_format(options.format.value_or(fallback));
}

std::vector<NodeRow> group_nodes(const InfoOptions& options, const std::vector<FormatItem>& items,
                                 const std::vector<PartitionView>& partitions,
                                 const std::vector<NodeView>& nodes) {
  std::vector<FormatItem> telling;  // what tells rows apart
  for (const FormatItem& item : items) {
    if (!is_sum(item)) telling.push_back(item);
  }
  auto listing = Listing<NodeRow>::make(telling, node_fields());
  std::vector<NodeRow> rows;
  std::map<std::string, size_t> row_of;
  const auto place = [&](const NodeRow& one) {
    std::string key = options.by_node && !one.nodes.empty() ? one.nodes[0]->node.name + "\n" : "";
    if (listing.ok()) listing->row(one, key);
    const auto [found, is_new] = row_of.emplace(std::move(key), rows.size());
    if (is_new)
      rows.push_back(one);
    else {
      std::vector<const NodeView*>& into = rows[found->second].nodes;
      for (const NodeView* view : one.nodes) {
        if (std::ranges::find(into, view) == into.end()) into.push_back(view);
      }
    }
  };
  for (const PartitionView& partition : partitions) {
    if (!named(options.partitions, partition.name)) continue;
    bool any = false;
    for (const NodeView& view : nodes) {
      if (!named(view.partitions, partition.name) || view.partitions.empty()) continue;
      if (!named(options.nodes, view.node.name) || !has_state(view, options.states)) continue;
      if (options.reasons && view.node.reason.empty()) continue;
      any = true;
      place({&partition, {&view}});
    }
    const bool filtered = !options.states.empty() || !options.nodes.empty() || options.reasons;
    if (!any && !filtered && !options.by_node) place({&partition, {}});
  }
  return rows;
}

const Command kGdinfo{&kInfo, start};

}  // namespace gd::cmd

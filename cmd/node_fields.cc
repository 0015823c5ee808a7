#include "cmd/node_fields.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/duration.h"
#include "base/hostlist.h"
#include "base/text.h"
#include "base/user.h"
#include "cmd/block.h"
#include "cmd/job_fields.h"

namespace gd::cmd {
namespace {

using Out = std::string&;

bool takes_jobs(const NodeView& view) {
  return view.node.state == NodeState::up && !view.node.drained;
}
bool is_idle(const NodeView& view) {
  return view.allocated.cpus == 0 && !view.completing;
}

std::string hundredths(double value) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.2f", value);
  return text.data();
}

std::string limit_or_infinite(const std::optional<Seconds>& limit) {
  return limit ? format_elapsed(*limit) : "infinite";
}

const NodeView* first(const NodeRow& row) {
  return row.nodes.empty() ? nullptr : row.nodes[0];
}

template <class Get>
void of_first(const NodeRow& row, Out out, Get get) {
  if (const NodeView* view = first(row))
    out += get(*view);
  else
    out += "n/a";
}

void partition_name(const NodeRow& row, Out out) {
  if (row.partition == nullptr) return;
  out += row.partition->name;
  if (row.partition->is_default) out += '*';
}

void node_names(const NodeRow& row, Out out) {
  std::vector<std::string> names;
  for (const NodeView* view : row.nodes) names.push_back(view->node.name);
  sort_hosts(names);
  out += fold_hostlist(names);
}

struct Counts {
  uint64_t allocated = 0, idle = 0, other = 0, total = 0;
  [[nodiscard]] std::string text() const {
    return std::to_string(allocated) + "/" + std::to_string(idle) + "/" + std::to_string(other) +
           "/" + std::to_string(total);
  }
};

Counts count_cpus(const NodeRow& row) {
  Counts sum;
  for (const NodeView* view : row.nodes) {
    const uint64_t free = view->usable.cpus - std::min(view->usable.cpus, view->allocated.cpus);
    sum.total += view->usable.cpus;
    sum.allocated += view->allocated.cpus;
    (takes_jobs(*view) ? sum.idle : sum.other) += free;
  }
  return sum;
}

Counts count_nodes(const NodeRow& row) {
  Counts sum;
  for (const NodeView* view : row.nodes) {
    ++sum.total;
    if (!is_idle(*view))
      ++sum.allocated;
    else if (takes_jobs(*view))
      ++sum.idle;
    else
      ++sum.other;
  }
  return sum;
}

std::string feature_text(const NodeView& view) {
  const std::string text = join(std::span(view.node.info.features), ",");
  return text.empty() ? "(null)" : text;
}

std::string gres_or_null(const Resources& resources) {
  std::string out;
  for (const GresCount& gres : resources.gres) {
    out += (out.empty() ? "" : ",") + gres.name + (gres.type.empty() ? "" : ":" + gres.type) + ":" +
           std::to_string(gres.count);
  }
  return out.empty() ? "(null)" : out;
}

std::string shape(const NodeView& view) {
  return std::to_string(view.node.info.sockets) + ":" +
         std::to_string(view.node.info.cores_per_socket) + ":" +
         std::to_string(view.node.info.threads_per_core);
}

using Row = const NodeRow&;
using View = const NodeView&;

constexpr auto kFields = std::to_array<Field<NodeRow>>({
    {'P', "partition", "PARTITION", partition_name},
    {'R', "partitionname", "PARTITION",
     [](Row r, Out o) { o += r.partition != nullptr ? r.partition->name : ""; }},
    {'a', "available", "AVAIL",
     [](Row r, Out o) { o += r.partition != nullptr && r.partition->up ? "up" : "down"; }},
    {'l', "time", "TIMELIMIT",
     [](Row r, Out o) {
       if (r.partition != nullptr) o += limit_or_infinite(r.partition->max_time);
     }},
    {'L', "defaulttime", "DEFAULTTIME",
     [](Row r, Out o) {
       o += r.partition != nullptr && r.partition->default_time
           ? format_elapsed(*r.partition->default_time) : "n/a";
     }},
    {'D', "nodes", "NODES", [](Row r, Out o) { o += std::to_string(r.nodes.size()); }},
    {'t', "statecompact", "STATE", [](Row r, Out o) { of_first(r, o, short_node_state); }},
    {'T', "statelong", "STATE", [](Row r, Out o) { of_first(r, o, node_state); }},
    {'N', "nodelist", "NODELIST", node_names},
    {'n', "nodehost", "HOSTNAMES",
     [](Row r, Out o) { of_first(r, o, [](View v) { return v.node.name; }); }},
    {'o', "nodeaddr", "NODE_ADDR",
     [](Row r, Out o) { of_first(r, o, [](View v) { return v.node.name; }); }},
    {'c', "cpus", "CPUS",
     [](Row r, Out o) { of_first(r, o, [](View v) { return std::to_string(v.usable.cpus); }); }},
    {'m', "memory", "MEMORY",
     [](Row r, Out o) {
       of_first(r, o, [](View v) { return std::to_string(v.usable.memory_mib); });
     }},
    {0, "allocmem", "ALLOCMEM",
     [](Row r, Out o) {
       of_first(r, o, [](View v) { return std::to_string(v.allocated.memory_mib); });
     }},
    {'C', "cpusstate", "CPUS(A/I/O/T)", [](Row r, Out o) { o += count_cpus(r).text(); }},
    {'F', "nodeaiot", "NODES(A/I/O/T)", [](Row r, Out o) { o += count_nodes(r).text(); }},
    {'A', "nodeai", "NODES(A/I)",
     [](Row r, Out o) {
       const Counts c = count_nodes(r); o += std::to_string(c.allocated) + "/"
           + std::to_string(c.idle);
     }},
    {'G', "gres", "GRES",
     [](Row r, Out o) { of_first(r, o, [](View v) { return gres_or_null(v.usable); }); }},
    {0, "gresused", "GRES_USED",
     [](Row r, Out o) { of_first(r, o, [](View v) { return gres_or_null(v.allocated); }); }},
    {'f', "features", "AVAIL_FEATURES", [](Row r, Out o) { of_first(r, o, feature_text); }},
    {'b', "features_act", "ACTIVE_FEATURES", [](Row r, Out o) { of_first(r, o, feature_text); }},
    {'O', "cpusload", "CPU_LOAD",
     [](Row r, Out o) { of_first(r, o, [](View v) { return hundredths(v.load); }); }},
    {'e', "freemem", "FREE_MEM",
     [](Row r, Out o) {
       of_first(r, o, [](View v) { return std::to_string(v.free_memory_mib); });
     }},
    {'E', "reason", "REASON",
     [](Row r, Out o) {
       of_first(r, o, [](View v) { return v.node.reason.empty() ? std::string("none")
           : printable(v.node.reason); });
     }},
    {'u', "user", "USER",
     [](Row r, Out o) {
       of_first(r, o, [](View v) { return v.node.reason.empty() ? std::string("Unknown")
           : user_label(v.node.reason_uid); });
     }},
    {'H', "timestamp", "TIMESTAMP",
     [](Row r, Out o) {
       of_first(r, o, [](View v) { return moment_or(v.node.reason_time, "Unknown"); });
     }},
    {'d', "disk", "TMP_DISK",
     [](Row r, Out o) {
       of_first(r, o, [](View v) { return std::to_string(v.node.info.tmp_disk_mib); });
     }},
    {'X', "sockets", "SOCKETS",
     [](Row r, Out o) {
       of_first(r, o, [](View v) { return std::to_string(v.node.info.sockets); });
     }},
    {'Y', "cores", "CORES",
     [](Row r, Out o) {
       of_first(r, o, [](View v) { return std::to_string(v.node.info.cores_per_socket); });
     }},
    {'Z', "threads", "THREADS",
     [](Row r, Out o) {
       of_first(r, o, [](View v) { return std::to_string(v.node.info.threads_per_core); });
     }},
    {'z', "socketcorethread", "S:C:T", [](Row r, Out o) { of_first(r, o, shape); }},
    {'w', "weight", "WEIGHT", [](Row, Out o) { o += "1"; }},
    {'v', "version", "VERSION",
     [](Row r, Out o) { of_first(r, o, [](View v) { return v.node.info.version; }); }},
    {'p', "prioritytier", "PRIO_TIER",
     [](Row r, Out o) {
       o += r.partition != nullptr ? std::to_string(r.partition->priority_tier) : "1";
     }},
    {'B', "maxcpuspernode", "MAX_CPUS_PER_NODE", [](Row, Out o) { o += "UNLIMITED"; }},
    {'M', "preemptmode", "PREEMPT_MODE",
     [](Row r, Out o) {
       o += name(r.partition != nullptr ? r.partition->preempt_mode : PreemptMode::off);
     }},
    {'S', "allocnodes", "ALLOCNODES", [](Row, Out o) { o += "all"; }},
    {'s', "size", "JOB_SIZE", [](Row, Out o) { o += "1-infinite"; }},
    {'r', "root", "ROOT", [](Row, Out o) { o += "no"; }},
    {'h', "oversubscribe", "OVERSUBS", [](Row, Out o) { o += "NO"; }},
    {'g', "groups", "GROUPS", [](Row, Out o) { o += "all"; }},
});

struct StateName {
  std::string_view full, brief;
};

StateName state_name(const NodeView& view) {
  const bool busy = view.allocated.cpus > 0;
  if (view.node.state == NodeState::down) return {"down", "down"};
  if (view.node.state == NodeState::unknown) return {"unknown", "unk"};
  if (view.node.drained) {
    return busy || view.completing ? StateName{"draining", "drng"} : StateName{"drained", "drain"};
  }
  if (view.completing && !busy) return {"completing", "comp"};
  if (!busy && view.reserved == NodeReserved::maintenance) return {"maint", "maint"};
  if (!busy && view.reserved == NodeReserved::yes) return {"reserved", "resv"};
  if (!busy) return {"idle", "idle"};
  return view.allocated.cpus >= view.usable.cpus ? StateName{"allocated", "alloc"}
                                                 : StateName{"mixed", "mix"};
}

// Slurm's sign for a node that does not answer, or is in a maintenance that its state does not
// tell.
std::string_view sign(const NodeView& view) {
  const bool told = state_name(view).brief == "maint";
  if (view.reserved == NodeReserved::maintenance && !told) return "$";
  return view.node.state == NodeState::up ? "" : "*";
}

}  // namespace

std::span<const Field<NodeRow>> node_fields() {
  return kFields;
}

bool is_sum(const FormatItem& item) {
  constexpr std::string_view kLetters = "DNCFA";
  constexpr std::string_view kNames[] = {"nodes", "nodelist", "cpusstate", "nodeaiot", "nodeai"};
  if (item.letter != 0) return kLetters.find(item.letter) != std::string_view::npos;
  return std::ranges::any_of(kNames, [&](auto name) { return equal_no_case(name, item.name); });
}

std::string node_state(const NodeView& view) {
  return std::string(state_name(view).full) + std::string(sign(view));
}

std::string short_node_state(const NodeView& view) {
  return std::string(state_name(view).brief) + std::string(sign(view));
}

std::string control_node_state(const NodeView& view) {
  NodeView plain = view;
  plain.node.drained = false;
  plain.reserved = NodeReserved::no;
  std::string text = to_upper(state_name(plain).full);
  if (view.node.drained) text += "+DRAIN";
  if (view.reserved == NodeReserved::yes) text += "+RESERVED";
  if (view.reserved == NodeReserved::maintenance) text += "+MAINTENANCE+RESERVED";
  if (view.node.state != NodeState::up) text += "*";
  return text;
}

std::string node_block(const NodeView& view, bool one_line) {
  const NodeInfo& info = view.node.info;
  Block block;
  block.line()
      .add("NodeName", view.node.name)
      .add("Arch", info.architecture)
      .add("CoresPerSocket", std::to_string(info.cores_per_socket));
  block.line()
      .add("CPUAlloc", std::to_string(view.allocated.cpus))
      .add("CPUEfctv", std::to_string(view.usable.cpus))
      .add("CPUTot", std::to_string(info.total.cpus))
      .add("CPULoad", hundredths(view.load));
  block.line().add("AvailableFeatures", feature_text(view));
  block.line().add("ActiveFeatures", feature_text(view));
  block.line().add("Gres", gres_or_null(view.usable));
  block.line()
      .add("NodeAddr", view.node.name)
      .add("NodeHostName", view.node.name)
      .add("Version", info.version);
  block.line().add("OS", info.os);
  block.line()
      .add("RealMemory", std::to_string(view.usable.memory_mib))
      .add("AllocMem", std::to_string(view.allocated.memory_mib))
      .add("FreeMem", std::to_string(view.free_memory_mib))
      .add("Sockets", std::to_string(info.sockets))
      .add("Boards", "1");
  block.line()
      .add("State", control_node_state(view))
      .add("ThreadsPerCore", std::to_string(info.threads_per_core))
      .add("TmpDisk", std::to_string(info.tmp_disk_mib))
      .add("Weight", "1")
      .add("Owner", "N/A")
      .add("MCS_label", "N/A");
  block.line().add("Partitions", join(std::span(view.partitions), ","));
  block.line().add("LastBusyTime", moment_or(view.node.last_heard, "Unknown"));
  block.line().add("CfgTRES", "cpu=" + std::to_string(view.usable.cpus) +
                                  ",mem=" + format_mib(view.usable.memory_mib) +
                                  ",billing=" + std::to_string(view.usable.cpus));
  block.line().add("AllocTRES", view.allocated.cpus == 0
                                    ? ""
                                    : "cpu=" + std::to_string(view.allocated.cpus) +
                                          ",mem=" + format_mib(view.allocated.memory_mib));
  block.line().add("Cgroup", info.cgroup).add("Jobs", std::to_string(view.jobs));
  if (!view.node.reason.empty()) {
    block.line().add("Reason", printable(view.node.reason) + " [" +
                                   user_label(view.node.reason_uid) + "@" +
                                   moment_or(view.node.reason_time, "Unknown") + "]");
  }
  return block.text(one_line ? BlockForm::one_line : BlockForm::lines);
}

std::string partition_block(const PartitionView& view, bool one_line) {
  const auto limit = [](const std::optional<Seconds>& value) {
    return value ? format_time_limit(*value) : std::string("UNLIMITED");
  };
  Block block;
  block.line().add("PartitionName", view.name);
  block.line().add("AllowGroups", "ALL").add("AllowAccounts", "ALL").add("AllowQos", "ALL");
  block.line()
      .add("AllocNodes", "ALL")
      .add("Default", view.is_default ? "YES" : "NO")
      .add("QoS", "N/A");
  block.line()
      .add("DefaultTime", view.default_time ? format_time_limit(*view.default_time) : "NONE")
      .add("DisableRootJobs", "NO")
      .add("ExclusiveUser", "NO")
      .add("GraceTime", std::to_string(view.grace_time.count()))
      .add("Hidden", "NO");
  block.line()
      .add("MaxNodes", "UNLIMITED")
      .add("MaxTime", limit(view.max_time))
      .add("MinNodes", "0")
      .add("LLN", "NO")
      .add("MaxCPUsPerNode", "UNLIMITED");
  block.line().add("Nodes", view.nodes.empty() ? "(null)" : view.nodes);
  block.line()
      .add("PriorityJobFactor", "1")
      .add("PriorityTier", std::to_string(view.priority_tier))
      .add("RootOnly", "NO")
      .add("ReqResv", "NO")
      .add("OverSubscribe", "NO");
  block.line().add("OverTimeLimit", "NONE").add("PreemptMode", name(view.preempt_mode));
  block.line()
      .add("State", view.up ? "UP" : "DOWN")
      .add("TotalCPUs", std::to_string(view.total_cpus))
      .add("TotalNodes", std::to_string(view.total_nodes))
      .add("SelectTypeParameters", "NONE");
  block.line().add("JobDefaults", "(null)");
  block.line().add("DefMemPerNode", "UNLIMITED").add("MaxMemPerNode", "UNLIMITED");
  return block.text(one_line ? BlockForm::one_line : BlockForm::lines);
}

void write_json(JsonWriter& json, const NodeView& view) {
  json.begin_object().key("name").string(view.node.name).key("hostname").string(view.node.name);
  json.key("state").string(node_state(view)).key("reason").string(view.node.reason);
  json.key("cpus").number(view.usable.cpus).key("alloc_cpus").number(view.allocated.cpus);
  json.key("idle_cpus").number(view.usable.cpus - std::min(view.usable.cpus, view.allocated.cpus));
  json.key("real_memory").number(view.usable.memory_mib);
  json.key("alloc_memory").number(view.allocated.memory_mib);
  json.key("free_memory").number(view.free_memory_mib).key("cpu_load").real(view.load);
  json.key("jobs").number(view.jobs).key("cgroup").string(view.node.info.cgroup);
  json.key("operating_system").string(view.node.info.os);
  json.key("version").string(view.node.info.version).key("weight").number(1);
  json.key("features").begin_array();
  for (const std::string& feature : view.node.info.features) json.string(feature);
  json.end_array().key("partitions").begin_array();
  for (const std::string& name : view.partitions) json.string(name);
  json.end_array().end_object();
}

void write_json(JsonWriter& json, const PartitionView& view) {
  json.begin_object().key("name").string(view.name).key("default").boolean(view.is_default);
  json.key("up").boolean(view.up).key("nodes").string(view.nodes);
  json.key("max_time_seconds");
  if (view.max_time)
    json.number(view.max_time->count());
  else
    json.null();
  json.key("default_time_seconds");
  if (view.default_time)
    json.number(view.default_time->count());
  else
    json.null();
  json.key("total_nodes").number(view.total_nodes).key("total_cpus").number(view.total_cpus);
  json.key("priority_tier").number(view.priority_tier).end_object();
}

}  // namespace gd::cmd

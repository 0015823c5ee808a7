// One line a fact.
#include "server/container/explain.h"

#include "base/fd.h"
#include "server/container/identity_files.h"
#include "server/container/idmap.h"
#include "server/container/mounts.h"

namespace gd::container {
namespace {

void add_maps(std::vector<std::string>& lines, const char* what,
              const std::vector<Extent>& extents) {
  for (const Extent& extent : extents) {
    lines.push_back(std::string(what) + " " + std::to_string(extent.inside) + " is " +
                    std::to_string(extent.outside) + " outside, " + std::to_string(extent.count) +
                    " ids");
  }
}

std::string limit_text(uint64_t value) {
  return value == kUnlimited ? "unlimited" : std::to_string(value);
}

void add_process(std::vector<std::string>& lines, const ProcessPlan& process) {
  std::string command = "command";
  for (const std::string& arg : process.argv) command += " " + arg;
  lines.push_back(std::move(command));
  lines.push_back("cwd " + process.cwd + ", else " + process.cwd_fallback);
  for (const ResourceLimit& limit : process.rlimits) {
    lines.push_back("rlimit " + std::string(rlimit_name(limit.resource)) + " " +
                    limit_text(limit.soft) + " of " + limit_text(limit.hard));
  }
  std::string kept = "capabilities kept:";
  for (const std::string& name : process.keep_capabilities) kept += " " + name;
  lines.push_back(process.keep_capabilities.empty() ? "capabilities kept: none" : kept);
  lines.push_back("no new privileges");
  lines.push_back(process.seccomp.empty()
                      ? "seccomp: no filter"
                      : "seccomp: " + std::to_string(process.seccomp.size() / 8) + " instructions");
}

// Why there is a mount that nobody asked for.
std::string_view usual_reason(const MountOp& op) {
  switch (op.kind) {
    case OpKind::bind: return "a file system of the node, as the host image shows it";
    case OpKind::proc: return "the container's own processes";
    case OpKind::sysfs: return "read-only, for programs that count processors";
    case OpKind::cgroup2: return "the container's own groups, read-only";
    case OpKind::devpts: return "the container's own terminals";
    case OpKind::mqueue: return "the container's own message queues";
    case OpKind::device: return "harmless, and expected everywhere";
    case OpKind::mask: return "hidden: it tells of the node or of others";
    case OpKind::read_only: return "sealed: writing there would change the node";
    case OpKind::tmpfs: return "in memory, gone with the container";
    case OpKind::folder:
    case OpKind::link:
    case OpKind::file: return "in the container's own layers";
  }
  return "";
}

std::string device_text(const DeviceRule& rule) {
  const auto number = [](const std::optional<uint32_t>& value) {
    return value ? std::to_string(*value) : std::string("*");
  };
  return std::string(1, rule.type) + " " + number(rule.major) + ":" + number(rule.minor) + " " +
         rule.access;
}

}  // namespace

std::vector<std::string> explain(const CgroupLimits& limits) {
  std::vector<std::string> lines;
  if (limits.memory_bytes) {
    lines.push_back("limit memory " + std::to_string(*limits.memory_bytes >> 20) +
                    " MiB, no swap beyond");
  }
  if (limits.cpu_milli) {
    lines.push_back("limit cpu " + std::to_string(*limits.cpu_milli) + "/1000 of one processor");
  }
  if (limits.cpuset) lines.push_back("limit processors " + *limits.cpuset);
  if (limits.pids) lines.push_back("limit processes " + std::to_string(*limits.pids));
  if (!limits.devices) return lines;
  lines.emplace_back("device null zero full random urandom tty ptmx pts: all containers have them");
  for (const DeviceRule& rule : *limits.devices) lines.push_back("device " + device_text(rule));
  return lines;
}

Result<std::vector<std::string>> explain(const LaunchPlan& plan) {
  const IdMaps maps = TRY(compute_maps(plan.identity, plan.subordinate, plan.root_mode));
  const std::vector<HostMount> host = parse_host_mounts(TRY(read_file("/proc/self/mountinfo")));
  const std::vector<FileSpec> files = TRY(identity_files(plan));
  std::vector<std::string> lines;
  lines.push_back(std::string("namespaces: user mount pid ipc uts cgroup") +
                  (plan.network == Network::none ? " network" : ""));
  lines.push_back("user " + plan.identity.user + " uid " + std::to_string(plan.identity.uid) +
                  " gid " + std::to_string(plan.identity.gid) +
                  (plan.root_mode == RootMode::root_inside ? ", root inside" : ""));
  add_maps(lines, "uid", maps.uids);
  add_maps(lines, "gid", maps.gids);
  for (const gid_t gid : maps.unmapped_groups) {
    lines.push_back("gid " + std::to_string(gid) + " is held but has no name inside");
  }
  if (!plan.hostname.empty()) lines.push_back("hostname " + plan.hostname);
  const MountTree tree = build_mounts(plan, maps, host, files);
  TRY(check(tree));
  const bool sealed = tree.root_access == Access::read_only;
  lines.push_back("root: " + tree.image + " read-only idmapped, below a " +
                  (sealed ? "sealed" : "writable") + " layer" +
                  (tree.layer.empty() ? " of " + std::to_string(tree.writable_bytes) + " bytes"
                                      : " that is kept"));
  for (const MountOp& op : tree.ops) {
    lines.push_back(render(op) + " (" + (op.why.empty() ? std::string(usual_reason(op)) : op.why) +
                    ")");
  }
  add_process(lines, plan.process);
  return lines;
}

}  // namespace gd::container

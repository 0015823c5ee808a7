// One function a section of config.json.
#include "server/container/oci_config.h"

#include <sys/mount.h>

#include "base/json.h"
#include "base/text.h"

namespace gd::container {
namespace {

std::optional<uint32_t> to_inside(const std::vector<Extent>& extents, uint32_t outside) {
  for (const Extent& extent : extents) {
    if (outside >= extent.outside && outside - extent.outside < extent.count) {
      return extent.inside + (outside - extent.outside);
    }
  }
  return std::nullopt;
}

void add_capabilities(JsonWriter& json, const std::vector<std::string>& kept) {
  json.key("capabilities").begin_object();
  for (const char* set : {"bounding", "effective", "permitted"}) {
    json.key(set).begin_array();
    for (const std::string& name : kept) json.string(to_upper(name));
    json.end_array();
  }
  json.end_object();
}

void add_process(JsonWriter& json, const LaunchPlan& plan, const IdMaps& maps) {
  const bool root_inside = plan.root_mode == RootMode::root_inside;
  json.key("process").begin_object();
  json.key("terminal").boolean(false);
  json.key("user").begin_object();
  json.key("uid").number(root_inside ? 0 : plan.identity.uid);
  json.key("gid").number(root_inside ? 0 : plan.identity.gid);
  json.key("additionalGids").begin_array();
  for (const Group& group : plan.identity.groups) {
    if (const auto inside = to_inside(maps.gids, group.gid)) json.number(*inside);
  }
  json.end_array().end_object();
  json.key("args").begin_array().string(kInitPath).end_array();
  json.key("env").begin_array().end_array();
  json.key("cwd").string("/");
  json.key("noNewPrivileges").boolean(true);
  add_capabilities(json, plan.process.keep_capabilities);
  json.end_object();
}

const char* file_system(OpKind kind) {
  switch (kind) {
    case OpKind::proc: return "proc";
    case OpKind::sysfs: return "sysfs";
    case OpKind::cgroup2: return "cgroup";
    case OpKind::devpts: return "devpts";
    case OpKind::mqueue: return "mqueue";
    default: return nullptr;
  }
}

void add_mount(JsonWriter& json, const MountOp& op) {
  const char* type = file_system(op.kind);
  json.begin_object().key("destination").string(op.target);
  json.key("type").string(type).key("source").string(type).key("options").begin_array();
  const struct {
    unsigned long flag;
    const char* name;
  } flags[] = {
      {MS_NOSUID, "nosuid"}, {MS_NODEV, "nodev"}, {MS_NOEXEC, "noexec"}, {MS_RDONLY, "ro"}};
  for (const auto& [flag, name] : flags) {
    if ((op.flags & flag) != 0) json.string(name);
  }
  if (op.kind == OpKind::devpts) {  // the same numbers as in the tree, but as seen from inside
    for (const char* option : {"newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}) {
      json.string(option);
    }
  }
  json.end_array().end_object();
}

void add_mounts(JsonWriter& json, const MountTree& tree) {
  json.key("mounts").begin_array();
  for (const MountOp& op : tree.ops) {
    if (op.maker == Maker::runtime && file_system(op.kind) != nullptr) add_mount(json, op);
  }
  json.end_array();
}

void add_paths(JsonWriter& json, const char* key, const MountTree& tree, OpKind kind) {
  json.key(key).begin_array();
  for (const MountOp& op : tree.ops) {
    if (op.kind == kind) json.string(op.target);
  }
  json.end_array();
}

void add_map(JsonWriter& json, const char* key, const std::vector<Extent>& extents) {
  json.key(key).begin_array();
  for (const Extent& extent : extents) {
    json.begin_object().key("containerID").number(extent.inside);
    json.key("hostID").number(extent.outside).key("size").number(extent.count).end_object();
  }
  json.end_array();
}

void add_linux(JsonWriter& json, const LaunchPlan& plan, const MountTree& tree,
               const IdMaps& maps) {
  json.key("linux").begin_object();
  json.key("namespaces").begin_array();
  for (const char* type : {"user", "mount", "pid", "ipc", "uts", "cgroup"}) {
    json.begin_object().key("type").string(type).end_object();
  }
  if (plan.network == Network::none) {
    json.begin_object().key("type").string("network").end_object();
  }
  json.end_array();
  add_map(json, "uidMappings", maps.uids);
  add_map(json, "gidMappings", maps.gids);
  add_paths(json, "maskedPaths", tree, OpKind::mask);
  add_paths(json, "readonlyPaths", tree, OpKind::read_only);
  json.end_object();
}

}  // namespace

std::string oci_config(const LaunchPlan& plan, const MountTree& tree, const IdMaps& maps,
                       const std::string& root) {
  JsonWriter json(JsonStyle::pretty);
  json.begin_object().key("ociVersion").string("1.0.2");
  add_process(json, plan, maps);
  json.key("root").begin_object().key("path").string(root);
  json.key("readonly").boolean(plan.root_access == Access::read_only).end_object();
  if (!plan.hostname.empty()) json.key("hostname").string(plan.hostname);
  add_mounts(json, tree);
  add_linux(json, plan, tree, maps);
  json.end_object();
  return json.take();
}

}  // namespace gd::container

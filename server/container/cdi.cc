#include "server/container/cdi.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/device_name.h"
#include "base/text.h"
#include "server/container/launch_plan.h"

namespace gd::container {
namespace {

using Json = nlohmann::json;

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, "CDI: " + std::move(text)};
}

// A text of an object; empty if there is none.
Result<std::string> text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  return invalid(std::string(key) + " is no text");
}

Result<std::optional<uint32_t>> number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::optional<uint32_t>{};
  if (found->is_number_unsigned() && found->get<uint64_t>() <= UINT32_MAX) {
    return std::optional<uint32_t>(found->get<uint32_t>());
  }
  return invalid(std::string(key) + " is no number of a device");
}

// A list of an object, bounded; an empty one if there is none.
Result<const Json*> list_of(const Json& object, const char* key, size_t most) {
  static const Json kEmpty = Json::array();
  const auto found = object.find(key);
  if (found == object.end()) return &kEmpty;
  if (!found->is_array()) return invalid(std::string(key) + " is no list");
  if (found->size() > most) {
    return invalid(std::to_string(found->size()) + " " + key + ", at most " + std::to_string(most) +
                   " are allowed");
  }
  return &*found;
}

Result<CdiNode> parse_node(const Json& json) {
  if (!json.is_object()) return invalid("a device node is no object");
  CdiNode node{.path = TRY(text_of(json, "path")), .host_path = TRY(text_of(json, "hostPath"))};
  TRY(validate_path(node.path, "CDI: device node"));
  if (!node.path.starts_with("/dev/")) return invalid(node.path + " is not below /dev");
  if (node.host_path.empty()) node.host_path = node.path;
  TRY(validate_path(node.host_path, "CDI: host path"));
  node.major = TRY(number_of(json, "major"));
  node.minor = TRY(number_of(json, "minor"));
  if (node.major.has_value() != node.minor.has_value()) {
    return invalid(node.path + " has one of its two numbers");
  }
  const std::string type = TRY(text_of(json, "type"));
  if (!type.empty() && type != "c" && type != "u" && type != "b") {
    return invalid(node.path + " is of type '" + printable(type, 20) + "', not c or b");
  }
  node.type = type == "b" ? 'b' : 'c';
  const std::string access = TRY(text_of(json, "permissions"));
  if (access.find_first_not_of("rwm") != std::string::npos) {
    return invalid(node.path + " has the permissions '" + printable(access, 20) + "'");
  }
  if (!access.empty()) node.access = access;
  return node;
}

Result<CdiMount> parse_mount(const Json& json) {
  if (!json.is_object()) return invalid("a mount is no object");
  CdiMount mount{.source = TRY(text_of(json, "hostPath")),
                 .target = TRY(text_of(json, "containerPath"))};
  TRY(validate_path(mount.source, "CDI: mount"));
  TRY(validate_path(mount.target, "CDI: mount"));
  mount.read_only = false;
  for (const Json& option : *TRY(list_of(json, "options", kMaxCdiEdits))) {
    if (option.is_string() && option.get<std::string>() == "ro") mount.read_only = true;
  }
  return mount;
}

Result<CdiEdits> parse_edits(const Json& object) {
  CdiEdits edits;
  const auto found = object.find("containerEdits");
  if (found == object.end()) return edits;
  if (!found->is_object()) return invalid("containerEdits is no object");
  for (const char* refused : {"hooks", "intelRdt", "additionalGids"}) {
    const auto there = found->find(refused);
    if (there != found->end() && !there->empty()) {
      return invalid(std::string(refused) + " are not carried out; take them out of the file");
    }
  }
  for (const Json& node : *TRY(list_of(*found, "deviceNodes", kMaxCdiEdits))) {
    edits.nodes.push_back(TRY(parse_node(node)));
  }
  for (const Json& mount : *TRY(list_of(*found, "mounts", kMaxCdiEdits))) {
    edits.mounts.push_back(TRY(parse_mount(mount)));
  }
  for (const Json& entry : *TRY(list_of(*found, "env", kMaxCdiEdits))) {
    const std::string text = entry.is_string() ? entry.get<std::string>() : "";
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || text.find('\0') != std::string::npos) {
      return invalid("a variable is not NAME=value");
    }
    edits.env.push_back(text);
  }
  return edits;
}

}  // namespace

void append(CdiEdits& to, const CdiEdits& more) {
  // What is common to several devices comes once.
  const auto add = [](auto& list, const auto& others) {
    for (const auto& one : others) {
      if (std::ranges::find(list, one) == list.end()) list.push_back(one);
    }
  };
  add(to.nodes, more.nodes);
  add(to.mounts, more.mounts);
  add(to.env, more.env);
}

Result<CdiSpec> parse_cdi(std::string_view text) {
  if (text.size() > kMaxCdiBytes) {
    return invalid(std::to_string(text.size()) + " bytes, at most " + std::to_string(kMaxCdiBytes) +
                   " are allowed");
  }
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return invalid("it is no JSON object");
  CdiSpec spec;
  spec.kind = TRY(text_of(json, "kind"));
  if (!is_device_kind(spec.kind)) {
    return invalid("kind '" + printable(spec.kind, 200) + "' is not VENDOR/CLASS");
  }
  spec.common = TRY(parse_edits(json));
  for (const Json& device : *TRY(list_of(json, "devices", kMaxCdiDevices))) {
    if (!device.is_object()) return invalid("a device is no object");
    std::string name = TRY(text_of(device, "name"));
    if (!parse_device_name(spec.kind + "=" + name).ok()) {
      return invalid("'" + printable(name, 200) + "' names no device");
    }
    Result<CdiEdits> edits = parse_edits(device);
    if (!edits.ok()) return std::move(edits).error().in(spec.kind + "=" + name);
    if (!spec.devices.emplace(name, std::move(edits).take()).second) {
      return invalid("device " + name + " is there twice");
    }
  }
  return spec;
}

}  // namespace gd::container

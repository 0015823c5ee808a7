#include "server/agent/step_devices.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/device_name.h"
#include "base/text.h"
#include "server/container/cgroup.h"

namespace gd::agent {
namespace {

using container::CdiEdits;
using container::CdiNode;
using container::CdiSpec;

constexpr size_t kMaxFiles = 256;
constexpr size_t kMaxClaimBytes = 64;

struct Described {
  std::map<std::string, CdiSpec> kinds;
  std::string complaints;  // of files that are no use
};

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  using std::filesystem::directory_iterator;
  for (directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
    const std::string path = each->path();
    if (path.ends_with(".json") && files.size() < kMaxFiles) files.push_back(path);
  }
  std::ranges::sort(files);
  return files;
}

Described read_descriptions(const DeviceSettings& settings) {
  Described all;
  for (const std::string& folder : settings.cdi_dirs) {
    for (const std::string& path : files_in(folder)) {
      const Result<Bytes> text = read_file(path, container::kMaxCdiBytes);
      Result<CdiSpec> spec =
          text.ok() ? container::parse_cdi(*text) : Result<CdiSpec>(text.error());
      if (!spec.ok()) {
        all.complaints += "; " + path + ": " + spec.error().text;
        continue;
      }
      CdiSpec& known = all.kinds[spec->kind];
      known.kind = spec->kind;
      for (auto& [name, edits] : spec->devices) {
        CdiEdits whole = spec->common;
        container::append(whole, edits);
        known.devices[name] = std::move(whole);  // a later folder's counts more
      }
    }
  }
  return all;
}

// The numbers that its description leaves to the node itself.
Result<CdiNode> resolve(CdiNode node) {
  if (node.major) return node;
  struct stat about {};
  if (::stat(node.host_path.c_str(), &about) != 0) return os_error("device " + node.host_path);
  if (!S_ISCHR(about.st_mode) && !S_ISBLK(about.st_mode)) {
    return Error{ErrorCode::unavailable, "device " + node.host_path + " is none on this node"};
  }
  node.type = S_ISBLK(about.st_mode) ? 'b' : 'c';
  node.major = major(about.st_rdev);
  node.minor = minor(about.st_rdev);
  return node;
}

class Chooser {
 public:
  Chooser(const StepLaunch& launch, const ShepherdSettings& settings, Claim claim)
      : settings_(settings),
        claim_(claim),
        job_(container::group_name(launch.job.value, launch.launch.value)),
        all_(read_descriptions(settings.devices)) {}

  Result<void> add_gres(const GresCount& asked) {
    uint64_t left = asked.count;
    bool known = false;
    for (const GresDevices& devices : settings_.devices.gres) {
      if (devices.gres != asked.name) continue;
      if (!asked.type.empty() && devices.type != asked.type) continue;
      known = true;
      const auto kind = all_.kinds.find(devices.kind);
      if (kind == all_.kinds.end()) continue;
      for (const auto& [name, edits] : kind->second.devices) {
        if (left == 0) break;
        if (!TRY(claim(devices.kind + "=" + name))) continue;
        TRY(add(devices.kind + "=" + name, edits));
        --left;
      }
    }
    if (!known || left == 0 || claim_ == Claim::join) return {};
    return Error{ErrorCode::unavailable, "gres " + asked.name + ": " + std::to_string(left) +
                                             " of " + std::to_string(asked.count) +
                                             " devices are not free on this node" +
                                             all_.complaints};
  }

  Result<void> add_named(const std::string& text) {
    const DeviceName name = TRY(parse_device_name(text));
    const auto fits = [&text](const std::string& pattern) { return glob_match(pattern, text); };
    if (std::ranges::none_of(settings_.devices.allow, fits)) {
      return Error{ErrorCode::denied, "device " + text +
                                          " is not among this node's device_allow (" +
                                          join(settings_.devices.allow, ", ") + ")"};
    }
    const auto kind = all_.kinds.find(name.kind);
    if (kind != all_.kinds.end()) {
      const auto device = kind->second.devices.find(name.device);
      if (device != kind->second.devices.end()) return add(text, device->second);
    }
    return Error{ErrorCode::not_found, "device " + text + " is not described in " +
                                           join(settings_.devices.cdi_dirs, ", ") +
                                           all_.complaints};
  }

  DeviceChoice take() { return std::move(choice_); }

 private:
  Result<void> add(const std::string& name, const CdiEdits& edits) {
    CdiEdits resolved{.nodes = {}, .mounts = edits.mounts, .env = edits.env};
    for (const CdiNode& node : edits.nodes) resolved.nodes.push_back(TRY(resolve(node)));
    container::append(choice_.edits, resolved);
    choice_.names.push_back(name);
    return {};
  }

  // Whether it is the job's, or becomes so.
  Result<bool> claim(std::string name) {
    if (claim_ == Claim::preview) return true;
    std::ranges::replace(name, '/', '_');
    const std::string path = settings_.devices_dir + "/" + name;
    if (claim_ == Claim::join) {
      const Result<Bytes> owner = read_file(path, kMaxClaimBytes);
      return owner.ok() && *owner == job_;
    }
    TRY(make_directories(settings_.devices_dir, 0700));
    UniqueFd file = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return false;
      return os_error("lock " + path);
    }
    if (::ftruncate(file.get(), 0) != 0) return os_error(path);
    TRY(write_all(file.get(), job_, path));
    choice_.locks.push_back(std::move(file));
    return true;
  }

  const ShepherdSettings& settings_;
  Claim claim_;
  std::string job_;
  Described all_;
  DeviceChoice choice_;
};

}  // namespace

Result<DeviceChoice> choose_devices(const StepLaunch& launch, const ShepherdSettings& settings,
                                    Claim claim) {
  if (launch.spec.devices.empty() && (launch.held.gres.empty() || settings.devices.gres.empty())) {
    return DeviceChoice{};  // most jobs: nothing is read
  }
  Chooser chooser(launch, settings, claim);
  for (const GresCount& gres : launch.held.gres) TRY(chooser.add_gres(gres));
  for (const std::string& name : launch.spec.devices) TRY(chooser.add_named(name));
  return chooser.take();
}

std::vector<container::DeviceRule> rules_of(const CdiEdits& edits) {
  std::vector<container::DeviceRule> rules;
  for (const CdiNode& node : edits.nodes) {
    // "m": its node is made by a process that is in the group already.
    std::string access = node.access;
    if (access.find('m') == std::string::npos) access += 'm';
    rules.push_back(
        {.type = node.type, .major = node.major, .minor = node.minor, .access = access});
  }
  return rules;
}

Result<std::vector<GresCount>> count_gres(const DeviceSettings& settings) {
  const Described all = settings.gres.empty() ? Described{} : read_descriptions(settings);
  std::vector<GresCount> counts;
  for (const GresDevices& devices : settings.gres) {
    const auto kind = all.kinds.find(devices.kind);
    if (kind == all.kinds.end()) continue;
    const size_t count = kind->second.devices.size();
    if (count > 0) counts.push_back({devices.gres, devices.type, count});
  }
  if (counts.empty() && !settings.gres.empty() && !all.complaints.empty()) {
    return Error{ErrorCode::invalid, "gres_devices" + all.complaints};
  }
  return counts;
}

}  // namespace gd::agent

#include "server/agent/step_receipt.h"

#include "base/image_name.h"
#include "base/text.h"

namespace gd::agent {
namespace {

std::string mib(uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

std::string limits_text(const StepLaunch& launch, const ShepherdSettings& settings,
                        const container::LaunchPlan& plan, const Processors& processors) {
  std::string text = "limits: cpus " + std::to_string(launch.held.cpus);
  if (!processors.empty()) text += " (" + format_processors(processors) + ")";
  if (launch.held.memory_mib > 0) {
    text += ", memory " + std::to_string(launch.held.memory_mib) + " MiB";
  }
  text += ", processes " + std::to_string(settings.pids_max);
  if (plan.root_access == container::Access::read_write) {
    text += plan.layer.empty()
                ? ", writable layer " + mib(plan.writable_bytes)
                : ", writable layer kept as container " + launch.spec.image.container;
  }
  return text + ", /tmp " + mib(plan.tmp_bytes) + ", /dev/shm " + mib(plan.shm_bytes);
}

std::string mount_text(const container::MountSpec& mount) {
  std::string text = "mount " + mount.target;
  text += mount.access == container::Access::read_only ? " ro" : " rw";
  if (mount.no_exec) text += " noexec";
  return mount.why.empty() ? text : text + ": " + mount.why;
}

}  // namespace

Receipt receipt_of(const StepLaunch& launch, const ShepherdSettings& settings,
                   const container::LaunchPlan& plan, const image::StoredImage* stored,
                   const Processors& processors) {
  Receipt receipt;
  const std::string& asked = launch.spec.image.name;
  receipt.image = asked.empty() ? settings.default_image : asked;
  const Result<ImageName> name = parse_image_name(receipt.image);
  if (name.ok()) receipt.image = render(*name);
  if (stored != nullptr) receipt.digest = stored->digest;
  receipt.facts.push_back("node " + settings.node + ", engine " +
                          (launch.engine.empty() ? "native" : launch.engine));
  const bool root = plan.root_mode == container::RootMode::root_inside;
  receipt.facts.push_back("user " + plan.identity.user + " (" + std::to_string(plan.identity.uid) +
                          ")" + (root ? ", root inside" : ""));
  receipt.facts.push_back(limits_text(launch, settings, plan, processors));
  receipt.facts.push_back(
      std::string("network: ") +
      (plan.network == container::Network::host ? "the node's" : "none") +
      (plan.root_access == container::Access::read_only ? "; root sealed" : "; root writable"));
  for (const container::DeviceSpec& device : plan.devices) {
    receipt.facts.push_back("device " + device.path + ": " + device.why);
  }
  for (const container::MountSpec& mount : plan.mounts) {
    receipt.facts.push_back(mount_text(mount));
  }
  return bounded(std::move(receipt));
}

}  // namespace gd::agent

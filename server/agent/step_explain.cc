#include "server/agent/step_explain.h"

#include <fcntl.h>

#include <algorithm>
#include <iterator>

#include "base/image_name.h"
#include "base/text.h"
#include "proto/step_name.h"
#include "server/agent/image_stamp.h"
#include "server/agent/step_devices.h"
#include "server/agent/step_engine.h"
#include "server/agent/step_image.h"
#include "server/agent/step_plan.h"
#include "server/container/cgroup.h"
#include "server/container/explain.h"

namespace gd::agent {
namespace {

using container::Identity;

// Stands for the tree of an image that is not here yet: it has none of the files of one.
std::string empty_folder(const ShepherdSettings& settings) {
  return settings.file.substr(0, settings.file.rfind('/'));
}

// The image of a step, from the store or as it would lie there.
Result<std::optional<image::StoredImage>> find_image(const StepLaunch& launch,
                                                     const ShepherdSettings& settings,
                                                     const Identity& identity,
                                                     std::vector<std::string>& lines) {
  const ImageSpec& asked = launch.spec.image;
  const ImageName name =
      TRY(parse_image_name(asked.name.empty() ? settings.default_image : asked.name));
  const std::string text = render(name);
  if (!is_stored(name)) {
    lines.push_back("image " + text +
                    (name.source == ImageSource::host ? ": the system of this node"
                                                      : ": a directory of this node"));
    return std::optional<image::StoredImage>{};
  }
  TRY(check_allowed(name, settings.images));
  const std::string stamp = TRY(image_stamp(name, identity));
  std::optional<image::StoredImage> found =
      TRY(find_stored(settings, name, asked.digest, identity.uid, stamp));
  if (found) {
    lines.push_back("image " + text + ": " + found->digest + ", in the store of this node");
    return found;
  }
  lines.push_back("image " + text + (asked.digest.empty() ? "" : ", only as " + asked.digest) +
                  ": not on this node yet, fetched when the job starts; what it says of "
                  "environment, folder and entrypoint is not in these lines");
  image::StoredImage later;
  later.tree = empty_folder(settings);
  return std::optional<image::StoredImage>{std::move(later)};
}

void add_groups(const StepLaunch& launch, const ShepherdSettings& settings,
                const container::Tree& tree, const container::CdiEdits& devices,
                std::vector<std::string>& lines) {
  const std::string below = "/job_ID.LAUNCH/" + step_name(launch.step);
  const container::CgroupPaths& base = tree.base();
  if (!base.unified.empty()) lines.push_back("control group " + base.unified + below);
  for (const auto& [controller, path] : base.v1) {
    lines.push_back("control group " + path + below + " (" + controller + ")");
  }
  container::CgroupLimits limits = limits_of(launch, settings);
  std::ranges::move(rules_of(devices), std::back_inserter(*limits.devices));
  for (std::string& line : container::explain(limits)) {
    lines.push_back(std::move(line));
  }
}

Result<void> add_plan(const StepLaunch& launch, const ShepherdSettings& settings, Identity identity,
                      const image::StoredImage* stored, Explanation& told) {
  const container::Tree tree = TRY(container::Tree::discover(settings.cgroup_root));
  const Result<DeviceChoice> devices = choose_devices(launch, settings, Claim::preview);
  if (!devices.ok()) told.refusals.push_back(devices.error().text);
  StepHoldings holdings;
  if (devices.ok()) holdings.devices = devices->edits;
  PreparedStep step =
      TRY(plan_step(launch, settings, std::move(identity), stored, holdings, &told.refusals));
  UniqueFd groups;
  if (tree.mode() == container::CgroupMode::v2) {
    groups = TRY(open_file(tree.base().unified, O_PATH | O_DIRECTORY));
    step.plan.cgroup.unified_fd = groups.get();
  }
  TRY(container::validate(step.plan));
  const std::string stand_in = "root: " + empty_folder(settings) + " ";
  for (std::string& line : TRY(container::explain(step.plan))) {
    if (line.starts_with(stand_in)) line.replace(0, stand_in.size(), "root: the image's tree ");
    told.lines.push_back(std::move(line));
  }
  add_groups(launch, settings, tree, holdings.devices, told.lines);
  for (const std::string& warning : step.warnings) told.lines.push_back("warning " + warning);
  return {};
}

}  // namespace

Result<Explanation> explain_step(StepLaunch launch, const ShepherdSettings& settings) {
  TRY(hold_to_container(launch, settings));
  Explanation told;
  const Identity identity = TRY(identify(launch));
  // Its files are there at a launch; what stands in them is made then.
  launch.job_key = launch.job_secret = "(made at the launch)";
  told.lines.push_back("node " + settings.node + ", partition " + launch.partition + ", engine " +
                       (launch.engine.empty() ? "native" : launch.engine));
  const auto engine = engine_of(launch, settings);
  if (!engine.ok()) told.refusals.push_back(engine.error().text);
  const Result<std::optional<image::StoredImage>> found =
      find_image(launch, settings, identity, told.lines);
  if (!found.ok()) {
    told.refusals.push_back(found.error().text);
    return told;
  }
  const image::StoredImage* stored = *found ? &**found : nullptr;
  const Result<void> planned = add_plan(launch, settings, identity, stored, told);
  if (!planned.ok()) told.refusals.push_back(planned.error().text);
  return told;
}

}  // namespace gd::agent

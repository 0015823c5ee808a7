#include "server/agent/inside.h"

#include <algorithm>

#include "base/text.h"
#include "proto/paths.h"

namespace gd::agent {
namespace {

bool has_key(const StepLaunch& launch, const ShepherdSettings& settings) {
  return !launch.job_key.empty() && !settings.controller_key.empty();
}

// The form is told in cmd/login_client.h.
std::string key_text(const StepLaunch& launch, const ShepherdSettings& settings) {
  return launch.job_key + " " + launch.job_secret + "\n" + settings.controller + " " +
         settings.controller_key + " job " + std::to_string(launch.job.value) + "\n";
}

std::string config_text(const StepLaunch& launch, const ShepherdSettings& settings) {
  return "# For gd's commands in this job.\ncluster = " + launch.cluster +
         "\ncontroller = " + settings.controller + "\ncontroller_key = " + kInsideControllerKey +
         "\n";
}

}  // namespace

std::vector<container::FileSpec> inside_files(const StepLaunch& launch,
                                              const ShepherdSettings& settings) {
  using Owner = container::FileSpec::Owner;
  std::vector<container::FileSpec> files;
  if (!has_key(launch, settings)) return files;
  files.push_back({kInsideConfig, config_text(launch, settings), 0644, Owner::image_root});
  files.push_back({kInsideControllerKey, settings.controller_key + "\n", 0644, Owner::image_root});
  files.push_back({kInsideKey, key_text(launch, settings), 0600, Owner::user});
  return files;
}

std::optional<container::MountSpec> inside_client(const ShepherdSettings& settings) {
  if (settings.client_dir.empty()) return std::nullopt;
  return container::MountSpec{.source = settings.client_dir,
                              .target = kInsideClient,
                              .access = container::Access::read_only,
                              .why = "gd's own commands"};
}

void set_inside(Environment& env, const StepLaunch& launch, const ShepherdSettings& settings) {
  env.erase(kKeyVariable);
  if (has_key(launch, settings)) {
    env[kKeyVariable] = kInsideKey;
    env[kConfigVariable] = kInsideConfig;
  }
  if (settings.client_dir.empty()) return;
  std::string& path = env["PATH"];
  const std::vector<std::string_view> folders = split(path, ':');
  if (std::ranges::find(folders, kInsideClient) != folders.end()) return;
  if (!path.empty()) path += ':';
  path += kInsideClient;
}

}  // namespace gd::agent

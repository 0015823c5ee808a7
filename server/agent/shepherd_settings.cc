#include "server/agent/shepherd_settings.h"

#include "base/text.h"

namespace gd::agent {
namespace {

void line(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out.append(key).append(" ").append(value).append("\n");
}

Result<void> take(ShepherdSettings& settings, std::string_view key, const std::string& value) {
  if (key == "node") settings.node = value;
  if (key == "cgroup_root") settings.cgroup_root = value;
  if (key == "subid_start") settings.subid_start = TRY(parse_number<uint32_t>(value));
  if (key == "subid_count") settings.subid_count = TRY(parse_number<uint32_t>(value));
  if (key == "seccomp_file") settings.seccomp_file = value;
  if (key == "default_image") settings.default_image = value;
  if (key == "image_prefix") settings.image_prefixes.push_back(value);
  if (key == "mount_prefix") settings.mount_prefixes.push_back(value);
  if (key == "volume") settings.volumes.push_back(TRY(parse_volume_line(value)));
  if (key == "pids_max") settings.pids_max = TRY(parse_number<uint32_t>(value, 1));
  if (key == "writable_mib") settings.writable_mib = TRY(parse_number<uint64_t>(value));
  if (key == "tmp_mib") settings.tmp_mib = TRY(parse_number<uint64_t>(value));
  if (key == "shm_mib") settings.shm_mib = TRY(parse_number<uint64_t>(value));
  ImageRules& images = settings.images;
  if (key == "image_dir") images.folder = value;
  if (key == "image_allow") images.allow.push_back(value);
  if (key == "image_deny") images.deny.push_back(value);
  if (key == "image_plain_http") images.plain_http.push_back(value);
  if (key == "image_mirror") images.mirrors.push_back(value);
  if (key == "image_timeout_s") images.timeout = Seconds(TRY(parse_number<uint32_t>(value, 1)));
  ContainerSettings& containers = settings.containers;
  if (key == "container_dir") containers.root = value;
  if (key == "container_keep_s") {
    containers.keep = Seconds(TRY(parse_number<uint32_t>(value, 1)));
  }
  if (key == "save_timeout_s")
    settings.save_timeout = Seconds(TRY(parse_number<uint32_t>(value, 1)));
  if (key == "save_size_mib") settings.save_size_mib = TRY(parse_number<uint64_t>(value, 1));
  if (key == "container_quota_mib") containers.quota_mib = TRY(parse_number<uint64_t>(value));
  if (key == "job_dir") settings.job_dirs.root = value;
  if (key == "job_dir_keep_s") {
    settings.job_dirs.keep = Seconds(TRY(parse_number<uint32_t>(value, 1)));
  }
  if (key == "job_dir_quota_mib") settings.job_dirs.quota_mib = TRY(parse_number<uint64_t>(value));
  if (key == "cdi_dir") settings.devices.cdi_dirs.push_back(value);
  if (key == "gres_devices") settings.devices.gres.push_back(TRY(parse_gres_devices(value)));
  if (key == "device_allow") settings.devices.allow.push_back(value);
  if (key == "devices_dir") settings.devices_dir = value;
  if (key == "core") settings.cores.push_back(TRY(parse_core(value)));
  if (key == "processors_file") settings.processors_file = value;
  if (key == "steps_dir") settings.steps_dir = value;
  if (key == "store_program") settings.store_program = value;
  if (key == "screen_program") settings.screen_program = value;
  if (key == "init_program") settings.init_program = value;
  if (key == "controller") settings.controller = value;
  if (key == "controller_key") settings.controller_key = value;
  if (key == "client_dir") settings.client_dir = value;
  if (key == "sample_interval_s") {
    settings.sample_interval = Seconds(TRY(parse_number<uint32_t>(value, 1)));
  }
  if (key == "append_output") settings.append_output = value == "yes";
  return {};
}

}  // namespace

std::string render(const ShepherdSettings& settings) {
  std::string out;
  line(out, "node", settings.node);
  line(out, "cgroup_root", settings.cgroup_root.value_or(""));
  line(out, "subid_start", std::to_string(settings.subid_start));
  line(out, "subid_count", std::to_string(settings.subid_count));
  line(out, "seccomp_file", settings.seccomp_file);
  line(out, "default_image", settings.default_image);
  for (const std::string& prefix : settings.image_prefixes) line(out, "image_prefix", prefix);
  for (const std::string& prefix : settings.mount_prefixes) line(out, "mount_prefix", prefix);
  for (const Volume& volume : settings.volumes) line(out, "volume", volume_line(volume));
  line(out, "pids_max", std::to_string(settings.pids_max));
  line(out, "writable_mib", std::to_string(settings.writable_mib));
  line(out, "tmp_mib", std::to_string(settings.tmp_mib));
  line(out, "shm_mib", std::to_string(settings.shm_mib));
  const ImageRules& images = settings.images;
  line(out, "image_dir", images.folder);
  for (const std::string& pattern : images.allow) line(out, "image_allow", pattern);
  for (const std::string& pattern : images.deny) line(out, "image_deny", pattern);
  for (const std::string& registry : images.plain_http) line(out, "image_plain_http", registry);
  for (const std::string& mirror : images.mirrors) line(out, "image_mirror", mirror);
  line(out, "image_timeout_s", std::to_string(images.timeout.count()));
  line(out, "save_timeout_s", std::to_string(settings.save_timeout.count()));
  line(out, "save_size_mib", std::to_string(settings.save_size_mib));
  if (const ContainerSettings& containers = settings.containers; !containers.root.empty()) {
    line(out, "container_dir", containers.root);
    line(out, "container_keep_s", std::to_string(containers.keep.count()));
    line(out, "container_quota_mib", std::to_string(containers.quota_mib));
  }
  if (const JobDirSettings& dirs = settings.job_dirs; !dirs.root.empty()) {
    line(out, "job_dir", dirs.root);
    line(out, "job_dir_keep_s", std::to_string(dirs.keep.count()));
    line(out, "job_dir_quota_mib", std::to_string(dirs.quota_mib));
  }
  for (const std::string& dir : settings.devices.cdi_dirs) line(out, "cdi_dir", dir);
  for (const GresDevices& gres : settings.devices.gres) line(out, "gres_devices", render(gres));
  for (const std::string& name : settings.devices.allow) line(out, "device_allow", name);
  line(out, "devices_dir", settings.devices_dir);
  for (const Core& core : settings.cores) line(out, "core", format_core(core));
  line(out, "processors_file", settings.processors_file);
  line(out, "steps_dir", settings.steps_dir);
  line(out, "store_program", settings.store_program);
  line(out, "screen_program", settings.screen_program);
  line(out, "init_program", settings.init_program);
  line(out, "controller", settings.controller);
  line(out, "controller_key", settings.controller_key);
  line(out, "client_dir", settings.client_dir);
  line(out, "sample_interval_s", std::to_string(settings.sample_interval.count()));
  line(out, "append_output", settings.append_output ? "yes" : "no");
  return out;
}

Result<ShepherdSettings> parse_shepherd_settings(std::string_view text) {
  ShepherdSettings settings;
  for (const std::string_view entry : split(text, '\n')) {
    const size_t blank = entry.find(' ');
    if (blank == std::string_view::npos) continue;
    const std::string_view key = entry.substr(0, blank);
    Result<void> taken = take(settings, key, std::string(entry.substr(blank + 1)));
    if (!taken.ok()) return std::move(taken).error().in(key);
  }
  return settings;
}

}  // namespace gd::agent

// gdnoded: the agent of a node.
//
//   gdnoded [--config FILE] [--foreground]    runs; the log goes to standard error or log_file
//   gdnoded [--config FILE] --join TOKEN      joins the cluster that the token names, and ends
//
// Root, since it starts containers for users. Everything else is in the parts that this
// file puts together, in the order in which they need each other.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "base/descriptor_limit.h"
#include "base/log.h"
#include "base/process.h"
#include "proto/paths.h"
#include "server/agent/agent.h"
#include "server/agent/inventory.h"
#include "server/agent/shepherd_settings.h"
#include "server/agent/step_devices.h"
#include "server/container/seccomp.h"

namespace gd::agent {
namespace {

struct Arguments {
  std::string config = config_path();
  std::string token;
};

Result<Arguments> parse(const std::vector<std::string_view>& words) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool more = i + 1 < words.size();
    if (words[i] == "--config" && more) {
      arguments.config = words[++i];
    } else if (words[i].starts_with("--config=")) {
      arguments.config = words[i].substr(9);
    } else if (words[i] == "--join" && more) {
      arguments.token = words[++i];
    } else if (words[i] != "--foreground") {  // it always stays there
      return Error{ErrorCode::usage, "unexpected argument '" + std::string(words[i]) +
                                         "'; expected [--config FILE] [--join TOKEN]"};
    }
  }
  return arguments;
}

Result<void> join(const Settings& settings, const std::string& token) {
  const std::string node = node_name(settings.agent);
  const std::string cluster = TRY(join_cluster(token, node, settings.agent.spool_dir));
  std::printf("node %s has joined cluster %s\n", node.c_str(), cluster.c_str());
  return {};
}

Result<std::string> own_folder() {
  std::array<char, 4096> path;
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length < 0) return os_error("readlink /proc/self/exe");
  const std::string self(path.data(), static_cast<size_t>(length));
  return self.substr(0, self.rfind('/'));
}

// The commands that are bound into containers: as installed, unless the configuration says
// where. A node without them still runs jobs, whose images must then bring their own.
Result<std::string> client_folder(const AgentSettings& settings) {
  std::string folder = settings.client_dir;
  if (folder.empty()) {
    folder = TRY(own_folder());
    folder = folder.substr(0, folder.rfind('/')) + "/libexec/gd/client";
  }
  if (::access((folder + "/gd").c_str(), X_OK) == 0) return folder;
  if (!settings.client_dir.empty()) return os_error("client_dir: " + folder + "/gd");
  log_notice("no_client_folder", {{"folder", folder}});
  return std::string();
}

// The dear part of a container is done once, here: the filter as bytes in a file.
Result<std::string> prepare_shepherds(const Settings& all, const std::string& node,
                                      const NodeIdentity& identity) {
  const AgentSettings& settings = all.agent;
  const std::string program = TRY(container::build_seccomp(container::SeccompProfile::standard));
  const std::string filter = settings.spool_dir + "/seccomp";
  TRY(replace_file(filter, program, 0600));
  ShepherdSettings shepherd;
  shepherd.node = node;
  if (settings.cgroup != "gd") shepherd.cgroup_root = settings.cgroup;
  shepherd.subid_start = settings.subid_base;
  shepherd.subid_count = settings.subid_count;
  shepherd.seccomp_file = filter;
  shepherd.image_prefixes = settings.image_prefixes;
  shepherd.mount_prefixes = settings.mount_prefixes;
  shepherd.volumes = TRY(load_volumes(all.file));
  shepherd.pids_max = settings.max_processes;
  shepherd.writable_mib = settings.writable_size_mib;
  shepherd.tmp_mib = settings.tmp_size_mib;
  shepherd.shm_mib = settings.shm_size_mib;
  shepherd.sample_interval = settings.sample_interval;
  shepherd.init_program = TRY(own_folder()) + "/gdinit";
  shepherd.controller = identity.controller;
  shepherd.controller_key = identity.controller_key;
  shepherd.client_dir = TRY(client_folder(settings));
  shepherd.images = {.folder = settings.image_dir,
                     .allow = settings.image_allow,
                     .deny = settings.image_deny,
                     .plain_http = settings.image_plain_http,
                     .mirrors = settings.image_mirrors,
                     .timeout = settings.image_timeout};
  if (shepherd.images.folder.empty()) shepherd.images.folder = settings.spool_dir + "/images";
  shepherd.save_timeout = settings.save_timeout;
  shepherd.save_size_mib = settings.save_size_mib;
  shepherd.containers = {.root = shepherd.images.folder + "/containers",
                         .keep = settings.container_keep,
                         .quota_mib = settings.container_quota_mib};
  shepherd.job_dirs = {.root = settings.job_dir,
                       .keep = settings.job_dir_keep,
                       .quota_mib = settings.job_dir_quota_mib};
  shepherd.devices = TRY(load_device_settings(all.file));
  shepherd.devices_dir = settings.spool_dir + "/devices";
  if (settings.bind_processors) {
    shepherd.cores = cores_for_jobs(settings, read_cores(kProcessorFolder, usable_processors()));
  }
  shepherd.processors_file = settings.spool_dir + "/processors";
  shepherd.steps_dir = settings.spool_dir + "/jobs";
  shepherd.store_program = TRY(own_folder()) + "/gdstore";
  shepherd.screen_program = TRY(own_folder()) + "/gdscreen";
  const std::string path = settings.spool_dir + "/shepherd.conf";
  TRY(replace_file(path, render(shepherd), 0600));
  return path;
}

std::string controller_of(const Settings& settings, const NodeIdentity& identity) {
  for (const SettingValue& value : settings.values) {
    if (value.section.empty() && value.key == "controller" && !value.is_default) {
      return settings.controller.controller;  // it has moved since this node joined
    }
  }
  return identity.controller;
}

std::string stream_address(const AgentSettings& settings, const std::string& node,
                           const std::string& endpoint) {
  const std::string port = endpoint.substr(endpoint.rfind(':') + 1);
  if (settings.address.empty()) return node + ":" + port;
  const bool has_port =
      settings.address.rfind(':') != std::string::npos && !settings.address.ends_with(']');
  return has_port ? settings.address : settings.address + ":" + port;
}

Result<void> run(const Settings& settings) {
  if (::geteuid() != 0) return Error{ErrorCode::denied, "gdnoded starts containers: it needs root"};
  const AgentSettings& own = settings.agent;
  raise_descriptor_limit();
  ::signal(SIGPIPE, SIG_IGN);
  AgentParts parts;
  parts.identity = TRY(load_identity(own.spool_dir));
  parts.identity.controller = controller_of(settings, parts.identity);

  std::optional<std::string> cgroup_root;
  if (own.cgroup != "gd") cgroup_root = own.cgroup;
  container::Tree tree = TRY(container::Tree::discover(cgroup_root));
  for (const std::string& warning : tree.warnings()) log_notice("cgroup", {{"text", warning}});
  parts.info = TRY(take_inventory(own, container::cgroup_mode_name(tree.mode())));
  parts.info.total.gres = TRY(count_gres(TRY(load_device_settings(settings.file))));
  normalise(parts.info.total);
  ShepherdPaths paths{.program = TRY(own_folder()) + "/gdshep",
                      .settings = TRY(prepare_shepherds(settings, parts.info.name, parts.identity)),
                      .jobs_dir = own.spool_dir + "/jobs",
                      .boot_id = parts.info.boot_id};
  const SpoolFindings findings =
      TRY(examine_spool(paths.jobs_dir, paths.boot_id, SystemClock().now()));
  for (const std::string& group : TRY(sweep_groups(tree, findings.living))) {
    log_notice("swept", {{"group", group}});
  }

  parts.poller = TRY(Poller::create());
  Agent* agent_ptr = nullptr;
  TRY(parts.poller->handle_signals({SIGTERM, SIGINT}, [&](int) {
    if (agent_ptr != nullptr) agent_ptr->stop();
  }));
  parts.context = std::make_unique<SocketContext>();
  parts.zap = std::make_unique<ZapHandler>(
      *parts.context, [](const std::string& key, const std::string& address) {
        return std::optional<Peer>{{.public_key = key, .address = address}};
      });
  const HostPort listen = TRY(parse_host_port(own.listen, kDefaultStreamPort));
  ServerSocket streams =
      TRY(ServerSocket::bind(*parts.context, tcp_endpoint(listen), parts.identity.keys));
  parts.info.stream_address = stream_address(own, parts.info.name, streams.endpoint());
  parts.info.stream_key = parts.identity.keys.public_key;
  const HostPort controller = TRY(parse_host_port(parts.identity.controller, kDefaultPort));
  ClientSocket socket =
      TRY(ClientSocket::connect(*parts.context, tcp_endpoint(controller),
                                parts.identity.controller_key, parts.identity.keys));
  parts.images = TRY(ImagePort::create(
      *parts.poller, {.socket = settings.controller.run_dir + "/" + kImageSocketName,
                      .program = TRY(own_folder()) + "/gdstore",
                      .settings = paths.settings,
                      .keep_mib = own.image_size_mib}));
  parts.fetcher =
      std::make_unique<ImageFetcher>(*parts.poller, TRY(own_folder()) + "/gdstore", paths.settings);
  if (own.enrol) {
    parts.voucher = TRY(Voucher::create(
        *parts.poller, settings.controller.run_dir, parts.identity.controller,
        parts.identity.controller_key, [&](uint64_t tag, const EnrolRequest& request) {
          return agent_ptr != nullptr && agent_ptr->enrol(tag, request);
        }));
  }
  Agent agent(std::move(parts), std::move(socket), std::move(streams), std::move(paths),
              std::move(tree));
  agent_ptr = &agent;
  agent.restore(findings);
  log_info("ready", {{"node", node_name(own)}});
  const Result<void> done = agent.run();
  agent_ptr = nullptr;
  return done;
}

Result<void> run_main(int argc, char** argv) {
  const Arguments arguments = TRY(parse({argv + 1, argv + argc}));
  const Settings settings = TRY(load_settings(arguments.config));
  if (!arguments.token.empty()) return join(settings, arguments.token);
  const ControllerSettings& log = settings.controller;
  if (log.log_file.empty()) {
    log_to_stderr(log.log_level);
  } else {
    TRY(log_to_file(log.log_file, log.log_level));
  }
  return run(settings);
}

}  // namespace
}  // namespace gd::agent

int main(int argc, char** argv) {
  const gd::Result<void> done = gd::agent::run_main(argc, argv);
  if (done.ok()) return 0;
  std::fprintf(stderr, "gdnoded: %s\n", done.error().text.c_str());
  return done.error().code == gd::ErrorCode::usage ? 2 : 1;
}

// What gdnoded decides once for all shepherds of a node, as a small text file: a shepherd
// reads it at its start instead of the whole configuration.
//
//   key value            one a line; a key that is a list stands on several lines
//
// Written by one version of gdnoded for shepherds of the same version; unknown keys are
// skipped, so that an older shepherd is no trouble.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proto/device_settings.h"
#include "proto/volume.h"
#include "server/agent/image_rules.h"
#include "server/agent/job_dirs.h"
#include "server/agent/kept_containers.h"
#include "server/agent/processors.h"

namespace gd::agent {

struct ShepherdSettings {
  std::string file;                        // where these were read; not in it
  std::string node;                        // as the controller knows it
  std::optional<std::string> cgroup_root;  // nothing: found by the container library
  uint32_t subid_start = 2000000000;
  uint32_t subid_count = 65536;
  std::string seccomp_file;  // program of the node's profile; empty: no filter
  std::string default_image = "host";
  std::vector<std::string> image_prefixes;  // folders below these may be images
  std::vector<std::string> mount_prefixes;  // sources of users' own mounts lie below these
  std::vector<Volume> volumes;
  uint32_t pids_max = 16384;     // processes and threads of one job
  uint64_t writable_mib = 1024;  // a job's layer over its image
  uint64_t tmp_mib = 1024;
  uint64_t shm_mib = 1024;
  std::string init_program;    // gdinit, for engines that need it
  std::string controller;      // HOST:PORT, as this node reaches it
  std::string controller_key;  // its public key
  std::string client_dir;      // gd's commands for inside of containers; empty: there are none
  ImageRules images;
  ContainerSettings containers;
  Seconds save_timeout{1800};  // of --container-save
  uint64_t save_size_mib = uint64_t{64} << 10;
  JobDirSettings job_dirs;
  DeviceSettings devices;
  std::string devices_dir;      // whose job has which: step_devices.h
  std::vector<Core> cores;      // that jobs get processors of; none: all jobs use all
  std::string processors_file;  // who has which: processor_claim.h
  std::string steps_dir;        // of the folders of this node's steps
  std::string store_program;    // gdstore
  std::string screen_program;   // gdscreen; empty: nobody keeps what terminals show
  Seconds sample_interval{5};   // between readings of what a step uses
  bool append_output = false;   // open mode of output files unless the job says
  bool operator==(const ShepherdSettings&) const = default;
};

std::string render(const ShepherdSettings& settings);
Result<ShepherdSettings> parse_shepherd_settings(std::string_view text);

}  // namespace gd::agent

#include "server/agent/inventory.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include "base/process.h"
#include "base/text.h"
#include "server/agent/affinity.h"

#ifndef GD_VERSION
#error "the build names the version"
#endif

namespace gd::agent {
namespace {

uint32_t found_cpus() {
  return std::max<uint32_t>(1, static_cast<uint32_t>(usable_processors().size()));
}

uint32_t number_in(const std::string& file, uint32_t otherwise) {
  const Result<Bytes> text = read_file(file);
  if (!text.ok()) return otherwise;
  const Result<uint32_t> number = parse_number<uint32_t>(trim(*text));
  return number.ok() ? *number : otherwise;
}

uint64_t value_of(std::string_view line) {
  const std::vector<std::string_view> words = split_words(line);
  if (words.size() < 2) return 0;
  const Result<uint64_t> kib = parse_number<uint64_t>(words[1]);
  return kib.ok() ? *kib / 1024 : 0;
}

std::string after_colon(std::string_view line) {
  const size_t colon = line.find(':');
  return colon == std::string_view::npos ? "" : std::string(trim(line.substr(colon + 1)));
}

uint64_t temporary_mib() {
  struct statvfs about {};
  if (::statvfs("/tmp", &about) != 0) return 0;
  return about.f_blocks * about.f_frsize >> 20;
}

}  // namespace

std::string node_name(const AgentSettings& settings) {
  if (!settings.name.empty()) return settings.name;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) return "localhost";
  const std::string name(host.data());
  return name.substr(0, name.find('.'));
}

Processors usable_processors() {
  Result<Processors> all = affinity_of(0);  // cpusets are in it already
  return all.ok() ? std::move(all).take() : Processors{0};
}

std::vector<Core> read_cores(const std::string& folder, const Processors& usable) {
  std::vector<Core> cores;
  std::map<std::pair<uint32_t, uint32_t>, size_t> places;  // by socket and core
  for (const uint32_t one : usable) {
    const std::string topology = folder + "/cpu" + std::to_string(one) + "/topology/";
    const uint32_t socket = number_in(topology + "physical_package_id", 0);
    const uint32_t number = number_in(topology + "core_id", kMostProcessors + one);
    const auto [place, fresh] = places.try_emplace({socket, number}, cores.size());
    if (fresh) cores.push_back({socket, {}});
    cores[place->second].threads.push_back(one);
  }
  return cores;
}

std::vector<Core> cores_for_jobs(const AgentSettings& settings, std::vector<Core> all) {
  size_t found = 0;
  for (const Core& core : all) found += core.threads.size();
  if (settings.cpus > found) return {};
  size_t kept = settings.reserved_cpus;
  for (Core& core : all) {
    const size_t most = std::min(kept, core.threads.size());
    core.threads.erase(core.threads.begin(), core.threads.begin() + static_cast<long>(most));
    kept -= most;
  }
  std::erase_if(all, [](const Core& core) { return core.threads.empty(); });
  return all;
}

CpuLayout parse_cpu_layout(std::string_view cpuinfo) {
  std::set<std::string> packages;
  std::set<std::pair<std::string, std::string>> cores;
  uint32_t processors = 0;
  std::string package;
  for (const std::string_view line : split(cpuinfo, '\n')) {
    if (line.starts_with("processor")) ++processors;
    if (line.starts_with("physical id")) packages.insert(package = after_colon(line));
    if (line.starts_with("core id")) cores.insert({package, after_colon(line)});
  }
  CpuLayout layout;
  if (processors == 0 || packages.empty() || cores.empty()) {
    layout.cores_per_socket = std::max(processors, 1U);
    return layout;
  }
  layout.sockets = static_cast<uint32_t>(packages.size());
  const auto core_count = static_cast<uint32_t>(cores.size());
  layout.cores_per_socket = std::max<uint32_t>(1, core_count / layout.sockets);
  layout.threads_per_core = std::max<uint32_t>(1, processors / core_count);
  return layout;
}

Memory parse_memory(std::string_view meminfo) {
  Memory memory;
  for (const std::string_view line : split(meminfo, '\n')) {
    if (line.starts_with("MemTotal:")) memory.total_mib = value_of(line);
    if (line.starts_with("MemAvailable:")) memory.available_mib = value_of(line);
  }
  return memory;
}

Result<NodeInfo> take_inventory(const AgentSettings& settings, std::string_view cgroup) {
  NodeInfo info;
  info.name = node_name(settings);
  info.version = GD_VERSION;
  info.boot_id = TRY(boot_id());
  const uint32_t cpus = settings.cpus > 0 ? settings.cpus : found_cpus();
  info.total.cpus = cpus > settings.reserved_cpus ? cpus - settings.reserved_cpus : 1;
  const Memory memory = parse_memory(TRY(read_file("/proc/meminfo", size_t{1} << 20)));
  const uint64_t reserved = std::min(memory.total_mib, settings.reserved_memory_mib);
  info.total.memory_mib = memory.total_mib - reserved;
  const CpuLayout layout = parse_cpu_layout(TRY(read_file("/proc/cpuinfo")));
  info.sockets = layout.sockets;
  info.cores_per_socket = layout.cores_per_socket;
  info.threads_per_core = layout.threads_per_core;
  info.tmp_disk_mib = temporary_mib();
  utsname system{};
  if (::uname(&system) != 0) return os_error("uname");
  info.os = std::string(system.sysname) + " " + system.release;
  info.architecture = system.machine;
  info.features = settings.features;
  info.cgroup = cgroup;
  return info;
}

Load measure_load() {
  Load load;
  std::array<double, 1> average{};
  if (::getloadavg(average.data(), 1) == 1) load.load = average[0];
  const Result<Bytes> meminfo = read_file("/proc/meminfo", size_t{1} << 20);
  if (meminfo.ok()) load.free_memory_mib = parse_memory(*meminfo).available_mib;
  return load;
}

}  // namespace gd::agent

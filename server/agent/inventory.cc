#include "server/agent/inventory.h"

#include <sched.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "base/process.h"
#include "base/text.h"

#ifndef GD_VERSION
#error "the build names the version"
#endif

namespace gd::agent {
namespace {

uint32_t usable_cpus() {
  // The set that the kernel lets us run on: cpusets and affinity are in it already.
  constexpr int kMostCpus = 16384;
  cpu_set_t* set = CPU_ALLOC(kMostCpus);
  const size_t size = CPU_ALLOC_SIZE(kMostCpus);
  CPU_ZERO_S(size, set);
  int count = 0;
  if (::sched_getaffinity(0, size, set) == 0) count = CPU_COUNT_S(size, set);
  CPU_FREE(set);
  return static_cast<uint32_t>(std::max(count, 1));
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
  const uint32_t cpus = settings.cpus > 0 ? settings.cpus : usable_cpus();
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

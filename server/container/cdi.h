// Devices as the Container Device Interface describes them: JSON files in /etc/cdi and so on. Pure.
//
// A file has one kind, "VENDOR/CLASS", and devices of it by name; each brings nodes below /dev,
// mounts and variables, and what stands beside the devices is for all of them. Hooks are programs
// that a vendor wants run as root: they are refused, as is all else that we would not do.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gd::container {

inline constexpr size_t kMaxCdiBytes = size_t{1} << 20;  // of one file
inline constexpr size_t kMaxCdiDevices = 1024;           // of one file
inline constexpr size_t kMaxCdiEdits = 256;              // nodes, mounts, variables: each, of one

struct CdiNode {
  std::string path;       // inside, below /dev
  std::string host_path;  // of the node; its numbers are taken if none are given
  std::optional<uint32_t> major, minor;
  char type = 'c';
  std::string access = "rw";
  bool operator==(const CdiNode&) const = default;
};

struct CdiMount {
  std::string source;
  std::string target;
  bool read_only = true;
  bool operator==(const CdiMount&) const = default;
};

struct CdiEdits {
  std::vector<CdiNode> nodes;
  std::vector<CdiMount> mounts;
  std::vector<std::string> env;  // NAME=value
  bool operator==(const CdiEdits&) const = default;
};
void append(CdiEdits& to, const CdiEdits& more);

struct CdiSpec {
  std::string kind;
  CdiEdits common;
  std::map<std::string, CdiEdits> devices;
};
Result<CdiSpec> parse_cdi(std::string_view json);

}  // namespace gd::container

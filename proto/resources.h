// Amounts that a job asks for, a node has, or a running job holds.
//
// Units are in the names: memory is in MiB, as in Slurm's --mem. Gres entries
// are kept sorted by name, then type, each pair once: normalise() does that.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gd {

struct GresCount {
  std::string name;  // "gpu"
  std::string type;  // "a100", or empty: any
  uint64_t count = 0;
  auto operator<=>(const GresCount&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("name", self.name);
    field("type", self.type);
    field("count", self.count);
  }
};

struct Resources {
  uint32_t cpus = 0;
  uint64_t memory_mib = 0;
  std::vector<GresCount> gres;
  bool operator==(const Resources&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("cpus", self.cpus);
    field("mem", self.memory_mib);
    field("gres", self.gres);
  }
};

void normalise(Resources& resources);
[[nodiscard]] bool fits_in(const Resources& asked, const Resources& available);
void add(Resources& total, const Resources& amount);
void subtract(Resources& total, const Resources& amount);  // GD_CHECKs that it fits

}  // namespace gd

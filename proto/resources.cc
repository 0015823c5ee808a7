#include "proto/resources.h"

#include <algorithm>

#include "base/check.h"

namespace gd {

namespace {

bool same_kind(const GresCount& a, const GresCount& b) {
  return a.name == b.name && a.type == b.type;
}

GresCount* find(std::vector<GresCount>& list, const GresCount& wanted) {
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const GresCount& g) { return same_kind(g, wanted); });
  return found == list.end() ? nullptr : &*found;
}

// An entry without a type asks for any type of that name.
uint64_t available_of(const std::vector<GresCount>& list, const GresCount& wanted) {
  uint64_t sum = 0;
  for (const GresCount& g : list) {
    if (g.name == wanted.name && (wanted.type.empty() || g.type == wanted.type)) sum += g.count;
  }
  return sum;
}

}  // namespace

void normalise(Resources& resources) {
  std::vector<GresCount>& list = resources.gres;
  std::sort(list.begin(), list.end());
  std::vector<GresCount> merged;
  for (GresCount& g : list) {
    if (!merged.empty() && same_kind(merged.back(), g))
      merged.back().count += g.count;
    else if (g.count > 0)
      merged.push_back(std::move(g));
  }
  list = std::move(merged);
}

bool fits_in(const Resources& asked, const Resources& available) {
  return asked.cpus <= available.cpus && asked.memory_mib <= available.memory_mib &&
         std::all_of(asked.gres.begin(), asked.gres.end(), [&](const GresCount& g) {
           return g.count <= available_of(available.gres, g);
         });
}

void add(Resources& total, const Resources& amount) {
  total.cpus += amount.cpus;
  total.memory_mib += amount.memory_mib;
  for (const GresCount& g : amount.gres) {
    if (GresCount* have = find(total.gres, g))
      have->count += g.count;
    else
      total.gres.push_back(g);
  }
  if (!amount.gres.empty()) std::sort(total.gres.begin(), total.gres.end());
}

void subtract(Resources& total, const Resources& amount) {
  GD_CHECK(amount.cpus <= total.cpus, amount.cpus, total.cpus);
  GD_CHECK(amount.memory_mib <= total.memory_mib, amount.memory_mib, total.memory_mib);
  total.cpus -= amount.cpus;
  total.memory_mib -= amount.memory_mib;
  for (const GresCount& g : amount.gres) {
    GresCount* have = find(total.gres, g);
    GD_CHECK(have != nullptr && have->count >= g.count, g.name, g.type, g.count);
    have->count -= g.count;
  }
}

}  // namespace gd

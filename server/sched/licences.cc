// Who has them, and who is promised them.
#include "server/sched/licences.h"

#include <algorithm>

#include "base/check.h"

namespace gd::sched {

void Licences::configure(std::span<const LicenceLimit> all) {
  all_.clear();
  for (const LicenceLimit& one : all) all_.push_back({one.name, one.count, 0, {}});
}

std::optional<uint32_t> Licences::find(std::string_view name) const {
  for (uint32_t i = 0; i < all_.size(); ++i) {
    if (all_[i].name == name) return i;
  }
  return std::nullopt;
}

std::optional<std::vector<LicenceNeed>> Licences::resolve(std::span<const GresCount> asked,
                                                          std::string* unknown) const {
  std::vector<LicenceNeed> needs;
  for (const GresCount& one : asked) {
    const std::optional<uint32_t> index = find(one.name);
    if (!index) {
      if (unknown != nullptr) *unknown = one.name;
      return std::nullopt;
    }
    needs.push_back({*index, one.count});
  }
  return needs;
}

void Licences::hold(std::span<const LicenceNeed> needs, TimePoint until) {
  for (const LicenceNeed& need : needs) {
    all_[need.licence].used += need.count;
    all_[need.licence].holders[until] += need.count;
  }
}

void Licences::give_back(std::span<const LicenceNeed> needs, TimePoint until) {
  for (const LicenceNeed& need : needs) {
    Licence& licence = all_[need.licence];
    const auto holder = licence.holders.find(until);
    GD_CHECK(holder != licence.holders.end() && holder->second >= need.count, licence.name);
    holder->second -= need.count;
    if (holder->second == 0) licence.holders.erase(holder);
    licence.used -= need.count;
  }
}

LicencePass::LicencePass(const Licences* licences, TimePoint now) : licences_(licences), now_(now) {
  if (licences == nullptr) return;
  rows_.resize(licences->all().size());
  for (size_t i = 0; i < rows_.size(); ++i) rows_[i].free = licences->all()[i].free();
}

bool LicencePass::has_room(std::span<const LicenceNeed> needs, Seconds length) const {
  return std::all_of(needs.begin(), needs.end(), [&](const LicenceNeed& need) {
    const Row& row = rows_[need.licence];
    if (row.free < need.count) return false;
    return !row.promised || now_ + length <= *row.promised || row.spare >= need.count;
  });
}

void LicencePass::start(std::span<const LicenceNeed> needs, Seconds length) {
  for (const LicenceNeed& need : needs) {
    Row& row = rows_[need.licence];
    GD_CHECK(row.free >= need.count, need.licence, row.free, need.count);
    row.free -= need.count;
    row.started[now_ + length] += need.count;
    if (row.promised && now_ + length > *row.promised) row.spare -= need.count;
  }
}

uint64_t LicencePass::free_at(uint32_t licence, TimePoint at) const {
  const Licence& all = licences_->all()[licence];
  uint64_t out = 0;
  for (const auto& [until, count] : all.holders) out += until > at ? count : 0;
  for (const auto& [until, count] : rows_[licence].started) out += until > at ? count : 0;
  return all.total > out ? all.total - out : 0;
}

TimePoint LicencePass::earliest(std::span<const LicenceNeed> needs) const {
  TimePoint at = now_;
  for (const LicenceNeed& need : needs) {
    if (rows_[need.licence].free >= need.count) continue;
    std::map<TimePoint, uint64_t> back = licences_->all()[need.licence].holders;
    for (const auto& [until, count] : rows_[need.licence].started) back[until] += count;
    uint64_t free = rows_[need.licence].free;
    for (const auto& [until, count] : back) {
      free += count;
      at = std::max(at, until);
      if (free >= need.count) break;
    }
  }
  return at;
}

void LicencePass::promise(std::span<const LicenceNeed> needs, TimePoint at) {
  for (const LicenceNeed& need : needs) {
    Row& row = rows_[need.licence];
    if (row.promised) continue;  // to somebody before it
    row.promised = at;
    // Who is overdue has it still: what cannot be given now cannot be spared.
    const uint64_t free = at <= now_ ? row.free : free_at(need.licence, at);
    row.spare = free > need.count ? free - need.count : 0;
  }
}

}  // namespace gd::sched

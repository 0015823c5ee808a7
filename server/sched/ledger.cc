#include "server/sched/ledger.h"

#include <algorithm>

namespace gd::sched {

Rates rates_of(std::span<const Resources* const> of_nodes) {
  Rates rates{{"node", of_nodes.size()}, {"wall", 1}};
  for (const Resources* node : of_nodes) {
    rates["cpu"] += node->cpus;
    rates["mem"] += node->memory_mib;
    for (const GresCount& gres : node->gres) {
      rates["gres/" + gres.name] += gres.count;
      if (!gres.type.empty()) rates["gres/" + gres.name + ":" + gres.type] += gres.count;
    }
  }
  return rates;
}

void Ledger::charge(const UsageName& name, const Rates& held, TimePoint began, TimePoint ended) {
  Entry& entry = entries_[name];
  for (const auto& [tres, amount] : held) {
    sched::charge(entry.used[tres], amount, std::max(began, entry.since), ended, half_life_);
  }
}

void Ledger::reset(const UsageName& name, TimePoint at) {
  entries_[name] = Entry{{}, at};
}

void Ledger::restore(const UsageRecord& record) {
  Entry& entry = entries_[{{record.account, record.user}, record.qos}];
  entry = {{{"cpu", {record.cpu_seconds, record.at}}}, record.since};
  for (const UsedAmount& other : record.others) {
    entry.used[other.tres] = {other.seconds, record.at};
  }
}

UsageRecord Ledger::record_of(const UsageName& name) const {
  UsageRecord record{.account = name.share.account, .user = name.share.user, .qos = name.qos};
  const auto found = entries_.find(name);
  if (found == entries_.end()) return record;
  const Entry& entry = found->second;
  record.since = entry.since;
  for (const auto& [tres, usage] : entry.used) record.at = std::max(record.at, usage.at);
  for (const auto& [tres, usage] : entry.used) {
    const double seconds = faded(usage, record.at, half_life_);
    if (tres == "cpu")
      record.cpu_seconds = seconds;
    else
      record.others.push_back({tres, seconds});
  }
  return record;
}

TimePoint Ledger::since(const UsageName& name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? TimePoint{} : found->second.since;
}

double Ledger::cpu_seconds(const ShareName& name, TimePoint now) const {
  const auto found = entries_.find({name, ""});
  if (found == entries_.end()) return 0;
  const auto cpus = found->second.used.find("cpu");
  return cpus == found->second.used.end() ? 0 : faded(cpus->second, now, half_life_);
}

}  // namespace gd::sched

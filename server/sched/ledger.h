// What runs that have ended have used, by user of an account and by QOS. It fades by the half life,
// and begins anew when it is set back: what runs counts from then on.
//
// The one home of it: fair share and limits of minutes both reckon from here.
// Cost: charge O(log entries + kinds); the rest O(log entries).
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/clock.h"
#include "proto/resources.h"
#include "proto/usage_record.h"
#include "server/sched/fair_tree.h"

namespace gd::sched {

struct ShareName {
  std::string account;  // empty: of no account
  std::string user;
  auto operator<=>(const ShareName&) const = default;
};

struct UsageName {
  ShareName share;
  std::string qos;  // given: of all its jobs, and share is empty
  auto operator<=>(const UsageName&) const = default;
};

// What a job holds, by the names of trackable resources: "cpu", "mem" in MiB, "node",
// "gres/gpu" of any type, "gres/gpu:a100", and "wall", which is 1.
using Rates = std::map<std::string, uint64_t, std::less<>>;
Rates rates_of(std::span<const Resources* const> of_nodes);

class Ledger {
 public:
  struct Entry {
    std::map<std::string, FadingUsage, std::less<>> used;  // by trackable resource
    TimePoint since{};
  };

  void configure(Seconds half_life) { half_life_ = half_life; }
  [[nodiscard]] Seconds half_life() const { return half_life_; }

  void charge(const UsageName& name, const Rates& held, TimePoint began, TimePoint ended);
  void reset(const UsageName& name, TimePoint at);
  void restore(const UsageRecord& record);
  [[nodiscard]] UsageRecord record_of(const UsageName& name) const;

  [[nodiscard]] const std::map<UsageName, Entry>& entries() const { return entries_; }
  // From when on it counts; the beginning of time if it was never set back.
  [[nodiscard]] TimePoint since(const UsageName& name) const;
  [[nodiscard]] double cpu_seconds(const ShareName& name, TimePoint now) const;

 private:
  Seconds half_life_{7 * 24 * 3600};
  std::map<UsageName, Entry> entries_;
};

}  // namespace gd::sched

// What limits leave: for each account, user and quality of service that has one, what its jobs
// have in use, as counters; and licences, counted for the whole cluster.
//
// A claim is what limits a job: the pots of its account and those above, of its user, and of its
// QOS. Jobs of one claim and one shape are alike, so a pass asks once for all of them (their
// lane), and the answer costs a look at a handful of counters. Pots exist only where there is a
// limit: without any, every job has claim 0, which has none.
// Cost: claim_of O(log claims); room O(pots of the claim x dimensions), these are 5 and the
// kinds of gres that some limit names.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "proto/ids.h"
#include "proto/job_state.h"
#include "proto/limit_values.h"
#include "server/sched/placement.h"
#include "server/sched/shape.h"

namespace gd::sched {

using ClaimId = Id<struct ClaimTag>;

struct Owner {  // whom a job belongs to, as limits see it
  std::string account;
  std::string user;
  std::string qos = kNormalQos;
  auto operator<=>(const Owner&) const = default;
};

enum class PotKind : uint8_t { account, account_user, user, qos, qos_user, qos_account };

// Amounts by dimension: these, then the kinds of gres that limits name.
enum Dimension : uint32_t { kJobs, kSubmitted, kCpus, kMemory, kNodes, kFirstGres };
using Amounts = std::vector<uint64_t>;
inline constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

struct Pot {
  PotKind kind = PotKind::account;
  std::string name;  // of the account or QOS
  std::string user;  // of hers alone; of qos_account: the account
  Amounts limit;     // kUnlimited: none
};

struct Breach {  // the first limit that stands against a job
  Reason reason = Reason::none;
  std::string text;  // "qos short: a job may have 4 cpus, 8 are asked"
};

struct Shortage {  // of a claim: what is asked does not go into a pot any more
  uint32_t pot = 0;
  uint32_t dimension = 0;
  uint64_t used = 0;
  uint64_t asked = 0;
  uint64_t limit = 0;
};

// 0..1: its priority beside the highest of all.
double qos_factor(const LimitSettings& settings, std::string_view name);

class LimitBook {
 public:
  // Forgets all claims, pots and what was counted.
  void configure(const LimitSettings& settings);
  [[nodiscard]] const LimitSettings& settings() const { return settings_; }

  ClaimId claim_of(const Owner& owner);  // 0: nothing limits it
  [[nodiscard]] std::span<const uint32_t> pots_of(ClaimId claim) const {
    return claims_[claim.value];
  }
  [[nodiscard]] const Pot& pot(uint32_t index) const { return pots_[index]; }
  [[nodiscard]] size_t pots() const { return pots_.size(); }
  [[nodiscard]] size_t dimensions() const { return kFirstGres + gres_.size(); }
  [[nodiscard]] std::string dimension_name(uint32_t dimension) const;  // "cpu", "gres/gpu"

  // What a job asks for at least, and what it has been given. One running job each.
  [[nodiscard]] Amounts asked(const Need& need) const;
  [[nodiscard]] Amounts held(std::span<const Resources* const> of_nodes) const;
  [[nodiscard]] Amounts held(std::span<const NodeUse> uses) const;

  enum class Sign : int8_t { more = 1, less = -1 };
  void count_submitted(ClaimId claim, uint64_t jobs, Sign sign);
  void count_running(ClaimId claim, const Amounts& amounts, Sign sign);

  // All counters, by pot x dimensions() + dimension: a pass works on a copy.
  [[nodiscard]] const std::vector<uint64_t>& used() const { return used_; }
  [[nodiscard]] uint64_t used(uint32_t pot, uint32_t dimension) const {
    return used_[pot * dimensions() + dimension];
  }
  // The first pot that cannot take these amounts more, by these counters.
  [[nodiscard]] std::optional<Shortage> shortage(ClaimId claim, const Amounts& more,
                                                 std::span<const uint64_t> used) const;
  void take(ClaimId claim, const Amounts& more, std::span<uint64_t> used) const;
  [[nodiscard]] Reason reason_of(const Shortage& shortage) const;
  // The limit that so many jobs more would be over, with its use, before anything of the owner
  // has been counted.
  [[nodiscard]] std::optional<std::string> over_submit(const Owner& owner, uint64_t jobs) const;
  // "account lab: grp_tres cpu=16": whose limit it is, and which.
  [[nodiscard]] std::string limit_text(const Shortage& shortage) const;

  // Limits of one job, whatever else runs.
  [[nodiscard]] std::optional<Breach> breach(const Owner& owner, const Need& need,
                                             std::optional<Seconds> wall) const;
  // The least max_wall that holds for it: its time limit if it asks for none.
  [[nodiscard]] std::optional<Seconds> max_wall(const Owner& owner) const;

  [[nodiscard]] const QosLimits* find_qos(std::string_view name) const;  // null for "normal" too
  [[nodiscard]] const AccountLimits* find_account(std::string_view name) const;
  // Her own limits, or those of "*".
  [[nodiscard]] const UserLimits* find_user(std::string_view name) const;
  // Of a user's jobs of one account; null: none of their own.
  [[nodiscard]] const UserLimits* find_association(std::string_view account,
                                                   std::string_view user) const;
  [[nodiscard]] std::string_view default_account(std::string_view user) const;  // empty: none
  [[nodiscard]] double qos_factor(std::string_view name) const {
    return sched::qos_factor(settings_, name);
  }

 private:
  struct Each;
  [[nodiscard]] std::vector<Each> each_of(const Owner& owner) const;
  void name_gres(const TresLimits& limits);
  [[nodiscard]] Amounts limits_of(const GroupLimits& limits) const;
  struct Group {
    PotKind kind;
    std::string name;
    std::string user;
    GroupLimits limits;
  };
  [[nodiscard]] std::vector<Group> groups_of(const Owner& owner) const;
  [[nodiscard]] GroupLimits per_user_of(const AccountLimits& account,
                                        const std::string& user) const;

  LimitSettings settings_;
  std::vector<std::pair<std::string, std::string>> gres_;  // name and type, by dimension
  std::vector<Pot> pots_;
  std::map<std::tuple<PotKind, std::string, std::string>, uint32_t> by_name_;
  std::vector<std::vector<uint32_t>> claims_{{}};
  std::map<Owner, ClaimId> by_owner_;
  std::map<std::string, size_t, std::less<>> user_sections_;  // by name, in settings_.users
  std::vector<uint64_t> used_;
};

}  // namespace gd::sched

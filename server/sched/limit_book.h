// What limits leave: for each account, user and quality of service that has one, what its jobs
// have in use, as counters; and licences, counted for the whole cluster.
//
// A claim is what limits a job: the pots of its account and those above, of its user, and of its
// QOS. Jobs of one claim and one shape are alike, so a pass asks once for all of them (their
// lane), and the answer costs a look at a handful of counters. Pots exist only where there is a
// limit: without any, every job has claim 0, which has none.
// Some limits are of minutes: what a job could use until its time limit is asked of them when it
// starts, so that none has to be ended for one. Their use changes with time (spending.h), so a
// pass takes it as of its own moment, as one more amount.
// Cost: claim_of O(log claims), of a new pot with minutes O(ledger); room O(pots of the claim x
// dimensions), these are 5, the kinds of gres that some limit names, and the minutes likewise.
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
#include "server/sched/ledger.h"
#include "server/sched/placement.h"
#include "server/sched/shape.h"
#include "server/sched/spending.h"

namespace gd::sched {

using ClaimId = Id<struct ClaimTag>;

struct Owner {  // whom a job belongs to, as limits see it
  std::string account;
  std::string user;
  std::string qos = kNormalQos;
  auto operator<=>(const Owner&) const = default;
};

enum class PotKind : uint8_t { account, account_user, user, qos, qos_user, qos_account };

// Amounts by dimension: these, then the kinds of gres that limits name, then what limits name of
// minutes, in seconds.
enum Dimension : uint32_t { kJobs, kSubmitted, kCpus, kMemory, kNodes, kFirstGres };

// Minutes of what: kJobs is wall time.
struct Minutes {
  bool ahead_only = false;  // what runs may still use, without what was used
  uint32_t of = kJobs;      // a dimension
  auto operator<=>(const Minutes&) const = default;
};

// How soon a job that lacks minutes is looked at again at most, though nothing ends.
inline constexpr Seconds kMinutesEvery{60};

inline constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

struct Pot {
  PotKind kind = PotKind::account;
  std::string name;         // of the account or QOS
  std::string user;         // of hers alone; of qos_account: the account
  Amounts limit;            // kUnlimited: none
  bool of_minutes = false;  // some of it
};

struct Run {  // as far as minutes ask for it
  TimePoint began{};
  TimePoint until{};  // its time limit
  ShareName share;    // whose usage it is
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
  // Forgets all claims, pots and what was counted, but not the ledger.
  void configure(const LimitSettings& settings, Seconds half_life = Seconds{7 * 24 * 3600});
  [[nodiscard]] const LimitSettings& settings() const { return settings_; }

  ClaimId claim_of(const Owner& owner);  // 0: nothing limits it
  [[nodiscard]] std::span<const uint32_t> pots_of(ClaimId claim) const {
    return claims_[claim.value];
  }
  [[nodiscard]] const Pot& pot(uint32_t index) const { return pots_[index]; }
  [[nodiscard]] size_t pots() const { return pots_.size(); }
  [[nodiscard]] size_t dimensions() const { return first_minutes() + minutes_.size(); }
  [[nodiscard]] std::string dimension_name(uint32_t dimension) const;  // "gres/gpu", "cpu mins"
  [[nodiscard]] std::string amount_text(uint32_t dimension, uint64_t amount) const;
  [[nodiscard]] const Minutes* minutes_of(uint32_t dimension) const;  // null: of none

  // What a job asks for at least, and what it has been given; with the minutes until its limit.
  // One running job each.
  [[nodiscard]] Amounts asked(const Need& need, Seconds limit) const;
  [[nodiscard]] Amounts held(std::span<const Resources* const> of_nodes, Seconds limit) const;
  [[nodiscard]] Amounts held(std::span<const NodeUse> uses, Seconds limit) const;

  enum class Sign : int8_t { more = 1, less = -1 };
  void count_submitted(ClaimId claim, uint64_t jobs, Sign sign);
  // By what it holds, without minutes: these follow from the run.
  void count_running(ClaimId claim, const Amounts& held, const Run& run, Sign sign);
  // A run that has ended, before it is counted out: the ledger has it from then on.
  void charge(const Owner& owner, const Run& run, std::span<const Resources* const> of_nodes,
              TimePoint ended);
  // What was used is taken back. The caller counts in anew what runs: claims and pots are gone.
  void reset_usage(std::span<const UsageName> names, TimePoint at);
  void restore(const UsageRecord& usage) { ledger_.restore(usage); }  // before any claim
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }

  // All counters, by pot x dimensions() + dimension: a pass works on a copy.
  [[nodiscard]] std::vector<uint64_t> used(TimePoint now) const;
  // When a job that lacks this is to be looked at again though nothing ends; nothing: it is not.
  [[nodiscard]] std::optional<Seconds> look_again_after(const Shortage& shortage) const;
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
  void name_minutes(const GroupLimits& limits);
  void name_minutes(bool ahead_only, const TresLimits& limits);
  [[nodiscard]] uint32_t first_minutes() const {
    return kFirstGres + static_cast<uint32_t>(gres_.size());
  }
  [[nodiscard]] Amounts limits_of(const TresLimits& limits) const;
  [[nodiscard]] Amounts limits_of(const GroupLimits& limits) const;
  void add_minutes(Amounts& amounts, Seconds limit) const;
  [[nodiscard]] RunSpan span_in(const Pot& pot, const Run& run) const;
  [[nodiscard]] bool belongs(const UsageName& name, const Pot& pot) const;
  [[nodiscard]] Spending spending_of(const Pot& pot) const;  // by the ledger
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
  std::vector<Minutes> minutes_;                           // by dimension, after those
  std::vector<Pot> pots_;
  std::map<std::tuple<PotKind, std::string, std::string>, uint32_t> by_name_;
  std::vector<std::vector<uint32_t>> claims_{{}};
  std::map<Owner, ClaimId> by_owner_;
  std::map<std::string, size_t, std::less<>> user_sections_;  // by name, in settings_.users
  std::vector<uint64_t> used_;
  std::map<uint32_t, Spending> spending_;  // of pots with minutes
  Ledger ledger_;
};

}  // namespace gd::sched

// Limits of one job, whatever else runs.
#include <algorithm>

#include "base/duration.h"
#include "base/text.h"
#include "server/sched/limit_book.h"
#include "server/sched/limit_words.h"

namespace gd::sched {

namespace {

void leave_out(TresLimits& limits, const TresLimits& nearer) {
  if (nearer.cpus) limits.cpus.reset();
  if (nearer.memory_mib) limits.memory_mib.reset();
  if (nearer.nodes) limits.nodes.reset();
  std::erase_if(limits.gres, [&](const GresCount& gres) {
    return std::ranges::any_of(nearer.gres, [&](const GresCount& own) {
      return own.name == gres.name && own.type == gres.type;
    });
  });
}

// Those of `limits` of which `nearer` says nothing.
EachLimits without(EachLimits limits, const EachLimits& nearer) {
  if (nearer.wall) limits.wall.reset();
  leave_out(limits.tres, nearer.tres);
  leave_out(limits.tres_mins, nearer.tres_mins);
  return limits;
}

// Without an end, more than any limit.
uint64_t seconds_of(uint64_t amount, std::optional<Seconds> wall) {
  if (amount == 0) return 0;
  if (!wall) return kUnlimited;
  const auto seconds = static_cast<uint64_t>(std::max<int64_t>(0, wall->count()));
  return seconds > 0 && amount > kUnlimited / seconds ? kUnlimited : amount * seconds;
}

}  // namespace

// What one job may have by one section.
struct LimitBook::Each {
  EachOf whose = EachOf::association;
  std::string title;  // "qos short"
  EachLimits limits;
};

// All of them hold; but what is said of a user in an account stands in place of what the
// accounts say of each user, more or less.
std::vector<LimitBook::Each> LimitBook::each_of(const Owner& owner) const {
  std::vector<Each> all;
  if (const QosLimits* qos = find_qos(owner.qos)) {
    all.push_back({EachOf::qos, "qos " + qos->name, qos->each});
  }
  if (const UserLimits* user = find_user(owner.user)) {
    all.push_back({EachOf::association, "user " + owner.user, user->limits.each});
  }
  EachLimits nearer;
  if (const UserLimits* own = find_association(owner.account, owner.user)) {
    nearer = own->limits.each;
    all.push_back(
        {EachOf::association, title_of(PotKind::account_user, owner.account, owner.user), nearer});
  }
  for (const AccountLimits* at = find_account(owner.account); at != nullptr;
       at = find_account(at->parent)) {
    all.push_back({EachOf::association, "account " + at->name, without(at->limits.each, nearer)});
  }
  return all;
}

std::optional<Breach> LimitBook::breach(const Owner& owner, const Need& need,
                                        std::optional<Seconds> wall) const {
  const Amounts wanted = asked(need, Seconds{0});
  for (const Each& each : each_of(owner)) {
    const Amounts most = limits_of(each.limits.tres);
    const Amounts minutes = limits_of(each.limits.tres_mins);
    for (uint32_t i = kCpus; i < first_minutes(); ++i) {
      if (wanted[i] > most[i]) {
        return Breach{reason_of_each(each.whose, i),
                      each.title + ": a job may have " + dimension_name(i) + "=" +
                          plain_amount(i, most[i]) + ", " + plain_amount(i, wanted[i]) + " asked"};
      }
      const uint64_t seconds = seconds_of(wanted[i], wall);
      if (minutes[i] == kUnlimited || seconds <= minutes[i] * 60) continue;
      return Breach{reason_of_each_minutes(each.whose, i),
                    each.title + ": a job may use " + dimension_name(i) + "=" +
                        plain_amount(i, minutes[i]) + " minutes by its time limit, " +
                        (wall ? plain_amount(i, (seconds + 59) / 60) : "no end of them") +
                        " asked"};
    }
    if (!each.limits.wall || (wall && *wall <= *each.limits.wall)) continue;
    return Breach{each.whose == EachOf::qos ? Reason::qos_max_wall : Reason::assoc_max_wall,
                  each.title + ": a time limit may be " + format_time_limit(each.limits.wall) +
                      ", " + format_time_limit(wall) + " asked"};
  }
  return std::nullopt;
}

std::optional<Seconds> LimitBook::max_wall(const Owner& owner) const {
  std::optional<Seconds> least;
  for (const Each& each : each_of(owner)) {
    const std::optional<Seconds>& own = each.limits.wall;
    if (own && (!least || *own < *least)) least = own;
  }
  return least;
}

}  // namespace gd::sched

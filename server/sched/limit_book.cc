// Pots, claims and what they leave.
#include "server/sched/limit_book.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/text.h"
#include "server/sched/limit_words.h"

namespace gd::sched {

namespace {

template <class T>
const T* find_named(const std::vector<T>& all, std::string_view name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const T& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// What a section of a user says of all her jobs together.
GroupLimits of_one_user(const AssocLimits& limits) {
  GroupLimits all = limits.group;
  all.jobs = limits.per_user.jobs;
  all.submitted = limits.per_user.submitted;
  return all;
}

void lower(uint64_t& limit, const std::optional<uint64_t>& to) {
  if (to) limit = std::min(limit, *to);
}

}  // namespace

void LimitBook::name_gres(const TresLimits& limits) {
  for (const GresCount& gres : limits.gres) {
    const std::pair name{gres.name, gres.type};
    if (std::find(gres_.begin(), gres_.end(), name) == gres_.end()) gres_.push_back(name);
  }
}

void LimitBook::name_minutes(bool ahead_only, const TresLimits& limits) {
  const Amounts amounts = limits_of(limits);
  for (uint32_t i = kCpus; i < first_minutes(); ++i) {
    const Minutes minutes{ahead_only, i};
    if (amounts[i] != kUnlimited && std::ranges::count(minutes_, minutes) == 0) {
      minutes_.push_back(minutes);
    }
  }
}

void LimitBook::name_minutes(const GroupLimits& limits) {
  const Minutes wall{false, kJobs};
  if (limits.wall && std::ranges::count(minutes_, wall) == 0) minutes_.push_back(wall);
  name_minutes(false, limits.tres_mins);
  name_minutes(true, limits.tres_run_mins);
}

void LimitBook::configure(const LimitSettings& settings, Seconds half_life) {
  settings_ = settings;
  ledger_.configure(half_life);
  spending_.clear();
  minutes_.clear();
  gres_.clear();
  pots_.clear();
  by_name_.clear();
  claims_.assign(1, {});
  by_owner_.clear();
  used_.clear();
  user_sections_.clear();
  for (size_t i = 0; i < settings_.users.size(); ++i) {
    user_sections_.emplace(settings_.users[i].name, i);
  }
  const auto name_all = [this](const AssocLimits& limits) {
    for (const TresLimits* each :
         {&limits.group.tres, &limits.group.tres_mins, &limits.group.tres_run_mins,
          &limits.per_user.tres, &limits.each.tres, &limits.each.tres_mins}) {
      name_gres(*each);
    }
  };
  for (const AccountLimits& account : settings_.accounts) name_all(account.limits);
  for (const UserLimits& user : settings_.users) name_all(user.limits);
  for (const QosLimits& qos : settings_.qos) {
    for (const GroupLimits* group : {&qos.group, &qos.per_user, &qos.per_account}) {
      for (const TresLimits* each : {&group->tres, &group->tres_mins, &group->tres_run_mins}) {
        name_gres(*each);
      }
    }
    name_gres(qos.each.tres);
    name_gres(qos.each.tres_mins);
  }
  for (const AccountLimits& account : settings_.accounts) name_minutes(account.limits.group);
  for (const UserLimits& user : settings_.users) name_minutes(user.limits.group);
  for (const QosLimits& qos : settings_.qos) name_minutes(qos.group);
}

const QosLimits* LimitBook::find_qos(std::string_view name) const {
  return find_named(settings_.qos, name);
}

const AccountLimits* LimitBook::find_account(std::string_view name) const {
  return find_named(settings_.accounts, name);
}

const UserLimits* LimitBook::find_user(std::string_view name) const {
  for (const std::string_view each : {name, std::string_view("*")}) {
    const auto found = user_sections_.find(each);
    if (found == user_sections_.end()) continue;
    const UserLimits& section = settings_.users[found->second];
    if (section.limits != AssocLimits{}) return &section;
  }
  return nullptr;
}

const UserLimits* LimitBook::find_association(std::string_view account,
                                              std::string_view user) const {
  const auto found = user_sections_.find(std::string(account) + "/" + std::string(user));
  return found == user_sections_.end() ? nullptr : &settings_.users[found->second];
}

std::string_view LimitBook::default_account(std::string_view user) const {
  const auto found = user_sections_.find(user);
  return found == user_sections_.end() ? std::string_view()
                                       : settings_.users[found->second].default_account;
}

double qos_factor(const LimitSettings& settings, std::string_view name) {
  uint32_t most = 0;
  for (const QosLimits& qos : settings.qos) most = std::max(most, qos.priority);
  const QosLimits* mine = find_named(settings.qos, name);
  return most == 0 || mine == nullptr ? 0 : static_cast<double>(mine->priority) / most;
}

Amounts LimitBook::limits_of(const TresLimits& limits) const {
  Amounts all(dimensions(), kUnlimited);
  lower(all[kCpus], limits.cpus);
  lower(all[kMemory], limits.memory_mib);
  lower(all[kNodes], limits.nodes);
  for (size_t i = 0; i < gres_.size(); ++i) {
    for (const GresCount& gres : limits.gres) {
      if (std::pair{gres.name, gres.type} == gres_[i]) all[kFirstGres + i] = gres.count;
    }
  }
  return all;
}

Amounts LimitBook::limits_of(const GroupLimits& limits) const {
  Amounts all = limits_of(limits.tres);
  if (limits.jobs) all[kJobs] = *limits.jobs;
  if (limits.submitted) all[kSubmitted] = *limits.submitted;
  const Amounts spent = limits_of(limits.tres_mins);
  const Amounts ahead = limits_of(limits.tres_run_mins);
  for (size_t i = 0; i < minutes_.size(); ++i) {
    uint64_t& limit = all[first_minutes() + i];
    const uint64_t minutes = (minutes_[i].ahead_only ? ahead : spent)[minutes_[i].of];
    if (minutes != kUnlimited) limit = std::min(minutes, kUnlimited / 120) * 60;
    const bool is_wall = minutes_[i] == Minutes{false, kJobs};
    if (is_wall && limits.wall) limit = static_cast<uint64_t>(limits.wall->count());
  }
  return all;
}

// What is said of her in this account decides, then the nearest account upwards that says so,
// each limit by itself.
GroupLimits LimitBook::per_user_of(const AccountLimits& account, const std::string& user) const {
  GroupLimits result;
  if (const UserLimits* own = find_association(account.name, user)) {
    result = of_one_user(own->limits);
  }
  for (const AccountLimits* at = &account; at != nullptr; at = find_account(at->parent)) {
    const GroupLimits& own = at->limits.per_user;
    if (!result.jobs) result.jobs = own.jobs;
    if (!result.submitted) result.submitted = own.submitted;
  }
  return result;
}

// What limits the owner together with others; those that limit nothing are left out.
std::vector<LimitBook::Group> LimitBook::groups_of(const Owner& owner) const {
  std::vector<Group> all;
  const auto add = [&all](PotKind kind, const std::string& name, const std::string& user,
                          const GroupLimits& limits) {
    if (limits != GroupLimits{}) all.push_back({kind, name, user, limits});
  };
  if (const AccountLimits* account = find_account(owner.account)) {
    add(PotKind::account_user, account->name, owner.user, per_user_of(*account, owner.user));
    for (const AccountLimits* at = account; at != nullptr; at = find_account(at->parent)) {
      add(PotKind::account, at->name, "", at->limits.group);
    }
  }
  if (const UserLimits* user = find_user(owner.user)) {
    add(PotKind::user, "", owner.user, of_one_user(user->limits));
  }
  if (const QosLimits* qos = find_qos(owner.qos)) {
    add(PotKind::qos_user, qos->name, owner.user, qos->per_user);
    add(PotKind::qos_account, qos->name, owner.account, qos->per_account);
    add(PotKind::qos, qos->name, "", qos->group);
  }
  return all;
}

ClaimId LimitBook::claim_of(const Owner& owner) {
  if (settings_.accounts.empty() && settings_.users.empty() && settings_.qos.empty()) return {};
  const auto [place, is_new] = by_owner_.try_emplace(owner);
  if (!is_new) return place->second;
  std::vector<uint32_t> claim;
  for (const Group& group : groups_of(owner)) {
    const auto next = static_cast<uint32_t>(pots_.size());
    const auto [pot, first] = by_name_.try_emplace({group.kind, group.name, group.user}, next);
    if (first) {
      Pot& fresh =
          pots_.emplace_back(Pot{group.kind, group.name, group.user, limits_of(group.limits)});
      const auto minutes = fresh.limit.begin() + first_minutes();
      fresh.of_minutes = std::any_of(minutes, fresh.limit.end(),
                                     [](uint64_t limit) { return limit != kUnlimited; });
      if (fresh.of_minutes) spending_.emplace(next, spending_of(fresh));
      used_.resize(pots_.size() * dimensions());
    }
    claim.push_back(pot->second);
  }
  if (claim.empty()) return {};
  place->second = ClaimId{static_cast<uint32_t>(claims_.size())};
  claims_.push_back(std::move(claim));
  return place->second;
}

std::optional<std::string> LimitBook::over_submit(const Owner& owner, uint64_t jobs) const {
  for (const Group& group : groups_of(owner)) {
    if (!group.limits.submitted) continue;
    const auto pot = by_name_.find({group.kind, group.name, group.user});
    const uint64_t used =
        pot == by_name_.end() ? 0 : used_[pot->second * dimensions() + kSubmitted];
    if (used + jobs <= *group.limits.submitted) continue;
    return title_of(group.kind, group.name, group.user) + ": " + key_of(group.kind, kSubmitted) +
           " " + std::to_string(*group.limits.submitted) + ", " + std::to_string(used) +
           " wait or run and " + std::to_string(jobs) + " asked";
  }
  return std::nullopt;
}

std::string LimitBook::dimension_name(uint32_t dimension) const {
  switch (dimension) {
    case kJobs: return "jobs";
    case kSubmitted: return "submit";
    case kCpus: return "cpu";
    case kMemory: return "mem";
    case kNodes: return "node";
    default: break;
  }
  if (const Minutes* minutes = minutes_of(dimension)) {
    const std::string of = minutes->of == kJobs ? "wall" : dimension_name(minutes->of);
    return of + (minutes->ahead_only ? " run mins" : " mins");
  }
  const auto& [name, type] = gres_[dimension - kFirstGres];
  return "gres/" + name + (type.empty() ? "" : ":" + type);
}

const Minutes* LimitBook::minutes_of(uint32_t dimension) const {
  return dimension < first_minutes() ? nullptr : &minutes_[dimension - first_minutes()];
}

std::string LimitBook::amount_text(uint32_t dimension, uint64_t amount) const {
  const Minutes* minutes = minutes_of(dimension);
  if (minutes == nullptr) return plain_amount(dimension, amount);
  return plain_amount(minutes->of, (amount + 59) / 60);
}

void LimitBook::add_minutes(Amounts& amounts, Seconds limit) const {
  const auto seconds = static_cast<uint64_t>(std::max<int64_t>(0, limit.count()));
  for (size_t i = 0; i < minutes_.size(); ++i) {
    amounts[first_minutes() + i] = amounts[minutes_[i].of] * seconds;
  }
}

Amounts LimitBook::asked(const Need& need, Seconds limit) const {
  Amounts all(dimensions());
  const uint64_t cpus = uint64_t{need.tasks} * need.cpus_per_task;
  all[kJobs] = 1;
  all[kCpus] = cpus;
  all[kMemory] = need.memory_per_node_mib ? *need.memory_per_node_mib * need.nodes_min
                                          : need.memory_per_cpu_mib.value_or(0) * cpus;
  all[kNodes] = need.nodes_min;
  for (size_t i = 0; i < gres_.size(); ++i) {
    for (const GresCount& gres : need.gres_per_node) {
      const bool counts =
          gres.name == gres_[i].first && (gres_[i].second.empty() || gres.type == gres_[i].second);
      if (counts) all[kFirstGres + i] += gres.count * need.nodes_min;
    }
  }
  add_minutes(all, limit);
  return all;
}

Amounts LimitBook::held(std::span<const Resources* const> of_nodes, Seconds limit) const {
  Amounts all(dimensions());
  all[kJobs] = 1;
  all[kNodes] = of_nodes.size();
  for (const Resources* node : of_nodes) {
    all[kCpus] += node->cpus;
    all[kMemory] += node->memory_mib;
    for (size_t i = 0; i < gres_.size(); ++i) {
      for (const GresCount& gres : node->gres) {
        const bool counts = gres.name == gres_[i].first &&
                            (gres_[i].second.empty() || gres.type == gres_[i].second);
        if (counts) all[kFirstGres + i] += gres.count;
      }
    }
  }
  add_minutes(all, limit);
  return all;
}

Amounts LimitBook::held(std::span<const NodeUse> uses, Seconds limit) const {
  std::vector<const Resources*> all;
  all.reserve(uses.size());
  for (const NodeUse& use : uses) all.push_back(&use.held);
  return held(all, limit);
}

void LimitBook::count_submitted(ClaimId claim, uint64_t jobs, Sign sign) {
  for (const uint32_t pot : pots_of(claim)) {
    uint64_t& used = used_[pot * dimensions() + kSubmitted];
    if (sign == Sign::more) {
      used += jobs;
    } else {
      GD_CHECK(used >= jobs, pot, used, jobs);
      used -= jobs;
    }
  }
}

void LimitBook::count_running(ClaimId claim, const Amounts& held, const Run& run, Sign sign) {
  for (const uint32_t pot : pots_of(claim)) {
    uint64_t* used = &used_[pot * dimensions()];
    for (uint32_t i = 0; i < first_minutes(); ++i) {
      if (sign == Sign::more) {
        used[i] += held[i];
      } else {
        GD_CHECK(used[i] >= held[i], pot, i, used[i], held[i]);
        used[i] -= held[i];
      }
    }
    const auto spending = spending_.find(pot);
    if (spending == spending_.end()) continue;
    const RunSpan span = span_in(pots_[pot], run);
    if (sign == Sign::more)
      spending->second.began(span, held);
    else
      spending->second.withdrew(span, held);
  }
}

// In the time that counts there.
RunSpan LimitBook::span_in(const Pot& pot, const Run& run) const {
  const UsageName name =
      pot.kind == PotKind::qos ? UsageName{{}, pot.name} : UsageName{run.share, ""};
  return {std::max(run.began, ledger_.since(name)), run.until};
}

void LimitBook::charge(const Owner& owner, const Run& run,
                       std::span<const Resources* const> of_nodes, TimePoint ended) {
  const ClaimId claim = claim_of(owner);  // a pot that is new has what the ledger has
  const Rates rates = rates_of(of_nodes);
  ledger_.charge({run.share, ""}, rates, run.began, ended);
  ledger_.charge({{}, owner.qos}, rates, run.began, ended);
  const Amounts amounts = held(of_nodes, Seconds{0});
  for (const uint32_t pot : pots_of(claim)) {
    const auto spending = spending_.find(pot);
    if (spending == spending_.end()) continue;
    const TimePoint began = span_in(pots_[pot], run).began;
    spending->second.charge(amounts, began, ended, ledger_.half_life());
  }
}

void LimitBook::reset_usage(std::span<const UsageName> names, TimePoint at) {
  for (const UsageName& name : names) ledger_.reset(name, at);
  const LimitSettings settings = settings_;
  configure(settings, ledger_.half_life());
}

bool LimitBook::belongs(const UsageName& name, const Pot& pot) const {
  switch (pot.kind) {
    case PotKind::qos: return name.qos == pot.name;
    case PotKind::user: return name.qos.empty() && name.share.user == pot.user;
    case PotKind::account_user: return name == UsageName{{pot.name, pot.user}, ""};
    case PotKind::account:
      for (const AccountLimits* at = name.qos.empty() ? find_account(name.share.account) : nullptr;
           at != nullptr; at = find_account(at->parent)) {
        if (at->name == pot.name) return true;
      }
      return false;
    case PotKind::qos_user:
    case PotKind::qos_account: return false;  // they have no minutes
  }
  return false;
}

Spending LimitBook::spending_of(const Pot& pot) const {
  Spending spending;
  for (const auto& [name, entry] : ledger_.entries()) {
    if (!belongs(name, pot)) continue;
    for (uint32_t i = 0; i < first_minutes(); ++i) {
      const auto usage = entry.used.find(i == kJobs ? "wall" : dimension_name(i));
      if (usage != entry.used.end()) spending.add(i, usage->second, ledger_.half_life());
    }
  }
  return spending;
}

std::vector<uint64_t> LimitBook::used(TimePoint now) const {
  std::vector<uint64_t> all = used_;
  for (const auto& [pot, spending] : spending_) {
    for (uint32_t i = first_minutes(); i < dimensions(); ++i) {
      if (pots_[pot].limit[i] == kUnlimited) continue;
      const Minutes& minutes = *minutes_of(i);
      double seconds = spending.ahead(minutes.of, now);
      if (!minutes.ahead_only) seconds += spending.spent(minutes.of, now, ledger_.half_life());
      all[pot * dimensions() + i] = static_cast<uint64_t>(std::llround(seconds));
    }
  }
  return all;
}

std::optional<Seconds> LimitBook::look_again_after(const Shortage& shortage) const {
  const Minutes* minutes = minutes_of(shortage.dimension);
  if (minutes == nullptr || shortage.asked > shortage.limit) return std::nullopt;
  if (minutes->ahead_only) return kMinutesEvery;
  const Seconds half_life = ledger_.half_life();
  if (half_life <= Seconds{0}) return std::nullopt;  // what was used stays
  return std::max(kMinutesEvery, half_life / 1000);
}

std::optional<Shortage> LimitBook::shortage(ClaimId claim, const Amounts& more,
                                            std::span<const uint64_t> used) const {
  for (const uint32_t index : pots_of(claim)) {
    const Pot& pot = pots_[index];
    for (uint32_t i = 0; i < more.size(); ++i) {
      const uint64_t now = used[index * dimensions() + i];
      if (more[i] == 0 || pot.limit[i] == kUnlimited || now + more[i] <= pot.limit[i]) continue;
      return Shortage{index, i, now, more[i], pot.limit[i]};
    }
  }
  return std::nullopt;
}

void LimitBook::take(ClaimId claim, const Amounts& more, std::span<uint64_t> used) const {
  for (const uint32_t pot : pots_of(claim)) {
    for (uint32_t i = 0; i < more.size(); ++i) used[pot * dimensions() + i] += more[i];
  }
}

Reason LimitBook::reason_of(const Shortage& shortage) const {
  const PotKind kind = pots_[shortage.pot].kind;
  const Minutes* minutes = minutes_of(shortage.dimension);
  return minutes == nullptr ? sched::reason_of(kind, shortage.dimension)
                            : sched::reason_of(kind, *minutes);
}

std::string LimitBook::limit_text(const Shortage& shortage) const {
  const Pot& pot = pots_[shortage.pot];
  const Minutes* minutes = minutes_of(shortage.dimension);
  std::string text =
      title_of(pot.kind, pot.name, pot.user) + ": " +
      (minutes == nullptr ? key_of(pot.kind, shortage.dimension) : key_of(*minutes)) + " ";
  const uint32_t of = minutes == nullptr ? shortage.dimension : minutes->of;
  if (of >= kCpus) text += dimension_name(of) + "=";
  return text + amount_text(shortage.dimension, shortage.limit);
}

}  // namespace gd::sched

// Pots, claims and the words for what they lack.
#include "server/sched/limit_book.h"

#include <algorithm>

#include "base/check.h"
#include "base/duration.h"
#include "base/text.h"

namespace gd::sched {

namespace {

template <class T>
const T* find_named(const std::vector<T>& all, std::string_view name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const T& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// By dimension: jobs, submitted, cpus, memory, nodes, gres.
using Words = std::array<Reason, 6>;
constexpr Words kOfAccount{Reason::assoc_grp_jobs, Reason::association_limit,
                           Reason::assoc_grp_cpu,  Reason::assoc_grp_mem,
                           Reason::assoc_grp_node, Reason::assoc_grp_gres};
constexpr Words kOfQos{Reason::qos_grp_jobs, Reason::qos_limit,    Reason::qos_grp_cpu,
                       Reason::qos_grp_mem,  Reason::qos_grp_node, Reason::qos_grp_gres};
constexpr Words kOfQosUser{Reason::qos_max_jobs_per_user, Reason::qos_limit,
                           Reason::qos_max_cpu_per_user,  Reason::qos_max_mem_per_user,
                           Reason::qos_max_node_per_user, Reason::qos_max_gres_per_user};
constexpr Words kOfQosAccount{Reason::qos_max_jobs_per_account, Reason::qos_limit,
                              Reason::qos_max_cpu_per_account,  Reason::qos_max_mem_per_account,
                              Reason::qos_max_node_per_account, Reason::qos_max_gres_per_account};
constexpr Words kOfAssocJob{Reason::none,
                            Reason::none,
                            Reason::assoc_max_cpu_per_job,
                            Reason::assoc_max_mem_per_job,
                            Reason::assoc_max_node_per_job,
                            Reason::assoc_max_gres_per_job};
constexpr Words kOfQosJob{Reason::none,
                          Reason::none,
                          Reason::qos_max_cpu_per_job,
                          Reason::qos_max_mem_per_job,
                          Reason::qos_max_node_per_job,
                          Reason::qos_max_gres_per_job};

Reason word(const Words& words, uint32_t dimension) {
  return words[std::min<uint32_t>(dimension, kFirstGres)];
}

std::string amount(uint32_t dimension, uint64_t value) {
  return dimension == kMemory ? format_mib(value) : std::to_string(value);
}

// The key of gd.conf that sets it.
std::string key_of(PotKind kind, uint32_t dimension) {
  const std::string what = dimension == kJobs        ? "jobs"
                           : dimension == kSubmitted ? "submit"
                                                     : "tres";
  switch (kind) {
    case PotKind::account:
    case PotKind::qos: return "grp_" + what;
    case PotKind::account_user:
    case PotKind::user: return (dimension >= kCpus ? "grp_" : "max_") + what;
    case PotKind::qos_user: return "max_" + what + "_per_user";
    case PotKind::qos_account: return "max_" + what + "_per_account";
  }
  return what;
}

std::string title_of(PotKind kind, const std::string& name, const std::string& user) {
  switch (kind) {
    case PotKind::account: return "account " + name;
    case PotKind::account_user: return "user " + user + " of account " + name;
    case PotKind::user: return "user " + user;
    case PotKind::qos: return "qos " + name;
    case PotKind::qos_user: return "user " + user + " in qos " + name;
    case PotKind::qos_account: return "account " + user + " in qos " + name;
  }
  return name;
}

// Those of `limits` of which `nearer` says nothing.
EachLimits without(EachLimits limits, const EachLimits& nearer) {
  if (nearer.wall) limits.wall.reset();
  if (nearer.tres.cpus) limits.tres.cpus.reset();
  if (nearer.tres.memory_mib) limits.tres.memory_mib.reset();
  if (nearer.tres.nodes) limits.tres.nodes.reset();
  std::erase_if(limits.tres.gres, [&](const GresCount& gres) {
    return std::ranges::any_of(nearer.tres.gres, [&](const GresCount& own) {
      return own.name == gres.name && own.type == gres.type;
    });
  });
  return limits;
}

void lower(uint64_t& limit, const std::optional<uint64_t>& to) {
  if (to) limit = std::min(limit, *to);
}

}  // namespace

// What one job may have by one section.
struct LimitBook::Each {
  bool of_qos = false;
  std::string title;  // "qos short"
  EachLimits limits;
};

void LimitBook::name_gres(const TresLimits& limits) {
  for (const GresCount& gres : limits.gres) {
    const std::pair name{gres.name, gres.type};
    if (std::find(gres_.begin(), gres_.end(), name) == gres_.end()) gres_.push_back(name);
  }
}

void LimitBook::configure(const LimitSettings& settings) {
  settings_ = settings;
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
    name_gres(limits.group.tres);
    name_gres(limits.per_user.tres);
    name_gres(limits.each.tres);
  };
  for (const AccountLimits& account : settings_.accounts) name_all(account.limits);
  for (const UserLimits& user : settings_.users) name_all(user.limits);
  for (const QosLimits& qos : settings_.qos) {
    for (const GroupLimits* group : {&qos.group, &qos.per_user, &qos.per_account}) {
      name_gres(group->tres);
    }
    name_gres(qos.each.tres);
  }
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

Amounts LimitBook::limits_of(const GroupLimits& limits) const {
  Amounts all(dimensions(), kUnlimited);
  if (limits.jobs) all[kJobs] = *limits.jobs;
  if (limits.submitted) all[kSubmitted] = *limits.submitted;
  lower(all[kCpus], limits.tres.cpus);
  lower(all[kMemory], limits.tres.memory_mib);
  lower(all[kNodes], limits.tres.nodes);
  for (size_t i = 0; i < gres_.size(); ++i) {
    for (const GresCount& gres : limits.tres.gres) {
      if (std::pair{gres.name, gres.type} == gres_[i]) all[kFirstGres + i] = gres.count;
    }
  }
  return all;
}

// What is said of her in this account decides, then the nearest account upwards that says so,
// each limit by itself.
GroupLimits LimitBook::per_user_of(const AccountLimits& account, const std::string& user) const {
  GroupLimits result;
  if (const UserLimits* own = find_association(account.name, user)) {
    result = own->limits.per_user;
    result.tres = own->limits.group.tres;
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
    GroupLimits own = user->limits.per_user;
    own.tres = user->limits.group.tres;
    add(PotKind::user, "", owner.user, own);
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
      pots_.push_back({group.kind, group.name, group.user, limits_of(group.limits)});
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
    const uint64_t used = pot == by_name_.end() ? 0 : this->used(pot->second, kSubmitted);
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
  const auto& [name, type] = gres_[dimension - kFirstGres];
  return "gres/" + name + (type.empty() ? "" : ":" + type);
}

Amounts LimitBook::asked(const Need& need) const {
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
  return all;
}

Amounts LimitBook::held(std::span<const Resources* const> of_nodes) const {
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
  return all;
}

Amounts LimitBook::held(std::span<const NodeUse> uses) const {
  std::vector<const Resources*> all;
  all.reserve(uses.size());
  for (const NodeUse& use : uses) all.push_back(&use.held);
  return held(all);
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

void LimitBook::count_running(ClaimId claim, const Amounts& amounts, Sign sign) {
  if (sign == Sign::more) return take(claim, amounts, used_);
  for (const uint32_t pot : pots_of(claim)) {
    uint64_t* used = &used_[pot * dimensions()];
    for (uint32_t i = 0; i < amounts.size(); ++i) {
      GD_CHECK(used[i] >= amounts[i], pot, i, used[i], amounts[i]);
      used[i] -= amounts[i];
    }
  }
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
  switch (pots_[shortage.pot].kind) {
    case PotKind::account_user:
    case PotKind::user:
      if (shortage.dimension == kJobs) return Reason::assoc_max_jobs;
      return word(kOfAccount, shortage.dimension);
    case PotKind::account: return word(kOfAccount, shortage.dimension);
    case PotKind::qos: return word(kOfQos, shortage.dimension);
    case PotKind::qos_user: return word(kOfQosUser, shortage.dimension);
    case PotKind::qos_account: return word(kOfQosAccount, shortage.dimension);
  }
  return Reason::none;
}

std::string LimitBook::limit_text(const Shortage& shortage) const {
  const Pot& pot = pots_[shortage.pot];
  std::string text =
      title_of(pot.kind, pot.name, pot.user) + ": " + key_of(pot.kind, shortage.dimension) + " ";
  if (shortage.dimension >= kCpus) text += dimension_name(shortage.dimension) + "=";
  return text + amount(shortage.dimension, shortage.limit);
}

// All of them hold; but what is said of a user in an account stands in place of what the
// accounts say of each user, more or less.
std::vector<LimitBook::Each> LimitBook::each_of(const Owner& owner) const {
  std::vector<Each> all;
  if (const QosLimits* qos = find_qos(owner.qos)) {
    all.push_back({true, "qos " + qos->name, qos->each});
  }
  if (const UserLimits* user = find_user(owner.user)) {
    all.push_back({false, "user " + owner.user, user->limits.each});
  }
  EachLimits nearer;
  if (const UserLimits* own = find_association(owner.account, owner.user)) {
    nearer = own->limits.each;
    all.push_back({false, title_of(PotKind::account_user, owner.account, owner.user), nearer});
  }
  for (const AccountLimits* at = find_account(owner.account); at != nullptr;
       at = find_account(at->parent)) {
    all.push_back({false, "account " + at->name, without(at->limits.each, nearer)});
  }
  return all;
}

std::optional<Breach> LimitBook::breach(const Owner& owner, const Need& need,
                                        std::optional<Seconds> wall) const {
  const Amounts wanted = asked(need);
  for (const Each& each : each_of(owner)) {
    const Amounts most = limits_of(GroupLimits{{}, {}, each.limits.tres});
    for (uint32_t i = kCpus; i < wanted.size(); ++i) {
      if (wanted[i] <= most[i]) continue;
      return Breach{word(each.of_qos ? kOfQosJob : kOfAssocJob, i),
                    each.title + ": a job may have " + dimension_name(i) + "=" +
                        amount(i, most[i]) + ", " + amount(i, wanted[i]) + " asked"};
    }
    if (!each.limits.wall || (wall && *wall <= *each.limits.wall)) continue;
    return Breach{each.of_qos ? Reason::qos_max_wall : Reason::assoc_max_wall,
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

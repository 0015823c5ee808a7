// Accounts, qualities of service and licences that a submission may have.
#include "server/core/associations.h"

#include <algorithm>

#include "base/text.h"

namespace gd::core {

namespace {

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

Error denied(std::string text) {
  return Error{ErrorCode::denied, std::move(text)};
}

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool may_charge(const sched::Account& account, std::string_view user) {
  return std::any_of(account.users.begin(), account.users.end(),
                     [&](const sched::AccountUser& u) { return u.name == user || u.name == "*"; });
}

// The account that a job is charged to: the one it names, or its user's default, or the first
// that lists her.
Result<std::string> account_of(const Cluster& cluster, const std::string& user,
                               const std::string& asked) {
  const ClusterConfig& config = cluster.config();
  if (config.accounts.empty()) return asked;
  std::vector<std::string> open;
  for (const sched::Account& account : config.accounts) {
    if (may_charge(account, user)) open.push_back(account.name);
  }
  if (open.empty()) return denied("user " + user + " has no account on this cluster");
  if (asked.empty()) {
    const std::string own(cluster.limits().default_account(user));
    return contains(open, own) ? own : open.front();
  }
  if (contains(open, asked)) return asked;
  return denied("account " + printable(asked) + " is not open to user " + user + "; open are " +
                join(open, ", "));
}

// What the user's own section says, else the nearest account that says something.
struct QosRules {
  std::vector<std::string> allowed;  // empty: all
  std::string fallback;              // of a job that names none
};

QosRules qos_rules(const sched::LimitBook& limits, const std::string& user,
                   const std::string& account) {
  QosRules rules;
  for (const AssocLimits* own : sections_for(limits, user, account)) {
    if (rules.allowed.empty()) rules.allowed = own->qos;
    if (rules.fallback.empty()) rules.fallback = own->default_qos;
  }
  if (!rules.fallback.empty()) return rules;
  const bool normal = rules.allowed.empty() || contains(rules.allowed, kNormalQos);
  rules.fallback = normal ? kNormalQos : rules.allowed.front();
  return rules;
}

Error no_such_qos(const sched::LimitBook& limits, const std::string& name) {
  std::vector<std::string> known{kNormalQos};
  for (const QosLimits& qos : limits.settings().qos) {
    if (qos.name != kNormalQos) known.push_back(qos.name);
  }
  const std::vector<std::string_view> views(known.begin(), known.end());
  return Error{ErrorCode::not_found, "invalid qos specification: " + printable(name) +
                                         "; known are: " + join(known, ",") +
                                         did_you_mean(name, views)};
}

bool is_known(const sched::LimitBook& limits, const std::string& qos) {
  return limits.settings().qos.empty() || qos == kNormalQos || limits.find_qos(qos) != nullptr;
}

// Empty for "normal", as for a job that named none: equal jobs have equal specs.
Result<std::string> qos_for(const sched::LimitBook& limits, const std::string& user,
                            const JobSpec& spec) {
  if (limits.settings().qos.empty()) return spec.qos;
  const QosRules rules = qos_rules(limits, user, spec.account);
  const std::string name = spec.qos.empty() ? rules.fallback : spec.qos;
  if (!is_known(limits, name)) return no_such_qos(limits, name);
  if (!rules.allowed.empty() && !contains(rules.allowed, name)) {
    return denied("qos " + name + " is not open to user " + user +
                  (spec.account.empty() ? "" : " of account " + spec.account) + "; open are " +
                  join(rules.allowed, ", "));
  }
  if (const QosLimits* qos = limits.find_qos(name)) {
    const bool all = qos->allow_users.empty() && qos->allow_accounts.empty();
    if (!all && !contains(qos->allow_users, user) && !contains(qos->allow_accounts, spec.account)) {
      return denied("qos " + name + " is not open to user " + user);
    }
  }
  return name == kNormalQos ? std::string() : name;
}

}  // namespace

std::vector<const AssocLimits*> sections_for(const sched::LimitBook& limits,
                                             const std::string& user, const std::string& account) {
  std::vector<const AssocLimits*> all;
  if (const UserLimits* own = limits.find_association(account, user)) all.push_back(&own->limits);
  if (const UserLimits* own = limits.find_user(user)) all.push_back(&own->limits);
  for (const AccountLimits* at = limits.find_account(account); at != nullptr;
       at = limits.find_account(at->parent)) {
    all.push_back(&at->limits);
  }
  return all;
}

Result<void> choose_owner(const Cluster& cluster, const std::string& user, JobSpec& spec) {
  spec.account = TRY(account_of(cluster, user, spec.account));
  spec.qos = TRY(qos_for(cluster.limits(), user, spec));
  return {};
}

Result<void> check_owner(const Cluster& cluster, const JobSpec& spec,
                         const std::vector<sched::PartitionIndex>& partitions) {
  for (const sched::PartitionIndex index : partitions) {
    const PartitionConfig& partition = cluster.partition_configs()[index.value];
    if (!partition.allow_accounts.empty() && !contains(partition.allow_accounts, spec.account)) {
      return denied("partition " + partition.name + " does not take jobs of " +
                    (spec.account.empty() ? "no account" : "account " + printable(spec.account)) +
                    "; it takes " + join(partition.allow_accounts, ", "));
    }
    if (!partition.allow_qos.empty() && !contains(partition.allow_qos, qos_of(spec))) {
      return denied("partition " + partition.name + " does not take jobs of qos " +
                    printable(qos_of(spec)) + "; it takes " + join(partition.allow_qos, ", "));
    }
  }
  return {};
}

Result<void> check_licences(const Cluster& cluster, const JobSpec& spec) {
  for (const GresCount& asked : spec.licences) {
    const std::optional<uint32_t> index = cluster.licences().find(asked.name);
    if (!index) {
      std::vector<std::string> known;
      for (const sched::Licence& one : cluster.licences().all()) known.push_back(one.name);
      const std::vector<std::string_view> views(known.begin(), known.end());
      return Error{ErrorCode::not_found,
                   "invalid license specification: " + printable(asked.name) +
                       "; known are: " + (known.empty() ? "none" : join(known, ",")) +
                       did_you_mean(asked.name, views)};
    }
    const sched::Licence& licence = cluster.licences().all()[*index];
    if (asked.count > licence.total) {
      return invalid("licence " + licence.name + ": " + std::to_string(asked.count) +
                     " asked, the cluster has " + std::to_string(licence.total));
    }
  }
  return {};
}

Result<void> check_reservation(const Cluster& cluster, const Actor& actor, const JobSpec& spec) {
  if (spec.reservation.empty()) return {};
  const ReservationEntry* entry = cluster.find_reservation(spec.reservation);
  if (entry == nullptr) {
    return Error{ErrorCode::not_found,
                 "requested reservation is invalid: there is no " + printable(spec.reservation)};
  }
  const ReservationRecord& record = entry->record;
  const bool open = actor.administrator || contains(record.users, actor.user) ||
                    contains(record.accounts, spec.account);
  if (open) return {};
  return denied("access denied to requested reservation " + record.name + ": it is for " +
                (record.users.empty() && record.accounts.empty() ? "nobody" : "others than user ") +
                (record.users.empty() && record.accounts.empty() ? "" : actor.user));
}

Result<void> check_submit_limits(const Cluster& cluster, const JobRecord& job) {
  const uint64_t jobs = job.array ? job.array->elements.size() : 1;
  const auto over = cluster.limits().over_submit(owner_of(job), jobs);
  if (!over) return {};
  return Error{ErrorCode::exhausted, "job violates accounting/QOS policy: " + *over};
}

Result<void> check_submit_rate(const Cluster& cluster, const Actor& actor, TimePoint now) {
  const uint32_t most = cluster.config().max_submit_rate;
  if (most == 0 || actor.administrator) return {};
  const auto wait = cluster.submit_rate().wait(actor.uid, most, now);
  if (!wait) return {};
  return Error{ErrorCode::exhausted, "user " + actor.user +
                                         " has submitted max_submit_rate jobs a minute, " +
                                         std::to_string(most) + "; try again in " +
                                         std::to_string(wait->count()) + " s, or submit an array"};
}

std::optional<Obstacle> limit_obstacle(const Cluster& cluster, const JobRecord& job) {
  const sched::LimitBook& limits = cluster.limits();
  const LimitSettings& all = limits.settings();
  const sched::Owner owner = owner_of(job);
  if (!all.accounts.empty() && limits.find_account(owner.account) == nullptr) {
    return Obstacle{Reason::invalid_account,
                    "account " + printable(owner.account) + " is no longer there"};
  }
  if (!is_known(limits, owner.qos)) {
    return Obstacle{Reason::invalid_qos, "qos " + printable(owner.qos) + " is no longer there"};
  }
  std::string unknown;
  if (!job.spec->licences.empty() && !cluster.licences().resolve(job.spec->licences, &unknown)) {
    return Obstacle{Reason::bad_constraints,
                    "licence " + printable(unknown) + " is no longer there"};
  }
  if (!job.spec->reservation.empty() &&
      cluster.find_reservation(job.spec->reservation) == nullptr) {
    return Obstacle{Reason::reservation_deleted,
                    "reservation " + printable(job.spec->reservation) + " is no longer there"};
  }
  const sched::Need need = sched::need_of(*job.spec);
  if (std::optional<sched::Breach> breach = limits.breach(owner, need, job.time_limit)) {
    return Obstacle{breach->reason, std::move(breach->text)};
  }
  return std::nullopt;
}

bool denies_on_limit(const Cluster& cluster, const JobRecord& job) {
  const QosLimits* qos = cluster.limits().find_qos(qos_of(*job.spec));
  if (qos == nullptr || !qos->deny_on_limit) return false;
  return limit_obstacle(cluster, job).has_value();
}

}  // namespace gd::core

#include "server/sched/limit_words.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace gd::sched {

namespace {

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

constexpr Words kOfAccountMinutes{Reason::assoc_grp_wall,         Reason::none,
                                  Reason::assoc_grp_cpu_minutes,  Reason::assoc_grp_mem_minutes,
                                  Reason::assoc_grp_node_minutes, Reason::assoc_grp_gres_minutes};
constexpr Words kOfQosMinutes{Reason::qos_grp_wall,         Reason::none,
                              Reason::qos_grp_cpu_minutes,  Reason::qos_grp_mem_minutes,
                              Reason::qos_grp_node_minutes, Reason::qos_grp_gres_minutes};
constexpr Words kOfAccountAhead{Reason::none,
                                Reason::none,
                                Reason::assoc_grp_cpu_run_minutes,
                                Reason::assoc_grp_mem_run_minutes,
                                Reason::assoc_grp_node_run_minutes,
                                Reason::assoc_grp_gres_run_minutes};
constexpr Words kOfQosAhead{Reason::none,
                            Reason::none,
                            Reason::qos_grp_cpu_run_minutes,
                            Reason::qos_grp_mem_run_minutes,
                            Reason::qos_grp_node_run_minutes,
                            Reason::qos_grp_gres_run_minutes};
constexpr Words kOfAssocJobMinutes{Reason::none,
                                   Reason::none,
                                   Reason::assoc_max_cpu_minutes_per_job,
                                   Reason::assoc_max_mem_minutes_per_job,
                                   Reason::assoc_max_node_minutes_per_job,
                                   Reason::assoc_max_gres_minutes_per_job};
constexpr Words kOfQosJobMinutes{Reason::none,
                                 Reason::none,
                                 Reason::qos_max_cpu_minutes_per_job,
                                 Reason::qos_max_mem_minutes_per_job,
                                 Reason::qos_max_node_minutes_per_job,
                                 Reason::qos_max_gres_minutes_per_job};

Reason word(const Words& words, uint32_t dimension) {
  return words[std::min<uint32_t>(dimension, kFirstGres)];
}

bool is_of_qos(PotKind kind) {
  return kind == PotKind::qos || kind == PotKind::qos_user || kind == PotKind::qos_account;
}

}  // namespace

Reason reason_of(PotKind kind, uint32_t dimension) {
  switch (kind) {
    case PotKind::account_user:
    case PotKind::user:
      if (dimension == kJobs) return Reason::assoc_max_jobs;
      return word(kOfAccount, dimension);
    case PotKind::account: return word(kOfAccount, dimension);
    case PotKind::qos: return word(kOfQos, dimension);
    case PotKind::qos_user: return word(kOfQosUser, dimension);
    case PotKind::qos_account: return word(kOfQosAccount, dimension);
  }
  return Reason::none;
}

Reason reason_of(PotKind kind, const Minutes& minutes) {
  if (is_of_qos(kind)) return word(minutes.ahead_only ? kOfQosAhead : kOfQosMinutes, minutes.of);
  return word(minutes.ahead_only ? kOfAccountAhead : kOfAccountMinutes, minutes.of);
}

Reason reason_of_each(EachOf whose, uint32_t dimension) {
  return word(whose == EachOf::qos ? kOfQosJob : kOfAssocJob, dimension);
}

Reason reason_of_each_minutes(EachOf whose, uint32_t dimension) {
  return word(whose == EachOf::qos ? kOfQosJobMinutes : kOfAssocJobMinutes, dimension);
}

std::string plain_amount(uint32_t dimension, uint64_t amount) {
  return dimension == kMemory ? format_mib(amount) : std::to_string(amount);
}

std::string key_of(const Minutes& minutes) {
  if (minutes.of == kJobs) return "grp_wall";
  return minutes.ahead_only ? "grp_tres_run_mins" : "grp_tres_mins";
}

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

}  // namespace gd::sched

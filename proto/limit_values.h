// What accounts, users and qualities of service may have, as gd.conf and gdsim's scenarios
// write it. Words are Slurm's, in gd.conf's spelling: grp_tres is GrpTRES.
//
// A limit that is not given is none. Amounts of trackable resources (TRES) are written
//   cpu=8,mem=64G,node=2,gres/gpu=4,gres/gpu:a100=1
// memory without a unit is MiB; a kind of gres without a type counts all of its types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proto/preempt.h"
#include "proto/resources.h"

namespace gd {

inline constexpr size_t kMaxTresKinds = 64;  // in one list
inline constexpr uint64_t kMaxTresCount = uint64_t{1} << 50;

struct TresLimits {
  std::optional<uint64_t> cpus;
  std::optional<uint64_t> memory_mib;
  std::optional<uint64_t> nodes;
  std::vector<GresCount> gres;  // by name and type, each once
  bool operator==(const TresLimits&) const = default;
};

// Hostile input is expected.
Result<TresLimits> parse_tres_limits(std::string_view text);
std::string format_tres_limits(const TresLimits& limits);  // parse_tres_limits's inverse

struct GroupLimits {                  // of several jobs together
  std::optional<uint32_t> jobs;       // that run
  std::optional<uint32_t> submitted;  // that wait or run; elements of arrays count each
  TresLimits tres;                    // in use
  TresLimits tres_mins;               // minutes of them: used, fading, and what runs may still use
  TresLimits tres_run_mins;           // minutes of them that what runs may still use
  std::optional<Seconds> wall;        // as tres_mins, of time that jobs ran
  bool operator==(const GroupLimits&) const = default;
};

struct EachLimits {  // of one job
  TresLimits tres;
  TresLimits tres_mins;         // by its time limit
  std::optional<Seconds> wall;  // its time limit
  bool operator==(const EachLimits&) const = default;
};

// Of an account, with all that is below it, or of a user.
struct AssocLimits {
  GroupLimits group;             // grp_*
  GroupLimits per_user;          // max_jobs, max_submit: of each user of the account
  EachLimits each;               // max_tres_per_job, max_wall
  std::vector<std::string> qos;  // that may be asked for; empty: what the account above says
  std::string default_qos;       // of jobs that ask for none; empty: likewise, at last "normal"
  std::vector<std::string> allow_images;  // base/image_name.h, is_among(); empty: as qos
  std::string default_image;  // of jobs that name none; empty: what the account above says
  bool operator==(const AssocLimits&) const = default;
};

struct AccountLimits {
  std::string name;
  std::string parent;  // empty: none
  AssocLimits limits;
  bool operator==(const AccountLimits&) const = default;
};

struct UserLimits {
  // "*": each user without limits of her own; "lab/ada": ada's jobs of account lab
  std::string name;
  AssocLimits limits;
  std::string default_account;  // of jobs that name none; empty: the first that lists her
  bool operator==(const UserLimits&) const = default;
};

struct QosLimits {
  std::string name;
  uint32_t priority = 0;
  GroupLimits group;        // grp_*: of all its jobs
  GroupLimits per_user;     // max_*_per_user
  GroupLimits per_account;  // max_*_per_account
  EachLimits each;
  bool deny_on_limit = false;  // refuse a job that is over `each`, instead of letting it wait
  std::vector<std::string> allow_users;  // both empty: everybody
  std::vector<std::string> allow_accounts;
  std::vector<std::string> preempt;         // QOS whose jobs its own may end
  std::optional<PreemptMode> preempt_mode;  // of its own jobs; empty: the cluster's
  std::optional<Seconds> preempt_exempt;    // they are left alone so long; empty: the cluster's
  Seconds grace_time{};                     // they have between TERM and KILL; 0: kill_wait
  bool operator==(const QosLimits&) const = default;
};

struct LicenceLimit {
  std::string name;
  uint32_t count = 0;
  bool operator==(const LicenceLimit&) const = default;
};

struct LimitSettings {
  std::vector<AccountLimits> accounts;  // parents first
  std::vector<UserLimits> users;
  std::vector<QosLimits> qos;  // empty: --qos is only a label
  std::vector<LicenceLimit> licences;
  bool operator==(const LimitSettings&) const = default;
};

inline constexpr char kNormalQos[] = "normal";  // is always there

// Sets what `key` names: "grp_jobs", "max_tres_per_user". not_found: it has no such key.
Result<void> set_limit(AssocLimits& limits, std::string_view key, std::string_view value);
Result<void> set_limit(QosLimits& limits, std::string_view key, std::string_view value);

// Each QOS that another may preempt is there, and none could end up preempting itself.
Result<void> check_preempt_lists(const LimitSettings& limits);

// "matlab:2,ansys" or "matlab=2": name and count, 1 if none is given; each name once, sorted.
Result<std::vector<GresCount>> parse_licences(std::string_view text);
std::string format_licences(const std::vector<GresCount>& all);  // "ansys:1,matlab:2"

}  // namespace gd

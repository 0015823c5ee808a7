// Hub: what the owner thread of gdctld owns, and the few ways to change it.
//
// Everything that is asked or happens goes decide -> apply at once, in memory, and
// into the turn; controller.cc commits the turn and only then lets anything out. If
// a commit fails the process ends, so memory is never ahead of the disk for long.
// Handlers (handlers.h) are the only users of this.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/messages.h"
#include "proto/settings.h"
#include "proto/socket.h"
#include "proto/ticket.h"
#include "server/auth/auth_link.h"
#include "server/auth/key_rules.h"
#include "server/auth/key_table.h"
#include "server/auth/permission.h"
#include "server/controller/blobs.h"
#include "server/controller/groups.h"
#include "server/controller/outbox.h"
#include "server/controller/recent_requests.h"
#include "server/controller/stats.h"
#include "server/controller/turn.h"
#include "server/controller/waiters.h"
#include "server/controller/workers.h"
#include "server/core/account_edits.h"
#include "server/core/cluster.h"
#include "server/core/decide.h"
#include "server/core/query.h"
#include "server/store/store.h"

namespace gd::controller {

inline constexpr char kVouchPrefix[] = "vouch:";  // + node, in meta
inline constexpr size_t kMaxParked = 10'000;      // messages that wait for the name service
inline constexpr size_t kMaxLoginSessions = 256;
inline constexpr size_t kMaxExplanations = 64;  // questions to nodes, not yet answered
inline constexpr size_t kMaxExplanationsOfUser = 4;
inline constexpr Seconds kExplainPatience{20};
inline constexpr Seconds kLoginPatience{180};  // from the start to the last answer

// What the controller stands on; made by main, or by a test.
struct Parts {
  Settings settings;
  store::Store* store = nullptr;
  Outbox* outbox = nullptr;
  Workers* workers = nullptr;
  Mailbox* mailbox = nullptr;
  auth::AuthLink* auth = nullptr;           // nullptr: nobody can log in
  auth::KeyDirectory* directory = nullptr;  // what the ZAP handler reads
  TicketKeys ticket_keys;
  std::string public_key;  // of the controller
  std::string host;
  uint32_t threads = 1;  // of the process
  GroupResolver resolve_groups;
  std::function<void(core::MailNote)> send_mail;               // empty: nobody gets mail
  std::function<Result<Settings>()> reload;                    // gd.conf again
  std::function<void(const ControllerSettings&)> on_settings;  // log level, low disk
  std::optional<Uid> own_uid;  // not started as root: it administers
};

// Who sent a message, and where the answer goes.
struct Origin {
  Route route;
  uint64_t tag = 0;
  Peer peer;
  auth::Caller caller;
};

struct LoginSession {
  Origin origin;
  TimePoint until{};
  std::string made_by;  // auth::kMadeByPam, or kMadeByVouch + node
  std::optional<EnrolRequest> vouched;
};

struct PendingExplanation {
  Origin origin;
  std::string node;  // that was asked
  TimePoint until{};
  std::optional<TimePoint> expected_start;
};

struct Hub {
  Hub(Parts given, std::shared_ptr<const core::ClusterConfig> config, TimePoint started);

  Parts parts;
  std::shared_ptr<const core::ClusterConfig> cluster_config_now;
  core::Cluster cluster;
  core::AccountSections accounts;  // that sacctmgr made; in force unless gd.conf has such
  RecentRequests account_changes;
  std::shared_ptr<const std::vector<NodeView>> node_views;  // of this turn, if somebody asked
  std::shared_ptr<const core::Samples> samples;             // as last asked for, at samples_at
  TimePoint samples_at{};
  auth::KeyBook keys;
  std::map<std::string, JoinTokenRecord, std::less<>> tokens;  // by store key
  std::map<JobId, JobKeyRecord> job_keys;                      // of the jobs that hold nodes
  auth::Administrators administrators;
  Blobs blobs;
  Waiters waiters;
  GroupCache groups;
  std::map<Uid, std::vector<std::pair<Origin, Message>>> parked;
  size_t parked_count = 0;
  std::map<std::string, Route, std::less<>> node_routes;
  std::map<std::string, uint64_t, std::less<>> hello_tags;
  std::set<std::string> vouch_when_known;  // joined with a token that says so; durable in meta
  std::map<uint64_t, LoginSession> logins;
  uint64_t last_login = 0;
  std::map<uint64_t, PendingExplanation> explanations;
  uint64_t last_explanation = 0;
  uint32_t audit_serial = 0;
  Stats stats;
  Turn turn;
  bool stop = false;
  bool schedule = true;  // something may start
  TimePoint now{};       // of this round
  uint64_t bad_frames = 0;

  [[nodiscard]] const ControllerSettings& settings() const { return parts.settings.controller; }
  [[nodiscard]] auth::AccessRules rules() const {
    return {settings().allow_root_jobs, settings().private_data};
  }

  void reply(const Origin& origin, const Message& message) {
    turn.reply(origin.route, origin.tag, message);
  }
  void refuse(const Origin& origin, const Error& error) {
    reply(origin, ErrorReply{error.code, error.text});
  }

  // decide, apply, react; nothing has happened if it is refused. The reply is in it.
  Result<core::Decision> run(const core::Command& command);
  // Keys: into the batch, the book, and (once durable) to the ZAP handler's thread.
  void change_keys(const auth::KeyChange& change);
  void audit(const auth::Caller& caller, const std::string& text);
  // The groups must be known: dispatch sees to it.
  [[nodiscard]] core::Actor actor_of(const auth::Caller& caller) const;
  // How a client of this job reaches its step on each of its nodes; nothing if one of them has
  // no such port.
  [[nodiscard]] std::vector<StepAccess> access_to(const JobRecord& job, const StepRecord& step,
                                                  const std::string& client_key) const;
};

// Loads a Hub from the store: counters, nodes, live jobs, keys.
Result<std::unique_ptr<Hub>> load_hub(Parts parts, TimePoint now);

// The writes for what has changed in the cluster, and for the turn's own.
store::Batch make_batch(Hub& hub);

std::shared_ptr<const core::ClusterConfig> cluster_config(const Settings& settings);
// What a file says, with the accounts that the controller keeps, if these are in force.
Result<Settings> with_kept_accounts(const Hub& hub, const Settings& from_file);

}  // namespace gd::controller

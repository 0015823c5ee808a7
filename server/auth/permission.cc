// See permission.h. Both tables are complete: a message type without a row is
// refused to all, and the tests ask for a row for each.
#include "server/auth/permission.h"

#include "base/text.h"
#include "proto/messages.h"
#include "server/auth/key_rules.h"

namespace gd::auth {

namespace {

using enum MessageType;

constexpr bool kYes = true;
constexpr bool kNo = false;

constexpr SendRule kSendRules[] = {
    // type                  nobody  user  job   node  administrators only
    {ping_request, kNo, kYes, kYes, kYes, kNo},
    {submit_request, kNo, kYes, kYes, kNo, kNo},
    {job_query, kNo, kYes, kYes, kNo, kNo},
    {cancel_request, kNo, kYes, kYes, kNo, kNo},
    {job_control_request, kNo, kYes, kYes, kNo, kNo},
    {job_update_request, kNo, kYes, kYes, kNo, kNo},
    {wait_request, kNo, kYes, kYes, kNo, kNo},
    {step_request, kNo, kYes, kYes, kNo, kNo},
    {script_query, kNo, kYes, kYes, kNo, kNo},
    {node_query, kNo, kYes, kYes, kNo, kNo},
    {node_update_request, kNo, kYes, kNo, kNo, kYes},
    {partition_query, kNo, kYes, kYes, kNo, kNo},
    {share_query, kNo, kYes, kYes, kNo, kNo},
    {limit_query, kNo, kYes, kYes, kNo, kNo},
    {why_query, kNo, kYes, kYes, kNo, kNo},
    {reservation_query, kNo, kYes, kYes, kNo, kNo},
    {reservation_request, kNo, kYes, kNo, kNo, kYes},
    {usage_reset_request, kNo, kYes, kNo, kNo, kYes},
    {config_query, kNo, kYes, kYes, kNo, kNo},
    {reconfigure_request, kNo, kYes, kNo, kNo, kYes},
    {accounts_request, kNo, kYes, kNo, kNo, kNo},  // coordinators too: core/account_edits.h
    {crontab_query, kNo, kYes, kYes, kNo, kNo},
    {crontab_request, kNo, kYes, kYes, kNo, kNo},
    {stats_query, kNo, kYes, kYes, kNo, kNo},
    {shutdown_request, kNo, kYes, kNo, kNo, kYes},
    {key_list_request, kNo, kYes, kNo, kNo, kNo},
    {key_revoke_request, kNo, kYes, kNo, kNo, kNo},
    {node_token_request, kNo, kYes, kNo, kNo, kYes},
    {login_start, kYes, kYes, kNo, kNo, kNo},
    {login_answer, kYes, kYes, kNo, kNo, kNo},
    {enrol_request, kNo, kNo, kNo, kYes, kNo},
    {node_join, kYes, kNo, kNo, kYes, kNo},
    {node_hello, kNo, kNo, kNo, kYes, kNo},
    {node_report, kNo, kNo, kNo, kYes, kNo},
    {node_explained, kNo, kNo, kNo, kYes, kNo},
    // Answers, and what clients, nodes and shepherds tell each other: never for us.
    {error_reply, kNo, kNo, kNo, kNo, kNo},
    {ok_reply, kNo, kNo, kNo, kNo, kNo},
    {ping_reply, kNo, kNo, kNo, kNo, kNo},
    {submit_reply, kNo, kNo, kNo, kNo, kNo},
    {job_query_reply, kNo, kNo, kNo, kNo, kNo},
    {jobs_reply, kNo, kNo, kNo, kNo, kNo},
    {job_notice, kNo, kNo, kNo, kNo, kNo},
    {step_reply, kNo, kNo, kNo, kNo, kNo},
    {script_reply, kNo, kNo, kNo, kNo, kNo},
    {node_query_reply, kNo, kNo, kNo, kNo, kNo},
    {partition_query_reply, kNo, kNo, kNo, kNo, kNo},
    {share_query_reply, kNo, kNo, kNo, kNo, kNo},
    {accounts_reply, kNo, kNo, kNo, kNo, kNo},
    {crontab_reply, kNo, kNo, kNo, kNo, kNo},
    {limit_query_reply, kNo, kNo, kNo, kNo, kNo},
    {why_reply, kNo, kNo, kNo, kNo, kNo},
    {reservation_query_reply, kNo, kNo, kNo, kNo, kNo},
    {stats_reply, kNo, kNo, kNo, kNo, kNo},
    {config_reply, kNo, kNo, kNo, kNo, kNo},
    {key_list_reply, kNo, kNo, kNo, kNo, kNo},
    {node_token_reply, kNo, kNo, kNo, kNo, kNo},
    {login_prompt, kNo, kNo, kNo, kNo, kNo},
    {login_done, kNo, kNo, kNo, kNo, kNo},
    {node_joined, kNo, kNo, kNo, kNo, kNo},
    {node_welcome, kNo, kNo, kNo, kNo, kNo},
    {node_orders, kNo, kNo, kNo, kNo, kNo},
    {stream_open, kNo, kNo, kNo, kNo, kNo},
    {stream_opened, kNo, kNo, kNo, kNo, kNo},
    {stream_data, kNo, kNo, kNo, kNo, kNo},
    {stream_end, kNo, kNo, kNo, kNo, kNo},
    {stream_ack, kNo, kNo, kNo, kNo, kNo},
    {stream_resize, kNo, kNo, kNo, kNo, kNo},
    {stream_signal, kNo, kNo, kNo, kNo, kNo},
    {stream_ping, kNo, kNo, kNo, kNo, kNo},
    {stream_exit, kNo, kNo, kNo, kNo, kNo},
    {stream_notice, kNo, kNo, kNo, kNo, kNo},
    {step_launch, kNo, kNo, kNo, kNo, kNo},
    {shepherd_status, kNo, kNo, kNo, kNo, kNo},
    {shepherd_order, kNo, kNo, kNo, kNo, kNo},
    {step_sample, kNo, kNo, kNo, kNo, kNo},
    {explain_reply, kNo, kNo, kNo, kNo, kNo},
    {node_explain, kNo, kNo, kNo, kNo, kNo},
};

struct ActRule {
  Action action;
  const char* verb;
  bool owner, administrator, root, others;
};

// root: an administrator of uid 0. others: any user, unless data are private.
constexpr ActRule kActRules[] = {
    // action         verb                       owner administrator root others
    {Action::submit, "submit jobs for", kYes, kNo, kNo, kNo},
    {Action::see, "see jobs of", kYes, kYes, kYes, kYes},
    {Action::read, "read the scripts of", kYes, kYes, kYes, kNo},
    {Action::cancel, "cancel or signal jobs of", kYes, kYes, kYes, kNo},
    {Action::control, "change jobs of", kYes, kYes, kYes, kNo},
    {Action::raise, "lift limits of jobs of", kNo, kYes, kYes, kNo},
    {Action::attach, "enter jobs of", kYes, kNo, kYes, kNo},
};

const SendRule* send_rule(MessageType type) {
  for (const SendRule& rule : kSendRules) {
    if (rule.type == type) return &rule;
  }
  return nullptr;
}

bool kind_may(const SendRule& rule, PeerKind kind) {
  switch (kind) {
    case PeerKind::nobody: return rule.nobody;
    case PeerKind::user: return rule.user;
    case PeerKind::job: return rule.job;
    case PeerKind::node: return rule.node;
  }
  return false;
}

std::string who(const Caller& caller) {
  switch (caller.kind) {
    case PeerKind::nobody: return "a key without an identity";
    case PeerKind::user: return "user " + caller.name;
    case PeerKind::job: return "a job of user " + caller.name;
    case PeerKind::node: return "node " + caller.name;
  }
  return "an unknown kind of peer";
}

bool acts_for_a_user(const Caller& caller) {
  return caller.kind == PeerKind::user || caller.kind == PeerKind::job;
}

bool rule_allows(const ActRule& rule, const Caller& caller, Uid owner, const AccessRules& rules) {
  if (rule.owner && caller.uid == owner) return true;
  if (rule.administrator && caller.administrator) return true;
  if (rule.root && caller.administrator && caller.uid == 0) return true;
  return rule.others && !rules.private_data;
}

}  // namespace

std::span<const SendRule> send_rules() {
  return kSendRules;
}

Caller make_caller(const KeyRecord* key, const Administrators& administrators) {
  Caller caller;
  if (key == nullptr) return caller;
  caller.name = key->name;
  if (key->kind == KeyKind::node) {
    caller.kind = PeerKind::node;
    return caller;
  }
  if (key->kind != KeyKind::user && key->kind != KeyKind::job) return Caller{};
  caller.kind = key->kind == KeyKind::user ? PeerKind::user : PeerKind::job;
  caller.uid = key->uid;
  caller.gid = key->gid;
  caller.job = JobId{key->job};
  const bool own_evidence = key->made_by == kMadeByPam || key->made_by == kMadeByPeer;
  const bool listed =
      administrators.users.contains(key->uid) || administrators.groups.contains(key->gid);
  const bool root_here = key->uid == 0 && key->made_by == kMadeByPeer;
  caller.administrator =
      key->kind == KeyKind::user && own_evidence && (key->uid == 0 ? root_here : listed);
  return caller;
}

Result<void> may_send(const Caller& caller, MessageType type) {
  const SendRule* rule = send_rule(type);
  const bool allowed = rule != nullptr && kind_may(*rule, caller.kind);
  if (!allowed && caller.kind == PeerKind::nobody) {
    return Error{ErrorCode::unauthenticated, "your key is not known, was revoked, or has expired"};
  }
  if (!allowed) {
    return Error{ErrorCode::denied, who(caller) + " may not send " + std::string(name(type))};
  }
  if (rule->administrators_only && !caller.administrator) {
    return Error{ErrorCode::denied,
                 who(caller) + " is no administrator: " + std::string(name(type)) + " refused"};
  }
  return {};
}

Result<void> may_act(const Caller& caller, Action action, Uid owner, const AccessRules& rules) {
  if (!acts_for_a_user(caller)) {
    return Error{ErrorCode::denied, who(caller) + " has nothing to do with jobs"};
  }
  if (action == Action::submit && caller.uid == 0 && !rules.allow_root_jobs) {
    return Error{ErrorCode::denied, "uid 0 submits no jobs here (allow_root_jobs = no)"};
  }
  for (const ActRule& rule : kActRules) {
    if (rule.action != action) continue;
    if (rule_allows(rule, caller, owner, rules)) return {};
    return Error{ErrorCode::denied,
                 who(caller) + " may not " + rule.verb + " uid " + std::to_string(owner)};
  }
  return Error{ErrorCode::denied, "unknown action"};
}

std::optional<Uid> sees_only(const Caller& caller, const AccessRules& rules) {
  if (!rules.private_data || caller.administrator) return std::nullopt;
  return caller.uid;
}

}  // namespace gd::auth

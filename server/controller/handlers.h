// One function a message: what it does to the hub. Each gets a message that
// may_send() has let through, and answers through the turn.
#pragma once

#include "server/controller/hub.h"

namespace gd::controller {

// job_requests.cc
void on_submit(Hub& hub, const Origin& origin, SubmitRequest&& request);
void on_cancel(Hub& hub, const Origin& origin, CancelRequest&& request);
void on_control(Hub& hub, const Origin& origin, JobControlRequest&& request);
void on_update(Hub& hub, const Origin& origin, JobUpdateRequest&& request);
void on_step(Hub& hub, const Origin& origin, StepRequest&& request);
void on_wait(Hub& hub, const Origin& origin, WaitRequest&& request);

// explain_requests.cc
void explain_submission(Hub& hub, const Origin& origin, SubmitRequest&& request);
void on_explained(Hub& hub, const Origin& origin, NodeExplained&& answer);
void expire_explanations(Hub& hub);

// node_requests.cc
void on_hello(Hub& hub, const Origin& origin, NodeHello&& hello);
void on_report(Hub& hub, const Origin& origin, NodeReport&& report);
void on_reservation(Hub& hub, const Origin& origin, ReservationRequest&& request);
void on_usage_reset(Hub& hub, const Origin& origin, UsageResetRequest&& request);
void on_node_update(Hub& hub, const Origin& origin, NodeUpdateRequest&& request);

// key_requests.cc
void on_key_list(Hub& hub, const Origin& origin, KeyListRequest&& request);
void on_key_revoke(Hub& hub, const Origin& origin, KeyRevokeRequest&& request);
void on_node_token(Hub& hub, const Origin& origin, NodeTokenRequest&& request);
void on_node_join(Hub& hub, const Origin& origin, NodeJoin&& request);
void on_login_start(Hub& hub, const Origin& origin, LoginStart&& request);
void on_login_answer(Hub& hub, const Origin& origin, LoginAnswer&& request);
void on_enrol(Hub& hub, const Origin& origin, EnrolRequest&& request);
void on_auth_event(Hub& hub, auth::AuthEvent&& event);
void expire_logins(Hub& hub);

// admin_requests.cc
void on_ping(Hub& hub, const Origin& origin, PingRequest&& request);
void on_config(Hub& hub, const Origin& origin, ConfigQuery&& request);
void on_stats(Hub& hub, const Origin& origin, StatsQuery&& request);
void on_reconfigure(Hub& hub, const Origin& origin, ReconfigureRequest&& request);
void on_shutdown(Hub& hub, const Origin& origin, ShutdownRequest&& request);
Result<OkReply> reconfigure(Hub& hub, const auth::Caller& caller);

// crontab_requests.cc
void on_crontab(Hub& hub, const Origin& origin, CrontabRequest&& request);
void on_crontab_query(Hub& hub, const Origin& origin, CrontabQuery&& request);

// account_requests.cc
void on_accounts(Hub& hub, const Origin& origin, AccountsRequest&& request);

// query_requests.cc: handed to a worker after the commit
void on_job_query(Hub& hub, const Origin& origin, JobQuery&& request);
void on_script_query(Hub& hub, const Origin& origin, ScriptQuery&& request);
void on_node_query(Hub& hub, const Origin& origin, NodeQuery&& request);
void on_partition_query(Hub& hub, const Origin& origin, PartitionQuery&& request);
void on_reservation_query(Hub& hub, const Origin& origin, ReservationQuery&& request);
void on_why_query(Hub& hub, const Origin& origin, WhyQuery&& request);
void on_limit_query(Hub& hub, const Origin& origin, LimitQuery&& request);
void on_share_query(Hub& hub, const Origin& origin, ShareQuery&& request);

}  // namespace gd::controller

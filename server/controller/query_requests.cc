// From a question to a worker. What the worker needs of the owner's memory is
// copied when the turn is durable, so that an answer never shows what might still
// be lost, and always shows what the asker was told before.
#include "proto/codec.h"
#include "server/controller/handlers.h"
#include "server/controller/query.h"
#include "server/core/command.h"
#include "server/core/query.h"
#include "server/core/why.h"

namespace gd::controller {
namespace {

constexpr Milliseconds kSamplesAge = 500ms;

// On a worker: the reply goes back through the mailbox.
SendPage page_sender(Hub& hub, const Origin& origin) {
  return [mailbox = hub.parts.mailbox, outbox = hub.parts.outbox, route = origin.route,
          tag = origin.tag](Bytes body) {
    mailbox->post([outbox, route, tag, body = std::move(body)] { outbox->send(route, tag, body); },
                  Mailbox::WhenFull::wait);
  };
}

void ask_workers(Hub& hub, const Origin& origin, JobQuestion question) {
  SendPage send = page_sender(hub, origin);
  const Result<void> taken = hub.parts.workers->submit(
      [store = hub.parts.store, question = std::move(question), send = std::move(send)] {
        const Result<std::unique_ptr<store::Snapshot>> snapshot = store->snapshot();
        if (!snapshot.ok()) {
          return send(encode(ErrorReply{snapshot.error().code, snapshot.error().text}));
        }
        answer_jobs(**snapshot, question, send);
      });
  if (!taken.ok()) {
    hub.parts.outbox->send(origin.route, origin.tag,
                           encode(ErrorReply{taken.error().code, taken.error().text}));
  }
}

// However many watch, all samples are gathered once in kSamplesAge.
std::shared_ptr<const core::Samples> samples_now(Hub& hub) {
  const bool old = hub.now - hub.samples_at >= kSamplesAge || hub.now < hub.samples_at;
  if (!hub.samples || old) {
    hub.samples = std::make_shared<const core::Samples>(core::all_samples(hub.cluster));
    hub.samples_at = hub.now;
  }
  return hub.samples;
}

JobsView jobs_view(Hub& hub, const JobQuery& query) {
  return {{hub.cluster_config_now, hub.cluster.total_cpus(), hub.cluster.fair_factors()},
          hub.cluster.promises(),
          query.live ? samples_now(hub) : nullptr,
          hub.now};
}

ShareView share_view(const sched::ShareRow& row) {
  return {.account = row.account,
          .parent = row.parent,
          .user = row.user,
          .depth = row.depth,
          .shares = row.shares,
          .part_of_shares = row.part_of_shares,
          .usage = row.rank.usage,
          .part_of_usage = row.part_of_usage,
          .part_of_all = row.part_of_all,
          .level = row.rank.level,
          .factor = row.rank.factor};
}

template <class Reply>
void send_now(Hub& hub, const Origin& origin, Reply reply) {
  hub.parts.outbox->send(origin.route, origin.tag, encode(Message(std::move(reply))));
}

// Of a job that is live, or has ended within replay_age.
Result<ScriptReply> answer_script(const Hub& hub, const auth::Caller& caller, JobId id) {
  const std::unique_ptr<store::Snapshot> snapshot = TRY(hub.parts.store->snapshot());
  const JobRecord* live = hub.cluster.find_job(id);
  const JobRecord job = live != nullptr ? *live : TRY(read_finished(*snapshot, id));
  if (!auth::may_act(caller, auth::Action::see, job.uid, hub.rules()).ok()) {
    return Error{ErrorCode::not_found, "job " + std::to_string(id.value) + ": no such job"};
  }
  TRY(auth::may_act(caller, auth::Action::read, job.uid, hub.rules()));
  return read_script(*snapshot, job);
}

}  // namespace

void on_job_query(Hub& hub, const Origin& origin, JobQuery&& query) {
  if (query.filter.jobs.size() > kMaxListEntries) {
    return hub.refuse(origin, {ErrorCode::invalid, "query names too many jobs"});
  }
  for (const JobElements& each : query.filter.elements) {
    if (each.elements.is_valid()) continue;
    return hub.refuse(origin, {ErrorCode::invalid, "query names elements that make no sense"});
  }
  hub.turn.after.emplace_back([&hub, origin, query = std::move(query)]() mutable {
    JobsView view = jobs_view(hub, query);
    ask_workers(hub, origin,
                {std::move(query), auth::sees_only(origin.caller, hub.rules()), std::move(view)});
  });
}

void on_script_query(Hub& hub, const Origin& origin, ScriptQuery&& query) {
  hub.turn.after.emplace_back([&hub, origin, id = query.job] {
    const Result<ScriptReply> reply = answer_script(hub, origin.caller, id);
    if (reply.ok()) return send_now(hub, origin, *reply);
    send_now(hub, origin, ErrorReply{reply.error().code, reply.error().text});
  });
}

void on_node_query(Hub& hub, const Origin& origin, NodeQuery&& query) {
  hub.turn.after.emplace_back([&hub, origin, query = std::move(query)] {
    if (!hub.node_views) {  // once a turn, however many ask
      hub.node_views = std::make_shared<const std::vector<NodeView>>(core::node_views(hub.cluster));
    }
    NodeQueryReply reply;
    if (query.names.empty()) {
      reply.nodes = *hub.node_views;
      return send_now(hub, origin, std::move(reply));
    }
    for (const std::string& name : query.names) {
      const core::NodeEntry* node = hub.cluster.find_node(name);
      if (node == nullptr) {
        return send_now(hub, origin,
                        ErrorReply{ErrorCode::not_found, "node " + name + ": no such node"});
      }
      reply.nodes.push_back(core::view_of(hub.cluster, *node));
    }
    send_now(hub, origin, std::move(reply));
  });
}

void on_partition_query(Hub& hub, const Origin& origin, PartitionQuery&&) {
  hub.turn.after.emplace_back([&hub, origin] {
    send_now(hub, origin, PartitionQueryReply{core::partition_views(hub.cluster)});
  });
}

void on_share_query(Hub& hub, const Origin& origin, ShareQuery&&) {
  const bool others_hidden = auth::sees_only(origin.caller, hub.rules()).has_value();
  hub.turn.after.emplace_back([&hub, origin, others_hidden] {
    ShareQueryReply reply;
    for (const sched::ShareRow& row :
         hub.cluster.fair_share().rows(hub.cluster.limits().ledger(), hub.now)) {
      if (others_hidden && !row.user.empty() && row.user != origin.caller.name) continue;
      reply.rows.push_back(share_view(row));
    }
    send_now(hub, origin, std::move(reply));
  });
}

void on_reservation_query(Hub& hub, const Origin& origin, ReservationQuery&&) {
  hub.turn.after.emplace_back([&hub, origin] {
    ReservationQueryReply reply;
    reply.now = hub.now;
    for (const auto& [name, entry] : hub.cluster.reservations()) {
      reply.reservations.push_back(entry.record);
    }
    send_now(hub, origin, std::move(reply));
  });
}

void on_why_query(Hub& hub, const Origin& origin, WhyQuery&& query) {
  hub.turn.after.emplace_back([&hub, origin, query] {
    const JobRecord* job = core::record_of(hub.cluster, query);
    const bool hidden =
        job != nullptr &&
        !auth::may_act(origin.caller, auth::Action::see, job->uid, hub.rules()).ok();
    const Result<WhyReply> reply =
        hidden
            ? Error{ErrorCode::not_found, "job " + std::to_string(query.job.value) +
                                              ": it does not wait, or there is none"}
            : core::answer_why(hub.cluster, query, hub.now,
                               auth::sees_only(origin.caller, hub.rules()) ? core::Others::hidden
                                                                           : core::Others::named);
    if (reply.ok()) return send_now(hub, origin, *reply);
    send_now(hub, origin, ErrorReply{reply.error().code, reply.error().text});
  });
}

void on_limit_query(Hub& hub, const Origin& origin, LimitQuery&&) {
  const bool others_hidden = auth::sees_only(origin.caller, hub.rules()).has_value();
  hub.turn.after.emplace_back([&hub, origin, others_hidden] {
    LimitQueryReply reply = core::limit_views(hub.cluster, hub.now);
    if (others_hidden) {
      std::erase_if(reply.limits, [&](const LimitView& view) {
        const bool of_a_user = view.kind == "user" || view.kind.starts_with("user of");
        return of_a_user && view.user != origin.caller.name;
      });
    }
    send_now(hub, origin, std::move(reply));
  });
}

}  // namespace gd::controller

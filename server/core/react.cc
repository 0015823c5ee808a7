// From events to who must hear of them.
#include "server/core/react.h"

#include <optional>
#include <type_traits>
#include <utility>

#include "server/core/mail.h"

namespace gd::core {

namespace {

struct Reactor {
  const Cluster& cluster;
  Effects& effects;

  void tell_nodes(JobId id) const {
    if (const JobRecord* job = cluster.find_job(id)) {
      for (const NodeShare& share : job->nodes) effects.orders.insert(share.node);
    }
  }
  void changed(JobId id) const { effects.notify.insert(id); }
  void may_start() const { effects.schedule = true; }

  void operator()(const JobAdded& e) const { changed(e.job.id), may_start(); }
  void operator()(const JobWaits& e) const { changed(e.job); }
  void operator()(const JobHeld& e) const { changed(e.job); }
  void operator()(const JobReleased& e) const { changed(e.job), may_start(); }
  void operator()(const JobEligible& e) const { changed(e.job), may_start(); }
  void operator()(const JobUpdated& e) const { tell_nodes(e.job), changed(e.job), may_start(); }
  void operator()(const JobSplit& e) const { changed(e.job), changed(e.part.id); }
  void operator()(const DependencySet& e) const { changed(e.job), may_start(); }
  void operator()(const ArrayLimitSet& e) const { changed(e.job), may_start(); }
  void operator()(const JobAllocated& e) const { tell_nodes(e.job), changed(e.job); }
  void operator()(const JobBegan& e) const { changed(e.job); }
  void operator()(const JobGot&) const {}
  void operator()(const TakeoverBegun& e) const { changed(e.job); }
  void operator()(const TakeoverEnded& e) const { changed(e.job), may_start(); }
  void operator()(const JobEnding& e) const { tell_nodes(e.job), changed(e.job); }
  void operator()(const JobEndChanged& e) const { tell_nodes(e.job), changed(e.job); }
  void operator()(const ShareReleased& e) const { effects.orders.insert(e.node), may_start(); }
  void operator()(const JobEnded& e) const { tell_nodes(e.job), changed(e.job), may_start(); }
  void operator()(const JobRequeued& e) const { changed(e.job), may_start(); }
  void operator()(const JobSignalled& e) const { tell_nodes(e.job); }
  void operator()(const SignalsDone&) const {}
  void operator()(const TimeMarked&) const {}
  void operator()(const JobPurged& e) const { changed(e.job); }
  void tell_nodes(const StepRecord& step) const {
    for (const StepShare& share : step.shares) effects.orders.insert(share.node);
  }
  void operator()(const StepAdded& e) const { tell_nodes(e.step); }
  void operator()(const StepChanged& e) const {
    tell_nodes(e.step);
    // A place that is there lets the script be launched on its own node.
    if (e.step.id == kExternStep) tell_nodes(e.job);
    changed(e.job);
  }

  void operator()(const NodeCame& e) const { effects.welcome.insert(e.info.name); }
  void operator()(const NodeReported& e) const {
    effects.orders.insert(e.node);
    const NodeEntry* node = cluster.find_node(e.node);
    if (node != nullptr && node->link.opened_by == e.report.number) may_start();
  }
  void operator()(const NodeChanged& e) const {
    effects.orders.insert(e.node.name);
    may_start();
  }
  void operator()(const NodeRemoved&) const { may_start(); }
  void operator()(const NodeUnknown& e) const { effects.say_hello.insert(e.node); }

  void operator()(const ReservationSet&) const { may_start(); }
  void operator()(const ReservationBegan&) const { may_start(); }
  void operator()(const ReservationRemoved&) const { may_start(); }

  void operator()(const CrontabSet&) const {}
  void operator()(const CrontabRemoved&) const {}

  void operator()(const ClientSeen&) const {}
  void operator()(const Promised&) const {}
  void operator()(const FetchesWanted& e) const {
    for (const auto& [name, fetches] : e.by_node) effects.orders.insert(name);
  }
  void operator()(const PassWanted&) const {}
  void operator()(const UsageReset&) const { may_start(); }
  void operator()(const PassDue&) const { may_start(); }
  void operator()(const SharesRanked&) const {}
  void operator()(const Reconfigured&) const { may_start(); }
  void operator()(const AuditEntry&) const {}
};

}  // namespace

void react(const Cluster& cluster, const Event& event, Effects& effects) {
  std::visit(Reactor{cluster, effects}, event);
  if (std::optional<MailNote> note = mail_for(cluster, event)) {
    effects.mails.push_back(*std::move(note));
  }
}

void react_to_start(const Cluster& cluster, Effects& effects) {
  // Nodes are told when they say hello; clients ask again by themselves.
  for (const auto& [name, node] : cluster.nodes()) effects.orders.insert(name);
  effects.schedule = true;
}

}  // namespace gd::core

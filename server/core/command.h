// Everything that can be asked of the cluster or happen to it. Each is a value;
// who asks is in it, as the socket established it, with the groups and the right
// to administer resolved by the controller.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/alternative.h"
#include "base/digest.h"
#include "proto/ids.h"
#include "proto/messages_client.h"
#include "proto/messages_cluster.h"
#include "proto/messages_node.h"
#include "proto/messages_policy.h"
#include "server/core/cluster_config.h"

namespace gd::core {

struct Actor {
  Uid uid = 0;
  Gid gid = 0;
  std::string user;
  std::string group;                // name of gid
  std::vector<std::string> groups;  // names, gid's among them
  bool administrator = false;
};

struct Submit {
  Actor actor;
  RequestId request;
  JobSpec spec;
  std::optional<Digest> script;  // stored by the controller in the same batch
  std::optional<Digest> environment;
  bool test_only = false;
};

struct CancelJobs {  // or signal
  Actor actor;
  CancelRequest request;
};

struct ControlJobs {
  Actor actor;
  JobControlRequest request;
};

struct UpdateJobs {
  Actor actor;
  JobUpdateRequest request;
};

struct StartStep {  // a new step; attaching changes nothing and is the controller's to answer
  Actor actor;
  StepRequest request;
  std::optional<Digest> environment;
};

struct UpdateNodes {
  Actor actor;
  NodeUpdateRequest request;
};

struct NodeArrived {  // hello, over a connection with this node's key
  NodeHello hello;
};

struct NodeTold {  // a report, from this node
  std::string node;
  NodeReport report;
};

struct ClientHeard {  // the client of an interactive job is there
  Actor actor;
  JobId job;
};

struct ChangeReservation {
  Actor actor;
  ReservationRequest request;
};

struct SetCrontab {  // in the place of what there was
  struct Entry {
    JobSpec spec;
    std::optional<Digest> script;  // stored by the controller in the same batch
    std::optional<Digest> environment;
  };
  Actor actor;
  RequestId request;
  Uid owner = 0;  // the actor, or somebody whose crontab is removed
  bool remove = false;
  std::string text;
  std::vector<Entry> entries;
};

struct Tick {};          // timers: see next_timer() in decide.h
struct SchedulePass {};  // start what can start

struct Reconfigure {
  Actor actor;
  std::shared_ptr<const ClusterConfig> config;  // never null
};

struct SetAccounts {  // a configuration that differs from the one in force in accounts only
  Actor actor;
  std::shared_ptr<const ClusterConfig> config;  // never null
  std::string what;                             // for the event log
};

struct ResetUsage {  // so that it begins anew
  Actor actor;
  std::vector<UsageOwner> owners;
};

using CommandVariant =
    std::variant<Submit, CancelJobs, ControlJobs, UpdateJobs, StartStep, UpdateNodes, NodeArrived,
                 NodeTold, ClientHeard, Tick, SchedulePass, Reconfigure, ChangeReservation,
                 SetAccounts, ResetUsage, SetCrontab>;

// One of them; a class of its own for the reason that Event is one.
class Command : public CommandVariant {
 public:
  template <class Body>
  requires is_alternative_of<Body, CommandVariant> Command(Body body)
      : CommandVariant(std::in_place_type<Body>, std::move(body)) {}  // NOLINT: implicit
  Command(const Command& other);
  Command(Command&& other) noexcept;
  Command& operator=(const Command& other);
  Command& operator=(Command&& other) noexcept;
  ~Command();
};

}  // namespace gd::core

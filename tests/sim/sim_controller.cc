#include "tests/sim/sim_controller.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "proto/codec.h"
#include "server/core/invariants.h"
#include "server/core/orders.h"
#include "server/core/query.h"
#include "server/core/react.h"
#include "server/store/tables.h"

namespace gd::sim {

namespace {

using store::Table;

uint64_t number_in(store::Snapshot& snapshot, std::string_view name) {
  const auto found = snapshot.find(Table::meta, name);
  uint64_t value = 1;
  if (found.ok() && *found) {
    std::from_chars((*found)->data(), (*found)->data() + (*found)->size(), value);
  }
  return value;
}

template <class Record, class Use>
void for_each(store::Snapshot& snapshot, Table table, Use use) {
  (void)snapshot.scan(table, "", [&](std::string_view, std::string_view value) {
    auto record = decode_record<Record>(value);
    if (record.ok()) use(std::move(record).take());
    return store::Visit::next;
  });
}

}  // namespace

core::Actor actor_of(const std::string& client) {
  core::Actor actor;
  actor.user = client.substr(0, client.find('/'));  // "u1/5": for submission 5
  actor.group = "users";
  actor.groups = {"users"};
  actor.gid = 100;
  actor.administrator = actor.user == "admin";
  actor.uid = actor.administrator ? 999 : 1000 + static_cast<Uid>(actor.user.back());
  return actor;
}

SimController::SimController(std::shared_ptr<const core::ClusterConfig> config, Dice& dice,
                             const Faults& faults, Network& network)
    : config_(std::move(config)), dice_(dice), faults_(faults), network_(network) {}

// As the controller does it (hub_store.cc): what is not yet counted as gone stays live.
void SimController::restore_arrays(store::Snapshot& stored) {
  std::map<JobId, std::vector<JobRecord>> finished;
  for_each<JobRecord>(stored, Table::finished, [&](JobRecord job) {
    if (job.array && cluster_->find_job(job.id) == nullptr) {
      finished[job.array->array].push_back(std::move(job));
    }
  });
  for (auto& [array, records] : finished) {
    if (cluster_->find_array(array) == nullptr) continue;
    for (JobRecord& job : core::not_counted(*cluster_, array, std::move(records))) {
      cluster_->restore(std::move(job));
    }
  }
}

void SimController::start(TimePoint now) {
  cluster_ = std::make_unique<core::Cluster>(config_, now);
  auto snapshot = store_.snapshot();
  store::Snapshot& stored = *snapshot.value();
  cluster_->restore(core::Counters{static_cast<uint32_t>(number_in(stored, "job")),
                                   number_in(stored, "launch"), number_in(stored, "session"),
                                   number_in(stored, "signal")});
  for_each<NodeRecord>(stored, Table::nodes,
                       [&](NodeRecord node) { cluster_->restore(std::move(node)); });
  for_each<JobRecord>(stored, Table::jobs,
                      [&](JobRecord job) { cluster_->restore(std::move(job)); });
  for_each<JobRecord>(stored, Table::finished, [&](JobRecord job) {
    if (job.end_time >= now - config_->min_job_age) cluster_->restore(std::move(job));
  });
  restore_arrays(stored);
  effects_ = core::Effects{};
  answers_.clear();
  core::react_to_start(*cluster_, effects_);
  if (const auto sound = core::check_all(*cluster_); !sound.ok()) {
    complain("after a restart: " + sound.error().text);
  }
}

void SimController::recover(TimePoint now) {
  if (cluster_ == nullptr) start(now);
}

bool SimController::dies(TimePoint now) {
  if (!dice_.one_in(faults_.controller_crash)) return false;
  ++crashes_;
  cluster_.reset();
  store_.crash(dice_.below(store_.unsynced() + 1));  // some of what was not synced may be there
  up_at_ = now + Seconds{dice_.between(1, 30)};
  return true;
}

std::optional<core::Reply> SimController::handle(TimePoint now, const core::Command& command) {
  ++commands_;
  Result<core::Decision> decision = core::decide(*cluster_, command, now);
  if (!decision.ok()) return std::nullopt;
  check_victims(now, decision->events);
  for (const core::Event& event : decision->events) {
    core::apply(*cluster_, event);
    core::react(*cluster_, event, effects_);
  }
  if (const auto sound = core::check_all(*cluster_); !sound.ok()) complain(sound.error().text);
  return std::move(decision->reply);
}

// Who is ended for another job is below it and has run long enough, and the place is kept for it.
// Asked of the decision, before it is applied.
void SimController::check_victims(TimePoint now, const std::vector<core::Event>& events) {
  std::map<JobId, const core::TakeoverBegun*> takeovers;
  std::map<JobId, const JobRecord*> parts;
  for (const core::Event& event : events) {
    if (const auto* begun = std::get_if<core::TakeoverBegun>(&event)) takeovers[begun->job] = begun;
    if (const auto* split = std::get_if<core::JobSplit>(&event))
      parts[split->part.id] = &split->part;
  }
  for (const core::Event& event : events) {
    const auto* ending = std::get_if<core::JobEnding>(&event);
    if (ending == nullptr || !ending->preempted) continue;
    ++preemptions_;
    const std::string who = "job " + std::to_string(ending->job.value) + " is ended for another ";
    const JobId by = ending->preempted->by;
    const auto takeover = takeovers.find(by);
    if (takeover == takeovers.end()) return complain(who + "that does not take over");
    const auto& awaits = takeover->second->takeover.awaits;
    if (std::ranges::count(awaits, ending->job) == 0) complain(who + "that does not await it");
    const JobRecord* taker = parts.contains(by) ? parts[by] : cluster_->find_job(by);
    const sched::PreemptRules& rules = *cluster_->preempt_rules();
    const sched::Tenant& tenant = cluster_->tenants().at(ending->job);
    const auto partition = cluster_->find_partition(takeover->second->takeover.partition);
    const uint32_t column = sched::preempt_column(config_->limits, core::qos_of(*taker->spec));
    const uint32_t tier = cluster_->partitions()[partition->value].tier;
    if (!rules.allows(sched::preempt_row(rules, column), tier, tenant)) {
      complain(who + "of the same rank or a lower one");
    }
    if (tenant.safe_until > now) complain(who + "too early");
  }
}

store::Batch SimController::make_batch() {
  const core::Changes changes = cluster_->take_changes();
  store::Batch batch;
  for (const JobId id : changes.jobs) {
    const JobRecord* job = cluster_->find_job(id);
    const Bytes key = store::job_key(id);
    if (job == nullptr) {
      batch.push_back({Table::jobs, key, std::nullopt});
      continue;
    }
    const bool over = ended(job->state);
    batch.push_back({over ? Table::finished : Table::jobs, key, encode_record(*job)});
    if (over) batch.push_back({Table::jobs, key, std::nullopt});
  }
  for (const core::FinishedKey& key : changes.unfinished) {
    if (const JobRecord* job = cluster_->find_job(key.job); job != nullptr && !ended(job->state)) {
      batch.push_back({Table::finished, store::job_key(key.job), std::nullopt});
    }
  }
  for (const std::string& name : changes.nodes) {
    const core::NodeEntry* node = cluster_->find_node(name);
    if (node == nullptr)
      batch.push_back({Table::nodes, name, std::nullopt});
    else
      batch.push_back({Table::nodes, name, encode_record(node->record)});
  }
  if (changes.counters) {
    const core::Counters& now = cluster_->counters();
    batch.push_back({Table::meta, "job", std::to_string(now.job)});
    batch.push_back({Table::meta, "launch", std::to_string(now.launch)});
    batch.push_back({Table::meta, "session", std::to_string(now.session)});
    batch.push_back({Table::meta, "signal", std::to_string(now.signal)});
  }
  return batch;
}

void SimController::tell_node(TimePoint now, const std::string& node) {
  while (true) {
    const std::optional<core::OrdersDraft> draft = core::next_orders(*cluster_, node);
    if (!draft) return;
    network_.send(now, "controller", node, draft->orders);
    if (!draft->more) return;
  }
}

void SimController::commit_and_tell(TimePoint now) {
  if (dies(now)) return;
  if (!cluster_->changes().empty()) {
    if (!store_.commit(make_batch()).ok()) complain("a commit failed");
    if (dies(now)) return;
    store_.sync();
  }
  if (dies(now)) return;
  for (const Answer& answer : std::exchange(answers_, {})) {
    network_.send(now, "controller", answer.client, answer.message);
    if (dies(now)) return;
  }
  const core::Effects effects = std::exchange(effects_, {});
  effects_.schedule = effects.schedule;
  for (const std::string& node : effects.welcome) {
    if (const auto welcome = core::welcome_for(*cluster_, node)) {
      network_.send(now, "controller", node, *welcome);
    }
    if (dies(now)) return;
  }
  for (const std::string& node : effects.say_hello) {
    network_.send(now, "controller", node, ErrorReply{ErrorCode::conflict, "say hello"});
  }
  for (const std::string& node : effects.orders) {
    tell_node(now, node);
    if (dies(now)) return;
  }
}

void SimController::step(TimePoint now) {
  if (cluster_ == nullptr) {
    if (now < up_at_) return;
    start(now);
  }
  const auto due = core::next_timer(*cluster_, now);
  if (due && *due <= now) handle(now, core::Tick{});
  if (effects_.schedule) {
    effects_.schedule = false;
    handle(now, core::SchedulePass{});
  }
  commit_and_tell(now);
}

void SimController::receive(TimePoint now, const Packet& packet, const Message& message) {
  if (cluster_ == nullptr) return;
  const core::Actor actor = actor_of(packet.from);
  if (const auto* hello = std::get_if<NodeHello>(&message)) {
    handle(now, core::NodeArrived{*hello});
  } else if (const auto* report = std::get_if<NodeReport>(&message)) {
    handle(now, core::NodeTold{packet.from, *report});
  } else if (const auto* request = std::get_if<SubmitRequest>(&message)) {
    const auto reply = handle(
        now, core::Submit{
                 actor, request->request, request->spec, digest_of(request->script), {}, false});
    if (reply) {
      SubmitReply answer;
      answer.job = std::get<core::Submitted>(*reply).job;
      answers_.push_back({packet.from, answer});
    }
  } else if (const auto* cancel = std::get_if<CancelRequest>(&message)) {
    handle(now, core::CancelJobs{actor, *cancel});
  } else if (const auto* control = std::get_if<JobControlRequest>(&message)) {
    handle(now, core::ControlJobs{actor, *control});
  } else if (const auto* update = std::get_if<JobUpdateRequest>(&message)) {
    handle(now, core::UpdateJobs{actor, *update});
  } else if (const auto* step = std::get_if<StepRequest>(&message)) {
    handle(now, core::StartStep{actor, *step, {}});
  } else if (const auto* nodes = std::get_if<NodeUpdateRequest>(&message)) {
    handle(now, core::UpdateNodes{actor, *nodes});
  }
  // Sometimes several commands share a batch.
  if (dice_.one_in(2)) commit_and_tell(now);
}

std::optional<JobRecord> SimController::finished(JobId job) {
  auto snapshot = store_.snapshot();
  const auto found = snapshot.value()->find(Table::finished, store::job_key(job));
  if (!found.ok() || !*found) return std::nullopt;
  auto record = decode_record<JobRecord>(**found);
  if (!record.ok()) return std::nullopt;
  return std::move(record).take();
}

}  // namespace gd::sim

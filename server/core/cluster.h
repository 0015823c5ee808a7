// Cluster: the whole state of the controller, in memory, pure.
//
// One truth, the job and node records; everything else here is an index of them
// that a change keeps equal to a rebuild. Only apply() changes records, always
// through change_job() / change_node(), which take the record out of the indices,
// change it, put it back and remember that it must be stored.
//
// Not durable, and empty after a start: links to nodes, what they reported, when
// clients were heard. The nodes' next full reports bring it back.
// Cost: a change O(log jobs); about 0.8 KB a waiting job whose spec is shared.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "proto/crontab.h"
#include "proto/ids.h"
#include "proto/job_record.h"
#include "proto/messages_node.h"
#include "proto/node_record.h"
#include "proto/reservation.h"
#include "proto/usage_record.h"
#include "server/core/cluster_config.h"
#include "server/core/event.h"
#include "server/core/submit_rate.h"
#include "server/sched/fair_share.h"
#include "server/sched/licences.h"
#include "server/sched/limit_book.h"
#include "server/sched/machine.h"
#include "server/sched/plan.h"
#include "server/sched/preempt.h"
#include "server/sched/queue.h"
#include "server/sched/shape.h"

namespace gd::core {

// The next number of each kind to give. Durable, in the same batch as its first use.
struct Counters {
  uint32_t job = 1;
  uint64_t launch = 1;
  uint64_t session = 1;
  uint64_t signal = 1;
  TimePoint usage_reset{};  // when all usage was last set back by the calendar, or that began
  bool operator==(const Counters&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("launch", self.launch);
    field("session", self.session);
    field("signal", self.signal);
    field("usage_reset", self.usage_reset);
  }
};

struct FinishedKey {
  TimePoint end{};
  JobId job;
  auto operator<=>(const FinishedKey&) const = default;
};

using FairFactors = std::map<sched::ShareName, double>;

// What the next batch must store. Values are read from the cluster when it is made:
//   jobs:       find_job(id) is null -> delete the live record; else put it, and if it
//               has ended put it into the history too (putting twice is the same)
//   unfinished: requeued after its end -> take this entry out of the history
//   nodes:      find_node(name) is null -> delete; else put
//   usage:      put usage_of(name)
//   reservations: find_reservation(name) is null -> delete; else put
//   crontabs:   find_crontab(uid) is null -> delete; else put
struct Changes {
  std::set<JobId> jobs;
  std::set<FinishedKey> unfinished;
  std::set<std::string> nodes;
  std::set<sched::UsageName> usage;  // usage_of(name)
  std::set<std::string> reservations;
  std::set<Uid> crontabs;
  bool counters = false;
  std::vector<AuditEntry> audit;
  [[nodiscard]] bool empty() const {
    return jobs.empty() && unfinished.empty() && nodes.empty() && usage.empty() &&
           reservations.empty() && crontabs.empty() && !counters && audit.empty();
  }
};

struct JobEntry {
  JobRecord record;
  bool timed = false;  // `timer` stands in Cluster::timers()
  // In the queue of the planner, and where.
  bool queued = false;
  sched::ShapeId shape;
  sched::Standing standing;
  sched::ClaimId claim;  // whose limits it counts in
  uint32_t share = 0;    // whose usage it is: an index of FairShare
  TimePoint timer{};
};

// The live records of one array, by what each stands for.
struct ArrayEntry {
  std::set<JobId> records;
  std::map<uint32_t, JobId> singles;  // those of one element
  std::set<JobId> groups;             // those of several
  uint32_t waiting = 0;               // records, not elements
  uint32_t running = 0;               // that hold resources
  [[nodiscard]] bool all_ended() const { return waiting == 0 && running == 0; }
};

using UserAndName = std::pair<Uid, std::string>;  // what singleton goes by

// What a node last said of a step.
struct ReportedStep {
  StepPhase phase = StepPhase::accepted;
  uint64_t signal_serial = 0;
  std::optional<Seconds> time_limit;
};

// One session with a node's agent; of this process only.
// By node: runtime, from the last pass.
using FetchesAhead = std::map<std::string, std::set<ImageFetch>, std::less<>>;

struct NodeLink {
  uint64_t session = 0;  // 0: none yet
  uint64_t nonce = 0;
  uint64_t last_report = 0;  // number
  uint64_t last_orders = 0;
  bool complete = false;                      // a full report has come in this session
  std::map<StepKey, ReportedStep> steps;      // what the node has, confirmed ones left out
  std::set<StepKey> strays;                   // live there, and should not be
  std::map<StepKey, uint64_t> launches_sent;  // under which number
  uint64_t orders_at_full = 0;                // last_orders when the last full report came
  uint64_t opened_by = 0;                     // the report that made the node usable
  std::set<ImageFetch> fetches_sent;          // of those that are still wished for
};

struct NodeEntry {
  NodeRecord record;
  sched::NodeIndex index;
  NodeLink link;
  std::set<JobId> jobs;  // with a share here that is not released
  double load = 0;
  uint64_t free_memory_mib = 0;
  std::map<JobId, std::vector<StepSample>> samples;  // of its steps, from the last full report
};

struct ReservationEntry {
  ReservationRecord record;
  uint32_t id = 0;     // sched::Reservation::id, of this process
  bool begun = false;  // the passes since have known that its time has come
};

class Cluster {
 public:
  Cluster(std::shared_ptr<const ClusterConfig> config, TimePoint started);
  // Each file that holds one would compile the end of all of these maps.
  Cluster(const Cluster& other);
  Cluster(Cluster&& other) noexcept;
  Cluster& operator=(const Cluster& other);
  Cluster& operator=(Cluster&& other) noexcept;
  ~Cluster();

  // ---- filling it from the store: counters, nodes, reservations, then live jobs
  void restore(const Counters& counters) { counters_ = counters; }
  void restore(NodeRecord node);
  void restore(const UsageRecord& usage);
  void restore(ReservationRecord reservation);
  void restore(CrontabRecord crontab);
  void restore(JobRecord job);

  // ---- reading
  [[nodiscard]] const ClusterConfig& config() const { return *config_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] TimePoint started() const { return started_; }
  [[nodiscard]] const std::map<JobId, JobEntry>& jobs() const { return jobs_; }
  [[nodiscard]] const JobRecord* find_job(JobId id) const;
  [[nodiscard]] const ArrayEntry* find_array(JobId array) const;
  // Who waits for this job or array; who waits to be the only one; who has not ended.
  [[nodiscard]] const std::map<JobId, std::set<JobId>>& dependants() const { return dependants_; }
  [[nodiscard]] const std::map<UserAndName, std::set<JobId>>& singletons() const {
    return singletons_;
  }
  [[nodiscard]] const std::map<UserAndName, std::set<JobId>>& by_name() const { return by_name_; }
  [[nodiscard]] const JobRecord* find_request(const RequestId& request) const;
  using Nodes = std::map<std::string, NodeEntry, std::less<>>;
  [[nodiscard]] const Nodes& nodes() const { return nodes_; }
  [[nodiscard]] const NodeEntry* find_node(std::string_view name) const;
  [[nodiscard]] const NodeEntry* node_at(sched::NodeIndex index) const;
  [[nodiscard]] const std::vector<sched::Node>& machine() const { return machine_; }
  [[nodiscard]] const std::vector<sched::Partition>& partitions() const { return partitions_; }
  [[nodiscard]] const std::vector<PartitionConfig>& partition_configs() const {
    return partition_configs_;
  }
  [[nodiscard]] std::optional<sched::PartitionIndex> find_partition(std::string_view name) const;
  [[nodiscard]] std::optional<sched::PartitionIndex> default_partition() const;
  [[nodiscard]] const sched::ShapeTable& shapes() const { return shapes_; }
  [[nodiscard]] const sched::PendingQueue& queue() const { return queue_; }
  [[nodiscard]] sched::View view(TimePoint now) const;
  // Where a waiting job stands in line.
  [[nodiscard]] sched::Standing standing_of(const JobEntry& entry,
                                            const sched::ShapeKey& key) const;
  [[nodiscard]] const sched::FairShare& fair_share() const { return fair_share_; }
  [[nodiscard]] const std::map<std::string, ReservationEntry>& reservations() const {
    return reservations_;
  }
  [[nodiscard]] const ReservationEntry* find_reservation(const std::string& name) const;
  [[nodiscard]] const std::map<Uid, CrontabRecord>& crontabs() const { return crontabs_; }
  [[nodiscard]] const CrontabRecord* find_crontab(Uid uid) const;
  [[nodiscard]] const sched::LimitBook& limits() const { return limits_; }
  [[nodiscard]] const sched::Licences& licences() const { return licences_; }
  // Null: preemption is off. Tenants and takeovers are then none.
  [[nodiscard]] const sched::PreemptRules* preempt_rules() const {
    return preempt_rules_ ? &*preempt_rules_ : nullptr;
  }
  [[nodiscard]] const sched::Tenants& tenants() const { return tenants_; }
  [[nodiscard]] const SubmitRate& submit_rate() const { return submit_rate_; }
  // When there is to be a pass in any case.
  [[nodiscard]] std::optional<TimePoint> pass_at() const { return pass_at_; }
  [[nodiscard]] std::optional<TimePoint> ranked_at() const { return ranked_at_; }
  // As last ranked, for readers on other threads; never null.
  [[nodiscard]] std::shared_ptr<const FairFactors> fair_factors() const { return fair_factors_; }
  [[nodiscard]] UsageRecord usage_of(const sched::UsageName& name) const {
    return limits_.ledger().record_of(name);
  }
  [[nodiscard]] uint64_t total_cpus() const { return total_cpus_; }
  [[nodiscard]] const std::set<JobId>& allocated_jobs() const { return allocated_; }
  // When something of this job is due: begin, deadline, purge, an allocation's limit.
  [[nodiscard]] const std::set<std::pair<TimePoint, JobId>>& timers() const { return timers_; }
  // Waiting, but their partition does not take them as things are.
  [[nodiscard]] const std::set<JobId>& refused_jobs() const { return refused_; }
  [[nodiscard]] const std::map<JobId, TimePoint>& promises() const { return promises_; }
  [[nodiscard]] const FetchesAhead& fetches_ahead() const { return fetches_ahead_; }
  [[nodiscard]] const std::map<JobId, TimePoint>& clients() const { return clients_; }
  [[nodiscard]] std::optional<TimePoint> client_heard(JobId job) const;
  [[nodiscard]] bool step_is_current(std::string_view node, const StepKey& key) const;

  // ---- what to store
  [[nodiscard]] const Changes& changes() const { return changes_; }
  Changes take_changes();

 private:
  friend void apply(Cluster& cluster, const Event& event);
  friend struct Applier;
  friend struct Auditor;  // check_all: compares the indices with a rebuild
  friend std::optional<struct OrdersDraft> next_orders(Cluster& cluster, std::string_view node);

  void add_job(JobRecord job);
  void remove_job(JobId id);
  void index_job(JobEntry& entry);
  void unindex_job(JobEntry& entry);
  void index_array(const JobRecord& job);
  void unindex_array(const JobRecord& job);
  void refresh_room(JobId array);
  void index_dependency(const JobRecord& job);
  void unindex_dependency(const JobRecord& job);
  void retime(JobEntry& entry);
  void enqueue(JobEntry& entry);
  void dequeue(JobEntry& entry);
  void count_limits(JobEntry& entry);
  void uncount_limits(const JobEntry& entry);
  void count_run(const JobEntry& entry, sched::LimitBook::Sign sign);
  void reset_usage(std::span<const sched::UsageName> names, TimePoint at);
  void hold_shares(const JobRecord& job);
  void free_shares(const JobRecord& job);
  NodeEntry& node_entry(std::string_view name);  // made if it is new
  void remove_node(std::string_view name);
  void refresh_node(NodeEntry& node);  // its row of the machine, from the record and the link
  void refresh_reservations();         // their nodes, as the planner sees them
  void refresh_takeovers();            // likewise
  [[nodiscard]] sched::Tenant tenant_of(const JobEntry& entry) const;
  void index_tenant(const JobEntry& entry);
  void refresh_partitions();  // who is in which, and every shape's candidates
  void set_config(std::shared_ptr<const ClusterConfig> config);
  void requeue_all();  // every waiting job's shape and score again
  std::shared_ptr<const JobSpec> share(std::shared_ptr<const JobSpec> spec);

  std::shared_ptr<const ClusterConfig> config_;
  TimePoint started_;
  Counters counters_;
  std::map<JobId, JobEntry> jobs_;
  Nodes nodes_;

  std::map<Uid, CrontabRecord> crontabs_;

  // Indices.
  std::map<RequestId, JobId> by_request_;
  std::set<JobId> allocated_;
  std::set<std::pair<TimePoint, JobId>> timers_;
  std::set<JobId> refused_;
  std::map<JobId, ArrayEntry> arrays_;
  std::map<JobId, uint32_t> array_room_;  // of arrays with a limit: how many more may run
  std::map<JobId, std::set<JobId>> dependants_;
  std::map<UserAndName, std::set<JobId>> singletons_;
  std::map<UserAndName, std::set<JobId>> by_name_;
  std::vector<PartitionConfig> partition_configs_;
  std::vector<sched::Node> machine_;
  std::vector<std::string> node_names_;  // by index; empty: removed
  std::vector<sched::Partition> partitions_;
  sched::ShapeTable shapes_;
  sched::PendingQueue queue_;
  sched::FairShare fair_share_;
  std::map<std::string, ReservationEntry> reservations_;
  std::vector<sched::Reservation> reserved_;  // the same, for the planner
  uint32_t next_reservation_ = 1;
  sched::LimitBook limits_;
  sched::Licences licences_;
  std::optional<sched::PreemptRules> preempt_rules_;
  sched::Tenants tenants_;                  // all that hold something, if there are rules
  std::set<JobId> takers_;                  // in the queue, with a takeover
  std::vector<sched::Takeover> takeovers_;  // the same, for the planner
  uint64_t total_cpus_ = 0;
  std::multimap<uint64_t, std::weak_ptr<const JobSpec>> specs_;  // by hash of the content
  size_t specs_kept_ = 0;                                        // when it was last swept

  // Of this process only.
  std::map<JobId, TimePoint> promises_;
  FetchesAhead fetches_ahead_;
  std::map<JobId, TimePoint> clients_;
  std::optional<TimePoint> ranked_at_;
  std::optional<TimePoint> pass_at_;
  SubmitRate submit_rate_;
  std::shared_ptr<const FairFactors> fair_factors_ = std::make_shared<const FairFactors>();
  Changes changes_;
};

// The batch script or the interactive command: when it ends, the job does.
constexpr bool is_first_step(StepId id) {
  return id == kBatchStep || id == kInteractiveStep;
}
// Those of the job itself, which make its containers: the job runs once all of them do. On nodes
// without the script or the command that is a place for later steps and runs nothing.
constexpr bool opens_job(StepId id) {
  return is_first_step(id) || id == kExternStep;
}
const StepRecord* find_step(const JobRecord& job, StepId id);
void take_from(Resources& free, const Resources& held);  // down to nothing, never below
Resources free_of(const sched::Node& node);              // from its shares

// Whose usage a job is: of its account, or of its user alone where no accounts are configured.
sched::ShareName share_name_of(const ClusterConfig& config, const JobRecord& job);
// The QOS it runs under: what it asked for, or "normal".
std::string qos_of(const JobSpec& spec);
sched::Owner owner_of(const JobRecord& job);
// By what it holds, in the book's dimensions.
sched::Amounts amounts_of(const sched::LimitBook& limits, const JobRecord& job);
sched::Run run_of(const ClusterConfig& config, const JobRecord& job);
std::vector<const Resources*> held_by_nodes(const JobRecord& job);
uint64_t cpus_held(const JobRecord& job);  // by the job's life, on all of its nodes
// Its place among the waiting ones of its shape and standing.
sched::QueueKey queue_key_of(const JobRecord& job);
// Is this waiting job one for the planner, or is there something to wait for first?
bool belongs_in_queue(const JobRecord& job);
// Nothing that runs now has to end for it: it, or the configuration, must change.
bool is_refusal(Reason reason);

}  // namespace gd::core

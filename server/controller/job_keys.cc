// Keys of jobs: made when a launch is decided, revoked when the job holds nodes no more.
//
// Level-triggered over the jobs that changed in this turn: what is there is compared with what
// should be. So start, end, requeue and a launch of the next life in the same turn need no
// rules of their own, and both halves of a key come and go in the batch of the job's change.
// Cost: one key pair (about 50 us) a start, two records in the batch, two erased at the end.
#include "base/log.h"
#include "proto/codec.h"
#include "server/controller/controller.h"

namespace gd::controller {
namespace {

class JobKeys {
 public:
  explicit JobKeys(Hub& hub) : hub_(hub) {}

  void settle(JobId id) {
    const JobRecord* job = hub_.cluster.find_job(id);
    const bool wanted = job != nullptr && allocated(job->state);
    const auto found = hub_.job_keys.find(id);
    if (found != hub_.job_keys.end()) {
      if (wanted && found->second.launch == job->launch) return;
      revoke(id);
    }
    // The nodes run nothing for uid 0, and a key that speaks for it comes by root's own hands.
    if (wanted && job->uid != 0) mint(*job);
  }

  void finish() { hub_.change_keys(change_); }

 private:
  void revoke(JobId id) {
    hub_.job_keys.erase(id);
    hub_.turn.writes.push_back({store::Table::keys, auth::job_key_store_key(id), std::nullopt});
    add(auth::revoke_job(hub_.keys, id));
  }

  void mint(const JobRecord& job) {
    const CurveKeys pair = make_curve_keys();
    Result<auth::KeyChange> change =
        auth::enrol_job(hub_.keys, {job.uid, job.gid, job.user, pair.public_key, auth::kMadeByJob},
                        job.id, hub_.now);
    if (!change.ok()) {  // the job runs without: its own commands say that they are not known
      log_error("job_without_key", {{"job", job.id.value}, {"error", change.error()}});
      return;
    }
    JobKeyRecord record{job.id, job.launch, pair.public_key, pair.secret_key};
    hub_.turn.writes.push_back(
        {store::Table::keys, auth::job_key_store_key(job.id), encode_record(record)});
    hub_.job_keys.insert_or_assign(job.id, std::move(record));
    add(std::move(change).take());
  }

  void add(auth::KeyChange&& more) {
    change_.put.insert(change_.put.end(), more.put.begin(), more.put.end());
    change_.erase.insert(change_.erase.end(), more.erase.begin(), more.erase.end());
  }

  Hub& hub_;
  auth::KeyChange change_;
};

}  // namespace

void settle_job_keys(Hub& hub) {
  JobKeys keys(hub);
  for (const JobId id : hub.cluster.changes().jobs) keys.settle(id);
  keys.finish();
}

}  // namespace gd::controller

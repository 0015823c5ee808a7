// A question with job ids looks them up; one with a time span walks the index by
// end time; the others walk the jobs that have not ended, and the lately ended.
#include "server/controller/query.h"

#include <algorithm>
#include <deque>

#include "proto/codec.h"
#include "server/core/command.h"
#include "server/core/query.h"
#include "server/store/tables.h"

namespace gd::controller {
namespace {

using store::Table;
using store::Visit;

// The end of a job that is about to be forgotten as a live one.
TimePoint live_since(const JobQuestion& question) {
  return question.view.now - question.view.priority.config->min_job_age;
}

PriorityParts parts_of(const sched::PriorityTerms& terms) {
  return {.age = terms.age,
          .fair_share = terms.fair_share,
          .stretch = terms.stretch,
          .size = terms.size,
          .partition = terms.partition,
          .fixed = terms.fixed,
          .overdue = terms.overdue,
          .qos = terms.qos};
}

class Pages {
 public:
  Pages(const JobQuestion& question, const SendPage& send)
      : question_(question),
        send_(send),
        left_(question.query.limit == 0 ? SIZE_MAX : question.query.limit) {}

  // One record as it is stored. `stop`: enough of them.
  Visit take(std::string_view bytes) {
    Result<JobRecord> job = decode_record<JobRecord>(bytes);
    if (!job.ok()) {
      error_ = std::move(job).error().in("store: a job record");
      return Visit::stop;
    }
    if (wanted(*job)) add(*job, bytes);
    return left_ == 0 || error_ ? Visit::stop : Visit::next;
  }

  void finish(const Result<void>& scanned) {
    if (!scanned.ok()) error_ = scanned.error();
    if (error_) return send_(encode(ErrorReply{error_->code, error_->text}));
    send_(encode_job_page(page_, false));
  }

 private:
  [[nodiscard]] bool wanted(const JobRecord& job) const {
    const JobQuery& query = question_.query;
    if (question_.only_uid && job.uid != *question_.only_uid) return false;
    if (!query.history && ended(job.state) && job.end_time < live_since(question_)) return false;
    if (query.since && ended(job.state) && job.end_time < *query.since) return false;
    if (query.until && ended(job.state) && job.end_time > *query.until) return false;
    return core::matches(query.filter, job);
  }

  // The record goes out as it is stored; it was decoded to be judged only.
  void add(const JobRecord& job, std::string_view bytes) {
    if (page_.size() >= kMaxPageJobs || page_bytes_ + bytes.size() > kMaxPageBytes) flush();
    StoredJobView& view = page_.emplace_back();
    view.record = bytes;
    if (job.state == JobState::pending) {
      const auto terms = core::priority_of(question_.view.priority, job, question_.view.now);
      if (terms) view.priority = terms->total();
      if (terms && question_.query.terms) view.terms = parts_of(*terms);
      const auto promise = question_.view.promises.find(job.id);
      if (promise != question_.view.promises.end()) view.expected_start = promise->second;
    }
    if (question_.view.samples) {
      auto samples = core::samples_of(*question_.view.samples, job);
      page_bytes_ += samples.size() * sizeof(StepSample);
      if (!samples.empty()) view.samples = &kept_samples_.emplace_back(std::move(samples));
    }
    page_bytes_ += bytes.size();
    --left_;
  }

  void flush() {
    send_(encode_job_page(page_, true));
    page_.clear();
    kept_samples_.clear();
    page_bytes_ = 0;
  }

  const JobQuestion& question_;
  const SendPage& send_;
  size_t left_;
  std::vector<StoredJobView> page_;  // into the snapshot, and into the samples
  std::deque<std::vector<StepSample>> kept_samples_;
  size_t page_bytes_ = 0;
  std::optional<Error> error_;
};

// The records of what are arrays among these.
Result<void> add_records(store::Snapshot& snapshot, const std::vector<JobId>& arrays,
                         std::vector<JobId>& ids) {
  for (const JobId array : arrays) {
    const Bytes prefix = store::job_key(array);
    TRY(snapshot.scan(Table::arrays, prefix, [&](std::string_view key, std::string_view) {
      const Result<JobId> job = store::parse_array_key(key);
      if (!key.starts_with(prefix) || !job.ok()) return Visit::stop;
      ids.push_back(*job);
      return Visit::next;
    }));
  }
  return {};
}

Result<void> by_ids(store::Snapshot& snapshot, const JobQuery& query, Pages& pages) {
  std::vector<JobId> ids = query.filter.jobs;
  TRY(add_records(snapshot, query.filter.jobs, ids));
  for (const JobElements& each : query.filter.elements) {
    TRY(add_records(snapshot, {each.job}, ids));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (query.limit != 0) std::reverse(ids.begin(), ids.end());  // newest first
  for (const JobId id : ids) {
    auto found = std::optional<std::string_view>{};
    if (!query.history) found = TRY(snapshot.find(Table::jobs, store::job_key(id)));
    if (!found) found = TRY(snapshot.find(Table::finished, store::job_key(id)));
    if (found && pages.take(*found) == Visit::stop) break;
  }
  return {};
}

bool asks_for_ended(const JobQuery& query) {
  const std::vector<JobState>& states = query.filter.states;
  return states.empty() || std::any_of(states.begin(), states.end(), ended);
}

// Those that have ended are asked for seldom, and are many where jobs are short: they are
// walked only if they could be in the answer.
Result<void> all_live(store::Snapshot& snapshot, const JobQuestion& question, Pages& pages) {
  Visit going = Visit::next;
  const auto take = [&](std::string_view, std::string_view value) {
    return going = pages.take(value);
  };
  if (question.query.limit != 0)
    TRY(snapshot.scan_back(Table::jobs, "", take));
  else
    TRY(snapshot.scan(Table::jobs, "", take));
  if (going == Visit::stop || !asks_for_ended(question.query)) return {};
  return store::scan_finished(snapshot, live_since(question), std::nullopt,
                              [&](std::string_view record) { return pages.take(record); });
}

}  // namespace

void answer_jobs(store::Snapshot& snapshot, const JobQuestion& question, const SendPage& send) {
  Pages pages(question, send);
  const JobQuery& query = question.query;
  const bool named = !query.filter.jobs.empty() || !query.filter.elements.empty();
  if (named) return pages.finish(by_ids(snapshot, query, pages));
  if (!query.history) return pages.finish(all_live(snapshot, question, pages));
  pages.finish(store::scan_finished(snapshot, query.since, query.until,
                                    [&](std::string_view record) { return pages.take(record); }));
}

Result<JobRecord> read_finished(store::Snapshot& snapshot, JobId id) {
  const auto found = TRY(snapshot.find(Table::finished, store::job_key(id)));
  if (found) return decode_record<JobRecord>(*found);
  return Error{ErrorCode::not_found, "job " + std::to_string(id.value) + ": no such job"};
}

Result<ScriptReply> read_script(store::Snapshot& snapshot, const JobRecord& job) {
  ScriptReply reply;
  const auto read = [&](const std::optional<Digest>& digest, Bytes& to) -> Result<void> {
    if (!digest) return {};
    const auto found = TRY(snapshot.find(Table::blobs, digest->bytes()));
    if (!found) {
      return Error{ErrorCode::not_found,
                   "job " + std::to_string(job.id.value) + ": its script is not kept any more"};
    }
    to = Bytes(*found);
    return {};
  };
  TRY(read(job.script, reply.script));
  TRY(read(job.environment, reply.environment));
  return reply;
}

}  // namespace gd::controller

// Queries: answered by workers from a snapshot of the store and an immutable view
// of what is not in it, page by page, while the owner goes on.
//
// All pages of an answer are of one moment. A page ends at kMaxPageJobs jobs or
// kMaxPageBytes bytes; its reply goes through the mailbox, which makes the worker
// wait while the owner has not sent the ones before.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "proto/messages.h"
#include "server/core/query.h"
#include "server/store/store.h"

namespace gd::controller {

inline constexpr size_t kMaxPageJobs = 1000;
inline constexpr size_t kMaxPageBytes = size_t{1} << 20;

// What readers need of the owner's memory; made when somebody asks, shared, never changed.
struct JobsView {
  core::PriorityView priority;
  std::map<JobId, TimePoint> promises;
  std::shared_ptr<const core::Samples> samples;  // null: nobody asked for them
  TimePoint now{};
};

struct JobQuestion {
  JobQuery query;
  std::optional<Uid> only_uid;  // private_data: others' jobs do not exist for this caller
  JobsView view;
};

using SendPage = std::function<void(Bytes page)>;  // an encoded message

// The whole answer, in pages; the last one has `more` false. An error comes as an
// ErrorReply, and nothing after it.
void answer_jobs(store::Snapshot& snapshot, const JobQuestion& question, const SendPage& send);

// A job that has ended, however long ago. Errors: not_found.
Result<JobRecord> read_finished(store::Snapshot& snapshot, JobId id);

// Errors: not_found, if replay_age has passed.
Result<ScriptReply> read_script(store::Snapshot& snapshot, const JobRecord& job);

}  // namespace gd::controller

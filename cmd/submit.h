// Many submissions over one connection, and what a refused one is called.
//
// Up to kSubmitWindow requests are under way; each is sent again with its own id if no
// answer comes, so a lost one is not lost and a doubled one makes no second job.
#pragma once

#include <functional>
#include <map>

#include "base/clock.h"
#include "base/result.h"
#include "cmd/client.h"
#include "cmd/context.h"
#include "proto/messages_client.h"

namespace gd::cmd {

inline constexpr size_t kSubmitWindow = 512;

class SubmitQueue {
 public:
  // Called in the order of add(), whatever the order of the answers.
  using OnDone = std::function<void(size_t index, const Result<SubmitReply>& reply)>;

  explicit SubmitQueue(Client& client) : client_(client) {}

  // index counts up from 0. A request that is an error already waits for its turn.
  Result<void> add(size_t index, Result<SubmitRequest> request, const OnDone& on_done);
  Result<void> finish(const OnDone& on_done);

 private:
  struct Waiting {
    size_t index;
    SubmitRequest request;
  };
  Result<void> take_answers(const OnDone& on_done);
  Result<void> send_again();
  void hand_out(const OnDone& on_done);

  Client& client_;
  std::map<uint64_t, Waiting> waiting_;            // by tag
  std::map<size_t, Result<SubmitReply>> answers_;  // by index, not handed out yet
  size_t next_out_ = 0;
};

// --explain-sandbox: prints what the job would get. 1 if it would be refused where it would run.
Result<int> explain_sandbox(SubmitRequest request, Context& context);

// For a Slurm name: sbatch's two lines and its code; else the error itself.
Result<int> submit_refused(Error error, Context& context, const JobSpec& spec);

}  // namespace gd::cmd

// Waiting for a job: notices of its changes, through lost connections and restarts.
#pragma once

#include <functional>
#include <optional>

#include "base/result.h"
#include "cmd/client.h"
#include "proto/messages_client.h"

namespace gd::cmd {

// 128 + signal, or the code: what a shell would say.
int shell_code(const ExitStatus& exit);

// The exit code of a job that has ended so: 0 only for COMPLETED.
int exit_code_of(const JobNotice& notice);

// What happens to a job and its steps, from the making of this on: the controller sends a notice
// of each change. The client must outlive it, and have no other who listens.
class JobNews {
 public:
  JobNews(JobId job, Client& client);
  ~JobNews() { client_.set_notices({}); }
  JobNews(const JobNews&) = delete;
  JobNews& operator=(const JobNews&) = delete;

  // Until something has happened since the last call, or since this was made; but no longer than
  // that, and not for ever: a lost connection shows only in silence.
  Result<void> wait(Milliseconds most = Milliseconds::max());

 private:
  Result<void> subscribe();
  void note(const Message& message);

  JobId job_;
  Client& client_;
  uint64_t tag_;
  std::optional<Milliseconds> subscribed_at_;
  bool happened_ = false;
};

// Until the job has ended; asks again while no answer comes. Exit code of the job.
Result<int> wait_for_end(Client& client, JobId job);

}  // namespace gd::cmd

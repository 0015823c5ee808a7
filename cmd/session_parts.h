// What sessions with and without a terminal have in common: the controller beside the streams, and
// Ctrl-C as srun has it.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "cmd/client.h"
#include "proto/messages.h"

namespace gd::cmd {

// Tells the controller now and then that the job's own client is there, and hears how it ended.
class JobWatch {
 public:
  JobWatch(Client& client, JobId job, bool owns_job)
      : client_(client), job_(job), owns_job_(owns_job) {}

  void keep_alive();  // at the beginning, and whenever kClientPing has passed since
  void tick();
  Result<void> read_notices();
  Result<void> cancel_job();
  // How the job ended, once the nodes have had their time to tell it themselves.
  [[nodiscard]] std::optional<StreamExit> given_up() const;

 private:
  Client& client_;
  JobId job_;
  bool owns_job_;
  uint64_t tag_ = 0;
  Milliseconds told_at_{};
  std::optional<Milliseconds> ended_at_;
  JobNotice last_;
};

// Once tells the state, twice within a second goes to the step, a third time ends it.
class Interrupts {
 public:
  enum class Means : uint8_t { tell, pass_on, end };
  Means take();

 private:
  int count_ = 0;
  Milliseconds last_{-10000};
};

}  // namespace gd::cmd

// Waiting for a job: notices of its changes, through lost connections and restarts.
#pragma once

#include <functional>

#include "base/result.h"
#include "cmd/client.h"
#include "proto/messages_client.h"

namespace gd::cmd {

// 128 + signal, or the code: what a shell would say.
int shell_code(const ExitStatus& exit);

// The exit code of a job that has ended so: 0 only for COMPLETED.
int exit_code_of(const JobNotice& notice);

// Until the job has ended; asks again while no answer comes. Exit code of the job.
Result<int> wait_for_end(Client& client, JobId job);

}  // namespace gd::cmd

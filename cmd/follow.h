// A batch job's output as it is written, from the node, without a shared file system: gdsub
// --follow and gdstat --follow.
//
// What the job's files get goes to standard output and standard error until the job has ended;
// then its exit code is ours. A job that is sent back to the queue is followed again from its
// next start. Leaving (Ctrl-C, a reader that has gone) changes nothing for the job.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cmd/client.h"
#include "cmd/context.h"

namespace gd::cmd {

struct FollowOptions {
  JobId job;
  std::string name;                    // "7", "7_3"
  std::optional<uint32_t> tail_lines;  // so many that are there already; nothing: all
};

// Exit code of the job.
Result<int> follow_job(const FollowOptions& options, Client& client, Context& context);

// The one batch job that these words mean, which has started or will.
Result<FollowOptions> find_followed(const std::string& word, Client& client);

}  // namespace gd::cmd

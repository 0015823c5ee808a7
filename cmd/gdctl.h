// The pure part of gdctl: from words to requests.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/duration.h"
#include "base/result.h"
#include "cmd/cli.h"
#include "proto/messages_client.h"
#include "proto/messages_cluster.h"

namespace gd::cmd {

struct CtlOptions {
  std::vector<std::string> clusters;
  bool one_line = false, json = false, details = false, vouch = false, quiet = false, all = false;
  std::string lifetime;
  std::vector<std::string> words;
};

void define_gdctl(Cli& cli, CtlOptions& options);

struct NamedJobs {
  std::vector<JobId> jobs;
  std::vector<JobElements> elements;
};

// "42,43" and "44_[1-5]": job ids and elements of arrays.
Result<NamedJobs> parse_job_list(std::span<const std::string> words);
Result<JobId> parse_one_job(std::span<const std::string> words);

// "JobId=42 TimeLimit=1:00:00" or "42 timelimit=+30".
Result<JobUpdateRequest> to_job_update(std::span<const std::string> words, TimePoint now,
                                       const TimeZone& zone);
// "NodeName=n[1-3] State=DRAIN Reason=disk".
Result<NodeUpdateRequest> to_node_update(std::span<const std::string> words);

// drain, down, resume: "n[1-3] the reason".
Result<NodeUpdateRequest> to_node_action(std::string_view verb, std::span<const std::string> words);

}  // namespace gd::cmd

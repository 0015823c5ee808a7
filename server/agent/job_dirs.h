// Folders that jobs keep on this node for some days, and what a user's may take together.
//
//   <root>/USER/JOB/         the user's, 0700; USER/ is root's, so that no other names are made
//   <root>/.ended/USER.JOB   empty; its time is when the job was first seen to have ended
//   <root>/.usage/USER       bytes that her folders took when they were last measured
//   <root>/.gone/            what is being removed
//   <root>/.lock             shared by who makes a folder, exclusive for who takes one away
//
// A node's own folder: it knows of its own jobs only. REQUIRES: root.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "proto/ids.h"

namespace gd::agent {

struct JobDirSettings {
  std::string root;  // empty: jobs have none
  Seconds keep{};
  uint64_t quota_mib = 0;  // 0: no limit
  bool operator==(const JobDirSettings&) const = default;
};

std::string job_dir_path(const JobDirSettings& settings, const std::string& user, JobId job);

// Errors: denied, if a new one would be made and the quota is used up.
Result<void> check_job_dir_quota(const JobDirSettings& settings, const std::string& user);
// Makes it, or finds it. The quota counts for a new one only.
Result<void> make_job_dir(const JobDirSettings& settings, const std::string& user, uid_t uid,
                          gid_t gid, JobId job);

struct JobDirSweep {
  size_t ended = 0;    // newly seen to have ended
  size_t removed = 0;  // kept for long enough
};
// Removes what has been kept for long enough, and measures what is left.
Result<JobDirSweep> sweep_job_dirs(const JobDirSettings& settings, const std::set<JobId>& living,
                                   TimePoint now);

}  // namespace gd::agent

// Verbs on one job's life, shared by all commands: what ends, what is lost, what
// is sent back. Each adds events to a draft.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/messages_node.h"
#include "server/core/draft.h"

namespace gd::core {

struct Ending {
  JobState as = JobState::cancelled;
  Reason reason = Reason::none;
  std::string text;
  std::optional<Uid> by;
  bool requeue = false;
  HoldKind hold = HoldKind::none;
  std::optional<std::string> avoid = {};  // a node that failed to launch it
  std::optional<ExitStatus> exit = {};    // if it is not its first step that says so
  std::optional<Preempted> preempted = {};
};

// Its program has ended, and its container is being saved: see ImageSpec::save.
bool is_saved(const JobRecord& job, const StepRecord& step);

// May it be run again without its user's word? What it said, or the cluster's default.
bool may_requeue(const ClusterConfig& config, const JobRecord& job);

// A waiting job ends at once; an allocated one is told to end; a completing one that was to be
// sent back ends like this instead; an ended one stays as it is.
void end_job(Draft& draft, JobId id, const Ending& ending);

// Does it hold a share there that is not released?
bool holds(const JobRecord& job, std::string_view node);

// What a completing job still has on its nodes: releases what is empty, and if all is, ends it.
void settle(Draft& draft, JobId id);

// One status from a node's report.
void take_status(Draft& draft, std::string_view node, const StepStatus& status);

// Nothing of this job runs on this node any more, and nothing more will be heard of it.
// A job that holds nothing there (any more) is left alone.
void lose_share(Draft& draft, JobId id, std::string_view node, const std::string& why);
void lose_node(Draft& draft, const NodeEntry& node, const std::string& why);

// Why a job that is neither held nor refused waits at first.
Reason first_reason(const JobRecord& job, TimePoint now);

}  // namespace gd::core

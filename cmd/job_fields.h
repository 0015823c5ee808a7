// One job as text: squeue's fields, and the pieces of them that others use, too.
#pragma once

#include <span>
#include <string>

#include "base/clock.h"
#include "base/duration.h"
#include "base/json.h"
#include "cmd/format.h"
#include "proto/messages_client.h"

namespace gd::cmd {

struct JobRow {
  const JobView& view;
  TimePoint now;
  bool fixed_units = false;  // memory in MiB, however much it is
};

std::span<const Field<JobRow>> job_fields();

std::string node_list_of(const JobRecord& job);  // folded; empty before it starts
// When it began, or is expected to, but not before it may. Zero: nobody knows.
TimePoint start_of(const JobView& view);
Seconds elapsed_of(const JobRecord& job, TimePoint now);
TimeLimit limit_of(const JobRecord& job);  // nullopt: unlimited
uint32_t cpus_of(const JobRecord& job);    // held, or asked for
uint32_t nodes_of(const JobRecord& job);
uint64_t memory_of(const JobRecord& job);                        // MiB in all: held, or asked for
std::string reason_of(const JobRecord& job);                     // "Resources", "None"
std::string moment_or(TimePoint moment, std::string_view none);  // "N/A" for zero
std::string exit_text(const JobRecord& job);                     // "1:0"
// "cpu=2,mem=4G,node=1"; with fixed units "mem=4096M".
std::string tres_of(const JobRecord& job, bool fixed_units = false);
std::string gres_text(const std::vector<GresCount>& all);  // "gres:gpu:2"

void write_json(JsonWriter& json, const JobView& view, TimePoint now);

// The block of `scontrol show job`; one_line joins it.
std::string job_block(const JobView& view, TimePoint now, bool one_line);
// What the job got, for people: gd's own addition below the block; empty if nothing is known.
std::string receipt_block(const Receipt& receipt);

}  // namespace gd::cmd

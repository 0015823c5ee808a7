// Jobs and nodes as objects of Slurm 22.05's `squeue --json` and `sinfo --json`: its fields, with
// its types. What gd does not have is what Slurm writes where it has nothing: "", 0, null, [].
#pragma once

#include <string_view>

#include "base/json.h"
#include "proto/messages_client.h"
#include "proto/messages_cluster.h"

namespace gd::cmd {

void write_slurm_json(JsonWriter& json, const JobView& view, std::string_view cluster);
void write_slurm_json(JsonWriter& json, const NodeView& view);

}  // namespace gd::cmd

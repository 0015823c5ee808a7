// A hash of the content of a JobSpec, made from its list of fields: equal specs
// hash alike, and a new field is in it without being named here. For the pool that
// lets equal specs share one value; not for the disk.
#pragma once

#include <cstdint>
#include <memory>

#include "proto/job_spec.h"
#include "proto/resources.h"

namespace gd::core {

uint64_t hash_of(const JobSpec& spec);

}  // namespace gd::core

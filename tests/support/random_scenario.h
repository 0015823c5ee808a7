// Scenarios by the dice: a few nodes of different size, partitions, limits, reservations, licences,
// preemption, and forty jobs that ask for all of it. Each can start some time.
#pragma once

#include <cstdint>
#include <string>

namespace gd::test {

std::string random_scenario(uint64_t seed);  // equal seeds, equal scenarios

}  // namespace gd::test

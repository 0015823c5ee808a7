// What limits are called: the reason that a job shows, the key of gd.conf, whose it is.
#pragma once

#include <cstdint>
#include <string>

#include "proto/job_state.h"
#include "server/sched/limit_book.h"

namespace gd::sched {

Reason reason_of(PotKind kind, uint32_t dimension);
Reason reason_of(PotKind kind, const Minutes& minutes);
enum class EachOf : uint8_t { association, qos };  // a job's own limits
Reason reason_of_each(EachOf whose, uint32_t dimension);
Reason reason_of_each_minutes(EachOf whose, uint32_t dimension);

std::string key_of(PotKind kind, uint32_t dimension);
std::string key_of(const Minutes& minutes);
std::string title_of(PotKind kind, const std::string& name, const std::string& user);
std::string plain_amount(uint32_t dimension, uint64_t amount);

}  // namespace gd::sched

// `scontrol create|update|delete|show reservation`.
#pragma once

#include <span>
#include <string>

#include "base/clock.h"
#include "base/duration.h"
#include "base/result.h"
#include "cmd/command.h"
#include "cmd/gdctl.h"
#include "proto/messages_policy.h"

namespace gd::cmd {

// Do these words, behind update or delete, speak of a reservation?
bool names_reservation(std::span<const std::string> words);

// "reservation StartTime=now Duration=1:00:00 Nodes=n[1-3] Users=alice Flags=MAINT".
Result<ReservationRequest> to_reservation(ReservationAction action,
                                          std::span<const std::string> words, TimePoint now,
                                          const TimeZone& zone);
Result<int> change_reservation(ReservationAction action, Context& context,
                               std::span<const std::string> words);
Result<int> show_reservations(const CtlOptions& options, Context& context,
                              std::span<const std::string> words);
std::string reservation_block(const ReservationRecord& record, TimePoint now, bool one_line);
// The table of `sinfo -T`.
std::string reservation_table(const std::vector<ReservationRecord>& all, TimePoint now);

}  // namespace gd::cmd

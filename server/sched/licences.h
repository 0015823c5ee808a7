// Licences: counts for the whole cluster. What is out, until when, and what a pass may still
// give.
//
// The first job in line that lacks a licence is promised it, as EASY promises nodes: others may
// take what is free if they give it back before then, or if enough is left for it.
// Cost: earliest() O(holders of the licence), the rest O(licences of the job).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/limit_values.h"
#include "server/sched/shape.h"

namespace gd::sched {

struct Licence {
  std::string name;
  uint64_t total = 0;
  uint64_t used = 0;                      // may be above the total, after it was lowered
  std::map<TimePoint, uint64_t> holders;  // how many are due back when; no zeros

  [[nodiscard]] uint64_t free() const { return total > used ? total - used : 0; }
};

class Licences {
 public:
  void configure(std::span<const LicenceLimit> all);  // forgets what is out
  [[nodiscard]] std::optional<uint32_t> find(std::string_view name) const;
  // By index; nothing if one of the names is not known (`unknown` is then its name).
  [[nodiscard]] std::optional<std::vector<LicenceNeed>> resolve(
      std::span<const GresCount> asked, std::string* unknown = nullptr) const;

  void hold(std::span<const LicenceNeed> needs, TimePoint until);
  void give_back(std::span<const LicenceNeed> needs, TimePoint until);
  [[nodiscard]] const std::vector<Licence>& all() const { return all_; }

 private:
  std::vector<Licence> all_;
};

// What one pass gives away of them.
class LicencePass {
 public:
  LicencePass(const Licences* licences, TimePoint now);

  [[nodiscard]] bool has_room(std::span<const LicenceNeed> needs, Seconds length) const;
  void start(std::span<const LicenceNeed> needs, Seconds length);
  // When so many are back, by the holders' limits; at least now.
  [[nodiscard]] TimePoint earliest(std::span<const LicenceNeed> needs) const;
  void promise(std::span<const LicenceNeed> needs, TimePoint at);

 private:
  struct Row {
    uint64_t free = 0;
    std::map<TimePoint, uint64_t> started;  // by this pass
    std::optional<TimePoint> promised;
    uint64_t spare = 0;  // beside the promise
  };
  [[nodiscard]] uint64_t free_at(uint32_t licence, TimePoint at) const;

  const Licences* licences_;
  TimePoint now_;
  std::vector<Row> rows_;
};

}  // namespace gd::sched

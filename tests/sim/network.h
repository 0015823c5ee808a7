// Messages on their way. Each is encoded when it is sent and decoded when it
// arrives, as it would be in the world; it may be lost, doubled, or late, and so
// overtake others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/messages.h"
#include "tests/sim/dice.h"

namespace gd::sim {

struct Packet {
  TimePoint due{};
  std::string from;
  std::string to;
  Bytes body;
};

class Network {
 public:
  Network(Dice& dice, const Faults& faults) : dice_(dice), faults_(faults) {}

  void send(TimePoint now, const std::string& from, const std::string& to, const Message& message);
  // One that is due, of several a random one.
  std::optional<Packet> receive(TimePoint now);

 private:
  void put(TimePoint now, Packet packet);

  Dice& dice_;
  const Faults& faults_;
  std::vector<Packet> packets_;
};

}  // namespace gd::sim

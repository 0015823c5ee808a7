#include "tests/sim/network.h"

#include "proto/codec.h"

namespace gd::sim {

void Network::put(TimePoint now, Packet packet) {
  const bool late = dice_.one_in(faults_.delay);
  packet.due = now + Milliseconds{dice_.between(1, late ? 30'000 : 50)};
  packets_.push_back(std::move(packet));
}

void Network::send(TimePoint now, const std::string& from, const std::string& to,
                   const Message& message) {
  if (dice_.one_in(faults_.lose)) return;
  const Packet packet{now, from, to, encode(message)};
  put(now, packet);
  if (dice_.one_in(faults_.repeat)) put(now, packet);
}

std::optional<Packet> Network::receive(TimePoint now) {
  std::vector<size_t> due;
  for (size_t i = 0; i < packets_.size(); ++i) {
    if (packets_[i].due <= now) due.push_back(i);
  }
  if (due.empty()) return std::nullopt;
  // In order as a rule, as TCP would; a doubled or late one comes whenever it does.
  size_t chosen = due.front();
  for (const size_t i : due) {
    if (packets_[i].due < packets_[chosen].due) chosen = i;
  }
  Packet packet = std::move(packets_[chosen]);
  packets_.erase(packets_.begin() + static_cast<std::ptrdiff_t>(chosen));
  return packet;
}

}  // namespace gd::sim

// Where a shepherd is reached: the socket in its folder, and who came in.
//
// The first message of a connection says what it is: StreamOpen makes it a client's, handed
// over with all that is in it; ShepherdOrder makes it an agent's, which is told the status
// at once and at each change. Anything else closes it. Only root can reach the socket: the
// folder and the file say so, and the peer's uid is asked as well.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "base/poller.h"
#include "base/result.h"
#include "proto/messages_stream.h"
#include "server/agent/frame.h"
#include "server/agent/step_folder.h"

namespace gd::agent {

inline constexpr size_t kMaxDoorConnections = 16;  // agents and clients that have not spoken yet

struct DoorEvents {
  std::function<ShepherdStatus()> status;
  std::function<void(const ShepherdOrder&)> on_order;
  // Takes the channel, or leaves it and gives the reason for refusing.
  std::function<Result<void>(FrameChannel& channel, const StreamOpen&)> on_client;
};

class ShepherdDoor {
 public:
  ShepherdDoor(Poller& poller, DoorEvents events) : poller_(poller), events_(std::move(events)) {}
  ~ShepherdDoor();
  ShepherdDoor(const ShepherdDoor&) = delete;
  ShepherdDoor& operator=(const ShepherdDoor&) = delete;

  Result<void> open(const StepFolder& folder);
  Result<void> open(UniqueFd listener);  // bound in the folder by whoever started us
  void tell_status();                    // to every agent that is connected
  void tell(const StepSample& sample);   // the same; dropped where one does not keep up
  [[nodiscard]] bool agent_connected() const;

 private:
  struct Visitor {
    FrameChannel channel;
    bool agent = false;
    uint32_t watched = 0;
  };
  void accept_all();
  void on_ready(uint64_t id, uint32_t events);
  bool handle(uint64_t id, const Message& message);  // false: this visitor is done
  void send(uint64_t id, const Message& message);
  void watch(uint64_t id, Visitor& visitor);
  void drop(uint64_t id);

  Poller& poller_;
  DoorEvents events_;
  UniqueFd listener_;
  std::map<uint64_t, Visitor> visitors_;
  uint64_t next_id_ = 1;
};

}  // namespace gd::agent

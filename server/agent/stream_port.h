// The port for interactive stdio: clients on one side, shepherds on the other.
//
// Anybody's key may connect (nobody has any right by that); a stream is opened by a ticket
// that the controller has signed for this very key, node, step and uid. After that messages
// are passed on as they are: the shepherd judges them, and takes only what a client may
// say from a connection that began with StreamOpen. Flow control is between client and
// shepherd; here nothing is kept but what a socket did not take yet.
//
// A StreamOpen that comes before its step is held until the step is here. A client silent
// for kStreamSilence counts as gone: its connection to the shepherd is closed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/poller.h"
#include "base/result.h"
#include "proto/messages_stream.h"
#include "proto/socket.h"
#include "proto/ticket.h"
#include "server/agent/frame.h"
#include "server/agent/step_folder.h"

namespace gd::agent {

inline constexpr size_t kMaxStreamClients = 4096;  // of a node
inline constexpr size_t kMaxStreamsPerStep = 8;
inline constexpr size_t kMaxRelayBacklog = size_t{4} << 20;  // towards one shepherd
inline constexpr Milliseconds kStreamHold = 30s;             // for a step to appear

// What the opening of a stream must show; pure.
Result<Ticket> check_ticket(const Bytes& signed_ticket, const Bytes& ticket_key,
                            const std::string& node, const std::string& client_key);

class StreamPort {
 public:
  using FindFolder = std::function<const StepFolder*(const StepKey&)>;

  StreamPort(Poller& poller, ServerSocket socket, std::string node, FindFolder find_folder);
  ~StreamPort();
  StreamPort(const StreamPort&) = delete;
  StreamPort& operator=(const StreamPort&) = delete;

  [[nodiscard]] ServerSocket& socket() { return socket_; }
  void set_ticket_key(Bytes key) { ticket_key_ = std::move(key); }
  void receive_all();       // the socket is readable
  void on_steps_changed();  // a step that somebody waits for may be here now
  void drop_silent();       // called now and then
  [[nodiscard]] size_t clients() const { return clients_.size(); }

 private:
  using ClientKey = std::pair<Route, uint64_t>;  // connection and tag
  struct Client {
    StepKey step;
    Uid uid = 0;
    Bytes opening;         // held until the step is here
    FrameChannel channel;  // to the shepherd; not open while held
    uint32_t watched = 0;
    Milliseconds heard{};  // boot time
    Milliseconds since{};
  };
  void open(const Incoming& incoming);
  Result<void> admit(const Incoming& incoming);
  Result<void> connect(const ClientKey& key, Client& client);
  void forward(const ClientKey& key, Client& client, std::string_view body);
  void on_ready(const ClientKey& key, uint32_t events);
  void watch(const ClientKey& key, Client& client);
  void refuse(const ClientKey& key, const Error& error);
  void drop(const ClientKey& key);

  Poller& poller_;
  ServerSocket socket_;
  std::string node_;
  FindFolder find_folder_;
  Bytes ticket_key_;
  std::map<ClientKey, Client> clients_;
};

}  // namespace gd::agent

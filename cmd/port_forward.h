// gdsh -L: connections to a port here go to a service inside of a job.
//
// The other end is a step of the job's own (proto/port_mux.h), so a service is reached in the
// job's network and as the job's user, whatever the cluster's network lets through. A port here is
// on the loopback unless another address is named, and a connection from this machine is taken
// only if it is of this very user: others share login nodes. Whoever comes from elsewhere, to an
// address that was named, is let in.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/poller.h"
#include "base/result.h"
#include "cmd/client.h"
#include "cmd/forward_spec.h"
#include "cmd/stream_client.h"
#include "proto/port_mux.h"

namespace gd::cmd {

// Bytes for the job that its step has not taken: more of them means that it never will.
inline constexpr size_t kMaxPortUnsent = size_t{4} << 20;

// Until the controller has heard from the node that the job runs.
inline constexpr Milliseconds kForwardPatience = 10s;

class PortForward {
 public:
  // `tell`: a line for the user. It lives no longer than `poller` and `client`.
  PortForward(Poller& poller, Client& client, std::function<void(const std::string&)> tell)
      : poller_(poller), client_(client), tell_(std::move(tell)) {}
  ~PortForward();
  PortForward(const PortForward&) = delete;
  PortForward& operator=(const PortForward&) = delete;

  // Before begin(): who comes meanwhile waits with the kernel.
  Result<void> listen(const std::vector<ForwardSpec>& specs);
  // Starts the step in the job; so long it may be that the job does not run yet.
  void begin(JobId job, Milliseconds patience);
  [[nodiscard]] bool waits() const { return !listeners_.empty() && !active(); }
  [[nodiscard]] bool active() const { return streams_ != nullptr; }
  [[nodiscard]] ClientSocket& socket() { return streams_->socket(); }
  void receive();  // what has come from the job
  void tick();     // about once a second

 private:
  struct Listener {
    UniqueFd socket;
    ForwardSpec spec;
  };
  Result<void> open_listener(const ForwardSpec& spec);
  void close_listeners();
  Result<void> start_step(JobId job);
  void on_connection(const Listener& listener);
  Result<void> carry(UniqueFd socket, const Listener& listener);
  StreamEvents stream_events();
  PortEvents port_events();
  void send(std::string_view bytes);
  void flush();
  void say(const std::string& text);
  void stop(const std::string& why);  // forwarding alone: a session beside it goes on

  Poller& poller_;
  Client& client_;
  std::function<void(const std::string&)> tell_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  TimerId next_try_ = TimerId::none;
  std::unique_ptr<StreamClient> streams_;
  std::unique_ptr<PortMux> mux_;
  std::string out_;  // for the job, as soon as the stream takes it
  std::string errors_;
  std::string said_;  // last, and when
  Milliseconds said_at_{};
  std::optional<std::string> over_;  // why it is, found inside of a call
};

}  // namespace gd::cmd

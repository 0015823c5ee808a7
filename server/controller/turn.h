// What one round of the loop has gathered: nothing of it leaves before the batch is
// durable, all of it leaves then.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proto/messages.h"
#include "proto/socket.h"
#include "server/core/effect.h"
#include "server/store/store.h"

namespace gd::controller {

struct Outgoing {
  Route route;
  uint64_t tag = 0;
  Bytes body;
};

struct Turn {
  store::Batch writes;  // beside those of the cluster's own changes
  std::vector<Outgoing> replies;
  std::vector<std::function<void()>> after;  // once durable, before the replies
  core::Effects effects;

  void reply(const Route& route, uint64_t tag, const Message& message) {
    if (!route.empty()) replies.push_back({route, tag, encode_message(message)});
  }

 private:
  static Bytes encode_message(const Message& message);
};

}  // namespace gd::controller

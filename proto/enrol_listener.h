// The daemon's side of silent enrolment: accepts, takes the peer's credentials
// from the kernel, reads one bounded line, and waits for the answer to be told.
// Used by gdauthd (controller's host) and gdnoded (nodes that may vouch).
//
//   auto listener = TRY(EnrolListener::create(poller, TRY(bind_enrol_socket(path)), on_ask));
//   void on_ask(const EnrolAsk& ask) { ... later: listener->answer(ask.id, result); }
//
// Limits: kMaxEnrolClients connections, kMaxEnrolPerUid of one user; past them a
// client is told "no ..." at once. A client that does not finish its line, or is
// not answered, within kEnrolClientTime is dropped. Cost: one callback an event.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/fd.h"
#include "base/poller.h"
#include "proto/enrol.h"
#include "proto/ids.h"

namespace gd {

inline constexpr size_t kMaxEnrolClients = 128;
inline constexpr size_t kMaxEnrolPerUid = 8;
inline constexpr Milliseconds kEnrolClientTime = 30s;

struct EnrolAsk {
  uint64_t id = 0;  // of this connection; never used twice
  Uid uid = 0;      // of the process that connected, as the kernel says
  Gid gid = 0;
  std::string public_key;
};

// A listening socket that every local user may connect to (0666). What stands at
// the path is replaced only if it is a socket.
Result<UniqueFd> bind_enrol_socket(const std::string& path);

class EnrolListener {
  struct Badge {};  // only create() has one

 public:
  using OnAsk = std::function<void(const EnrolAsk& ask)>;

  static Result<std::unique_ptr<EnrolListener>> create(Poller& poller, UniqueFd listening,
                                                       OnAsk on_ask);
  EnrolListener(Badge, Poller& poller, UniqueFd listening, OnAsk on_ask);
  EnrolListener(const EnrolListener&) = delete;
  EnrolListener& operator=(const EnrolListener&) = delete;
  ~EnrolListener();

  // Tells the client and closes; an id that has gone is ignored.
  void answer(uint64_t id, const Result<EnrolAnswer>& answer);
  [[nodiscard]] size_t clients() const { return clients_.size(); }

 private:
  struct Client {
    UniqueFd fd;
    Uid uid = 0;
    Gid gid = 0;
    std::string line;    // what has come of it so far
    bool asked = false;  // the line was whole and on_ask was called
    TimerId timer = TimerId::none;
  };
  void accept_all();
  void admit(UniqueFd fd);
  void read_from(uint64_t id);
  void drop(uint64_t id);

  Poller& poller_;
  UniqueFd listening_;
  OnAsk on_ask_;
  uint64_t next_id_ = 1;
  std::unordered_map<uint64_t, Client> clients_;
};

}  // namespace gd

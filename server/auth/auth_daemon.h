// gdauthd: all that the controller needs root for, and nothing else. PAM in child
// processes, the credentials of local processes, and the counting of failed logins.
//
// What gdctld may ask is a table {packet, state of its conversation, handler}
// (auth_daemon.cc): a packet whose row is missing ends that conversation, one that
// does not parse or that gdctld never sends ends the daemon. A controller that was
// taken over can thus ask for logins, and is slowed down like everybody.
//
//   absent -login_start-> working <-> asked -> [failing] -> absent      a login
//   absent -account_check-> (queued ->) working -> absent              a vouched user
//   absent -(local ask)-> (queued ->) working -> enrolling -> absent   silent enrolment
//
// One poll loop, no threads, no files. Ends when gdctld's end of the socket closes.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/fd.h"
#include "base/poller.h"
#include "base/result.h"
#include "proto/enrol_listener.h"
#include "server/auth/auth_packet.h"
#include "server/auth/auth_worker.h"
#include "server/auth/login_throttle.h"

namespace gd::auth {

inline constexpr size_t kMaxLogins = 32;  // conversations at once
inline constexpr size_t kMaxLoginsPerAddress = 8;
inline constexpr size_t kMaxAccountChecks = 16;  // processes at once; further ones wait
inline constexpr size_t kMaxQueuedChecks = 256;
inline constexpr Milliseconds kLoginTime = 120s;  // a conversation, all of it
inline constexpr Milliseconds kAccountTime = 15s;
inline constexpr Milliseconds kEnrolWait = 20s;  // for gdctld to make it durable
inline constexpr Milliseconds kFailDelay = 2s;   // before a failed login is told

struct DaemonOptions {
  UniqueFd control;    // SOCK_SEQPACKET, to gdctld
  UniqueFd listening;  // bound and listening already
  std::string service;
  std::string confdir;
  Milliseconds fail_delay = kFailDelay;
};

class AuthDaemon {
  struct Badge {};  // only create() has one

 public:
  AuthDaemon(Badge, Poller& poller, DaemonOptions options);
  static Result<std::unique_ptr<AuthDaemon>> create(Poller& poller, DaemonOptions options);
  AuthDaemon(const AuthDaemon&) = delete;
  AuthDaemon& operator=(const AuthDaemon&) = delete;
  ~AuthDaemon();

  // After the poller has stopped: why. Nothing: gdctld went away, as it should.
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

 private:
  enum class State : uint8_t { absent, queued, working, asked, failing, enrolling };
  enum class Purpose : uint8_t { login, account, enrol };
  struct Conversation {
    Purpose purpose = Purpose::login;
    State state = State::queued;
    std::string user;
    std::string address;
    Uid uid = 0;             // enrol: the kernel's word
    std::string public_key;  // enrol
    std::optional<AuthWorker> worker;
    TimerId timer = TimerId::none;
  };
  struct Rule {
    PacketKind kind;
    State state;
    void (AuthDaemon::*handler)(Packet packet);
  };
  static const Rule kControllerRules[];
  static const Rule kWorkerRules[];

  void on_control();
  void from_controller(Packet packet);
  void on_worker(uint64_t id);
  void on_enrol_ask(const EnrolAsk& ask);

  void start_login(Packet packet);
  void start_account_check(Packet packet);
  void pass_answer(Packet packet);
  void cancel(Packet packet);
  void finish_enrol(Packet packet);
  void pass_prompt(Packet packet);
  void finish_login(Packet packet);
  void finish_check(Packet packet);
  void worker_refused(Packet packet);

  void queue_check(uint64_t id, Conversation conversation);
  void run_queued();
  bool run_worker(uint64_t id, WorkerTask task);
  void release_worker(Conversation& conversation);
  void refuse(uint64_t id, const Error& error);  // ends the conversation, whatever it was
  void forget(uint64_t id);
  void tell(Packet packet);
  void stop(Error fault);
  [[nodiscard]] State state_of(uint64_t id) const;
  [[nodiscard]] size_t logins() const;
  [[nodiscard]] size_t logins_from(const std::string& address) const;
  [[nodiscard]] size_t enrolments_of(Uid uid) const;

  Poller& poller_;
  DaemonOptions options_;
  std::unique_ptr<EnrolListener> listener_;
  LoginThrottle throttle_;
  std::unordered_map<uint64_t, Conversation> conversations_;
  std::deque<uint64_t> queue_;  // ids of state queued, and of some that have gone
  size_t checks_running_ = 0;
  std::optional<Error> fault_;
};

}  // namespace gd::auth

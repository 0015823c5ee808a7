// Silent enrolment through a node that the controller trusts to say who its users are.
//
// A local user's client connects to <run_dir>/gdnoded.sock; who it is comes from the kernel
// (SO_PEERCRED). The agent passes uid, name and key on to the controller, which asks PAM's
// account step and decides; its answer goes back. Without that trust everybody is refused.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/poller.h"
#include "base/result.h"
#include "proto/enrol_listener.h"
#include "proto/messages.h"

namespace gd::agent {

inline constexpr uint64_t kFirstEnrolTag = uint64_t{1} << 32;  // below: hello and reports

class Voucher {
  struct Badge {};  // only create() has one

 public:
  using Ask = std::function<bool(uint64_t tag, const EnrolRequest& request)>;

  // `controller` and `key` are what an enrolled client is told.
  static Result<std::unique_ptr<Voucher>> create(Poller& poller, const std::string& run_dir,
                                                 std::string controller, std::string key, Ask ask);
  Voucher(Badge, std::string controller, std::string key, Ask ask)
      : controller_(std::move(controller)), key_(std::move(key)), ask_(std::move(ask)) {}
  void set_trusted(bool trusted) { trusted_ = trusted; }
  // The controller's answer to a question of ours; others are not for us.
  void on_answer(uint64_t tag, const Message& message);

 private:
  void on_ask(const EnrolAsk& ask);

  std::string controller_;
  std::string key_;
  Ask ask_;
  std::unique_ptr<EnrolListener> listener_;
  std::map<uint64_t, uint64_t> waiting_;  // tag -> connection
  uint64_t next_tag_ = kFirstEnrolTag;
  bool trusted_ = false;
};

}  // namespace gd::agent

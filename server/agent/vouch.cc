#include "server/agent/vouch.h"

#include "base/user.h"
#include "proto/paths.h"

namespace gd::agent {

Result<std::unique_ptr<Voucher>> Voucher::create(Poller& poller, const std::string& run_dir,
                                                 std::string controller, std::string key, Ask ask) {
  auto voucher =
      std::make_unique<Voucher>(Badge{}, std::move(controller), std::move(key), std::move(ask));
  TRY(make_directories(run_dir, 0755));
  UniqueFd socket = TRY(bind_enrol_socket(run_dir + "/" + kNodeSocketName));
  voucher->listener_ = TRY(EnrolListener::create(
      poller, std::move(socket), [self = voucher.get()](const EnrolAsk& e) { self->on_ask(e); }));
  return voucher;
}

void Voucher::on_ask(const EnrolAsk& ask) {
  if (!trusted_) {
    return listener_->answer(ask.id, Error{ErrorCode::denied,
                                           "this node is not trusted to vouch for its users, or "
                                           "cannot reach its controller; use gdlogin"});
  }
  const Result<User> user = look_up_user(static_cast<uid_t>(ask.uid));
  if (!user.ok()) return listener_->answer(ask.id, user.error());
  const uint64_t tag = next_tag_++;
  EnrolRequest request{.uid = ask.uid, .gid = user->gid, .user = user->name};
  request.public_key = ask.public_key;
  if (!ask_(tag, request)) {
    return listener_->answer(ask.id, Error{ErrorCode::unavailable, "the controller is away"});
  }
  // The listener forgets silent ones; what it has forgotten must not pile up here.
  if (waiting_.size() >= kMaxEnrolClients) waiting_.erase(waiting_.begin());
  waiting_[tag] = ask.id;
}

void Voucher::on_answer(uint64_t tag, const Message& message) {
  const auto found = waiting_.find(tag);
  if (found == waiting_.end()) return;
  const uint64_t id = found->second;
  waiting_.erase(found);
  if (const auto* done = std::get_if<LoginDone>(&message)) {
    return listener_->answer(id, EnrolAnswer{done->user, done->expires, controller_, key_});
  }
  if (const auto* error = std::get_if<ErrorReply>(&message)) {
    return listener_->answer(id, Error{error->code, error->text});
  }
  listener_->answer(id, Error{ErrorCode::internal, "the controller answered with " +
                                                       std::string(name(type_of(message)))});
}

}  // namespace gd::agent

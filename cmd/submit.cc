#include "cmd/submit.h"

#include "base/duration.h"
#include "cmd/command.h"
#include "cmd/slurm_text.h"

namespace gd::cmd {

Result<void> SubmitQueue::add(size_t index, Result<SubmitRequest> request, const OnDone& on_done) {
  if (!request.ok()) {
    answers_.emplace(index, std::move(request).error());
  } else {
    const uint64_t tag = client_.new_tag();
    Waiting& waiting =
        waiting_.emplace(tag, Waiting{index, std::move(request).take()}).first->second;
    TRY(client_.send(tag, waiting.request));
  }
  while (waiting_.size() >= kSubmitWindow) TRY(take_answers(on_done));
  hand_out(on_done);
  return {};
}

Result<void> SubmitQueue::finish(const OnDone& on_done) {
  while (!waiting_.empty()) TRY(take_answers(on_done));
  hand_out(on_done);
  return {};
}

// At least one answer, then all that have come with it.
Result<void> SubmitQueue::take_answers(const OnDone& on_done) {
  const Deadline deadline = Deadline::after(client_.patience());
  std::optional<Tagged> answer;
  while (!(answer = TRY(client_.receive(std::min<Milliseconds>(2s, deadline.remaining()))))) {
    if (deadline.passed()) return client_.no_answer();
    TRY(send_again());
  }
  while (answer) {
    const auto found = waiting_.find(answer->tag);
    if (found != waiting_.end()) {
      Result<SubmitReply> reply = Error{ErrorCode::internal, "an answer that fits no submission"};
      if (auto* done = std::get_if<SubmitReply>(&answer->message))
        reply = std::move(*done);
      else if (auto* no = std::get_if<ErrorReply>(&answer->message))
        reply = Error{no->code, no->text};
      answers_.emplace(found->second.index, std::move(reply));
      waiting_.erase(found);
    }
    answer = TRY(client_.receive(Milliseconds{0}));
  }
  hand_out(on_done);
  return {};
}

Result<void> SubmitQueue::send_again() {
  for (const auto& [tag, waiting] : waiting_) TRY(client_.send(tag, waiting.request));
  return {};
}

void SubmitQueue::hand_out(const OnDone& on_done) {
  for (auto next = answers_.find(next_out_); next != answers_.end();
       next = answers_.find(next_out_)) {
    on_done(next_out_++, next->second);
    answers_.erase(next);
  }
}

Result<int> explain_sandbox(SubmitRequest request, Context& context) {
  request.explain = true;
  Client* controller = TRY(context.controller());
  const ExplainReply told = TRY(controller->ask<ExplainReply>(request));
  if (told.expected_start) {
    context.out.line("on node " + told.node + ", to start at " +
                     format_moment(*told.expected_start, local_zone()));
  }
  for (const std::string& line : told.lines) context.out.line(line);
  for (const std::string& refusal : told.refusals) context.out.line("refused: " + refusal);
  return told.refusals.empty() ? kExitDone : kExitRefused;
}

Result<int> submit_refused(Error error, Context& context, const JobSpec& spec) {
  if (!context.slurm() || error.code == ErrorCode::usage) return error;
  const std::string reason = slurm_reason(error);
  if (reason == kInvalidPartition) {
    context.warn("error: invalid partition specified: " + spec.partition);
  } else if (error.code == ErrorCode::exhausted || error.code == ErrorCode::invalid) {
    // With the numbers, which Slurm's text has not.
    if (reason != error.text) context.warn("error: " + error.text);
  }
  error.text = "Batch job submission failed: " + reason;
  return error;
}

}  // namespace gd::cmd

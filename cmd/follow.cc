#include "cmd/follow.h"

#include <poll.h>
#include <unistd.h>

#include <array>

#include "base/text.h"
#include "cmd/job_query.h"
#include "cmd/job_wait.h"
#include "cmd/stream_client.h"

namespace gd::cmd {
namespace {

constexpr Milliseconds kTick = 500ms;
constexpr Milliseconds kAskAgain = 10s;     // a lost connection shows only in silence
constexpr Milliseconds kAskSoon = 2s;       // between its end there and at the controller
constexpr Milliseconds kRestPatience = 5s;  // for the node of a job that has ended
constexpr Milliseconds kEndPatience = 60s;  // for the controller, after the node's last word

class Follower {
 public:
  Follower(const FollowOptions& options, Client& client, Context& context)
      : options_(options), client_(client), context_(context) {}

  Result<int> run() {
    TRY(ask_for_notices());
    while (true) {
      wait_for_news();
      while (std::optional<Tagged> answer = TRY(client_.receive(Milliseconds{0}))) {
        TRY(take(*answer));
      }
      if (streams_) TRY(streams_->receive());
      if (trouble_) return *trouble_;
      if (gone_ || reader_gone()) return 0;  // whoever read this has had enough
      if (streams_) TRY(streams_->tick());
      if (exited_) finish_stream();
      if (boot_time() - asked_at_ > (had_all_ ? kAskSoon : kAskAgain)) TRY(ask_for_notices());
      if (const auto code = over()) return *code;
    }
  }

 private:
  void wait_for_news() {
    if (streams_) {
      std::array items{WaitItem(client_.socket()), WaitItem(streams_->socket())};
      (void)wait(items, kTick);
    } else {
      std::array items{WaitItem(client_.socket())};
      (void)wait(items, kTick);
    }
  }

  // Of a pipe, seen also while nothing is written.
  static bool reader_gone() {
    pollfd out{STDOUT_FILENO, 0, 0};
    return ::poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
  }

  Result<void> ask_for_notices() {
    asked_at_ = boot_time();
    wait_tag_ = client_.new_tag();
    return client_.send(wait_tag_, WaitRequest{.job = options_.job, .until = WaitUntil::ended});
  }

  Result<void> take(const Tagged& answer) {
    const auto* refused = std::get_if<ErrorReply>(&answer.message);
    if (refused != nullptr && answer.tag == wait_tag_) return Error{refused->code, refused->text};
    if (refused != nullptr && answer.tag == access_tag_) return no_access(*refused);
    if (const auto* reply = std::get_if<StepReply>(&answer.message)) return open(*reply);
    const auto* notice = std::get_if<JobNotice>(&answer.message);
    if (notice == nullptr || notice->job != options_.job) return {};
    return on_notice(*notice);
  }

  Result<void> on_notice(const JobNotice& notice) {
    notice_ = notice;
    if (notice.state == JobState::pending) {
      had_all_ = false;  // it was sent back, or has not begun
      if (!told_ && notice.reason != Reason::none && ::isatty(STDERR_FILENO) != 0) {
        told_ = true;
        context_.warn("job " + options_.name + " waits: " + std::string(name(notice.reason)));
      }
      return {};
    }
    if (ended(notice.state) && !ended_at_) ended_at_ = boot_time();
    // It runs, long after its node said that it ended: that is another life of it.
    const bool again = had_all_ && !ended(notice.state) && notice.state != JobState::completing &&
                       boot_time() - exit_at_ > kAskAgain;
    if (again) had_all_ = false;
    if (streams_ || had_all_ || access_tag_ != 0) return {};
    access_tag_ = client_.new_tag();
    return client_.send(
        access_tag_,
        StepRequest{.request = new_request_id(), .job = options_.job, .attach = kBatchStep});
  }

  // It may have ended, or gone back to the queue, since we asked: notices tell.
  Result<void> no_access(const ErrorReply& error) {
    access_tag_ = 0;
    if (error.code != ErrorCode::conflict) return Error{error.code, error.text};
    no_rest_ = ended_at_.has_value();
    return {};
  }

  Result<void> open(const StepReply& reply) {
    access_tag_ = 0;
    StreamEvents events;
    events.on_output = [this](StreamId stream, std::string_view bytes) { write(stream, bytes); };
    events.on_exit = [this](const StreamExit& exit) {
      exited_ = true;
      exit_ = exit;
    };
    events.on_gap = [this](uint64_t bytes) {
      context_.warn("job " + options_.name + ": " + std::to_string(bytes) +
                    " bytes of the output are lost");
    };
    if (reply.access.size() != 1) {
      return Error{ErrorCode::internal, "job " + options_.name + ": its batch step is on " +
                                            std::to_string(reply.access.size()) + " nodes"};
    }
    streams_.emplace(client_.sockets(), reply.access[0].access, client_.keys(), std::move(events));
    return streams_->follow(options_.tail_lines);
  }

  void write(StreamId stream, std::string_view bytes) {
    Output& out = stream == StreamId::error ? context_.err : context_.out;
    out << bytes;
    if (!out.flush()) {
      gone_ = out.broken_pipe();
      if (!gone_) trouble_ = Error{ErrorCode::unavailable, "the output cannot be written"};
    }
    streams_->written(stream, bytes.size());
  }

  void finish_stream() {
    exited_ = false;
    had_all_ = notice_.state != JobState::pending;  // sent back already: the next life comes
    exit_at_ = boot_time();
    streams_->leave();
    streams_.reset();
    if (exit_->cause == EndCause::refused || exit_->cause == EndCause::launch_failed) {
      context_.warn("job " + options_.name + ": " + printable(exit_->error, 1000));
    }
    asked_at_ = Milliseconds{0};  // ask anew: a notice of its end may have been lost
  }

  // The job's end, as the controller knows it, and its output.
  std::optional<int> over() {
    if (ended_at_ && had_all_) return code();
    if (ended_at_ && (no_rest_ || boot_time() - *ended_at_ > kRestPatience)) {
      const bool open = streams_ && streams_->is_open();
      if (open && !no_rest_) return std::nullopt;  // the rest is coming
      context_.warn("job " + options_.name +
                    " has ended, and its node does not send its output any more; "
                    "gdctl show job " +
                    options_.name + " tells in which file it is");
      return code();
    }
    if (had_all_ && !ended_at_ && boot_time() - exit_at_ > kEndPatience) {
      return shell_code(exit_->exit);  // the node has said it; the controller is silent
    }
    return std::nullopt;
  }

  int code() const { return exit_code_of(notice_); }

  const FollowOptions& options_;
  Client& client_;
  Context& context_;
  std::optional<StreamClient> streams_;
  std::optional<StreamExit> exit_;
  std::optional<Error> trouble_;
  JobNotice notice_;
  uint64_t wait_tag_ = 0;
  uint64_t access_tag_ = 0;  // 0: not asked
  Milliseconds asked_at_{};
  Milliseconds exit_at_{};
  std::optional<Milliseconds> ended_at_;
  bool exited_ = false;   // the node has said how it ended
  bool had_all_ = false;  // of this life
  bool no_rest_ = false;  // the controller gives no access any more
  bool told_ = false;
  bool gone_ = false;
};

}  // namespace

Result<int> follow_job(const FollowOptions& options, Client& client, Context& context) {
  (void)context.out.flush();
  return Follower(options, client, context).run();
}

Result<FollowOptions> find_followed(const std::string& word, Client& client) {
  JobQuery query;
  TRY(add_named(word, query.filter.jobs, query.filter.elements));
  std::vector<JobView> found = TRY(fetch_jobs(client, query));
  narrow(found, query.filter);
  const std::string shown = printable(word);
  if (found.empty()) return Error{ErrorCode::not_found, "job " + shown + ": no such job"};
  const JobRecord& job = found.front().job;
  if (found.size() > 1 || (job.array && !element_of(job))) {
    return Error{ErrorCode::invalid, "job " + shown + " is several jobs; follow one: " +
                                         std::to_string(array_id_of(job).value) + "_ELEMENT"};
  }
  if (job.array && job.state == JobState::pending && job.id == job.array->array) {
    return Error{ErrorCode::conflict,
                 "job " + shown + " waits with others of its array; follow it when it runs"};
  }
  if (job.spec->kind != JobKind::batch) {
    return Error{ErrorCode::conflict, "job " + shown +
                                          " is interactive and has no output file; gdsh --attach " +
                                          shown + " joins it"};
  }
  return FollowOptions{.job = job.id, .name = job_name_of(job, 64), .tail_lines = {}};
}

}  // namespace gd::cmd

#include "cmd/gdcp.h"

#include <array>

#include "base/text.h"
#include "cmd/client.h"
#include "cmd/job_wait.h"
#include "cmd/stream_client.h"
#include "proto/paths.h"
#include "proto/tree_receive.h"
#include "proto/tree_send.h"

namespace gd::cmd {
namespace {

constexpr Milliseconds kTick = 1s;

struct CopyOptions {
  bool recursive = false;
  bool preserve = false;
  bool quiet = false;
  std::vector<std::string> words;
};

constexpr CommandInfo kInfo{
    .name = "gdcp",
    .slurm_name = "",
    .summary = "Copy files between here and a job's container",
    .arguments = "SOURCE... TARGET",
    .examples =
        "gdcp data.csv 42:/scratch/          # into job 42\n"
        "gdcp -rp 42:results .               # a folder, with permissions and times\n",
    .rest = RestMode::permute,
    .completes = Completes::file};

void define(Cli& cli, CopyOptions& options) {
  cli.flag("-r,--recursive", "Copy folders, with all that is in them", options.recursive);
  cli.flag("-p,--preserve", "Keep permissions and times", options.preserve);
  cli.flag("-Q,--quiet", "No messages of one's own", options.quiet);
  cli.rest(options.words);
}

std::vector<std::string> command_in_job(const CopyPlan& plan, const CopyOptions& options) {
  std::vector<std::string> argv{std::string(kInsideClient) + "/gdtree"};
  if (plan.from_job) {
    argv.emplace_back("send");
    if (options.recursive) argv.emplace_back("-r");
    argv.insert(argv.end(), plan.sources.begin(), plan.sources.end());
    return argv;
  }
  argv.emplace_back("receive");
  if (options.preserve) argv.emplace_back("-p");
  argv.push_back(std::to_string(plan.sources.size()));
  argv.push_back(plan.target);
  return argv;
}

// One copy, either way: what is here is a sender or a receiver, what is there gdtree.
class Copy {
 public:
  Copy(const CopyPlan& plan, const CopyOptions& options, Client& client, Context& context)
      : plan_(plan), options_(options), client_(client), context_(context) {}

  Result<int> run() {
    if (plan_.from_job) {
      const Attributes attributes = options_.preserve ? Attributes::keep : Attributes::by_umask;
      receiver_.emplace(TRY(TreeReceiver::open(plan_.target, plan_.sources.size(), attributes,
                                               [this](const std::string& text) { say(text); })));
    } else {
      sender_.emplace(plan_.sources, options_.recursive ? Folders::send : Folders::refuse);
    }
    const StepRequest request{.request = new_request_id(),
                              .job = plan_.job,
                              .name = "copy",
                              .argv = command_in_job(plan_, options_),
                              .tasks = 1,
                              .sharing = StepSharing::overlap};
    const StepReply reply = TRY(client_.ask<StepReply>(request));
    streams_.emplace(client_.sockets(), reply.access[0].access, client_.keys(), events());
    TRY(streams_->open(std::nullopt, ""));
    Milliseconds ticked = boot_time();
    while (!exit_) {
      std::array<WaitItem, 1> items{WaitItem(streams_->socket())};
      (void)wait(items, kTick);
      TRY(streams_->receive());
      TRY(std::exchange(trouble_, {}));
      send_more();
      if (boot_time() - ticked < kTick) continue;
      ticked = boot_time();
      TRY(streams_->tick());
    }
    return outcome();
  }

 private:
  StreamEvents events() {
    StreamEvents events;
    events.on_opened = [this](const StreamOpened&) { send_more(); };
    events.on_output = [this](StreamId stream, std::string_view bytes) {
      if (stream == StreamId::error) {
        show_errors(bytes);
      } else if (receiver_) {
        Result<void> taken = receiver_->take(bytes);
        if (!taken.ok() && trouble_.ok()) trouble_ = std::move(taken);
      }
      streams_->written(stream, bytes.size());
    };
    events.on_exit = [this](const StreamExit& exit) { exit_ = exit; };
    events.on_gap = [this](uint64_t) {
      trouble_ = Error{ErrorCode::unavailable, "a part of the copy was lost"};
    };
    events.on_taken_over = [this] {
      trouble_ = Error{ErrorCode::conflict, "somebody has taken over the copy's step"};
    };
    return events;
  }

  // As much as the window takes; a frame is never more than that.
  void send_more() {
    if (!sender_ || sent_all_ || !streams_->is_open()) return;
    while (true) {
      if (frames_.empty()) frames_ = sender_->next();
      if (frames_.empty()) break;
      const size_t size = std::min(frames_.size(), streams_->input_room());
      if (size == 0) return;
      streams_->send_input(std::string_view(frames_).substr(0, size));
      frames_.erase(0, size);
    }
    sent_all_ = true;
    streams_->end_input();
  }

  void show_errors(std::string_view bytes) {
    errors_ += bytes;
    for (size_t end = 0; (end = errors_.find('\n')) != std::string::npos;) {
      say(printable(std::string_view(errors_).substr(0, end), 4096));
      errors_.erase(0, end + 1);
    }
    if (errors_.size() > kMaxTextBytes) errors_.clear();
  }

  void say(const std::string& text) {
    ++said_;
    context_.warn(text);
  }

  Result<int> outcome() {
    if (!exit_->error.empty()) return Error{ErrorCode::conflict, exit_->error};
    if (receiver_ && !receiver_->done()) {
      return Error{ErrorCode::unavailable, "the copy was broken off in the middle"};
    }
    if (shell_code(exit_->exit) == 0 && said_ == 0) return kExitDone;
    if (said_ == 0) return Error{ErrorCode::conflict, "the copy's step in the job was ended"};
    return kExitRefused;
  }

  const CopyPlan& plan_;
  const CopyOptions& options_;
  Client& client_;
  Context& context_;
  std::optional<StreamClient> streams_;
  std::optional<TreeSender> sender_;
  std::optional<TreeReceiver> receiver_;
  Bytes frames_;  // of the sender's, not yet taken by the stream
  bool sent_all_ = false;
  std::string errors_;
  size_t said_ = 0;
  std::optional<StreamExit> exit_;
  Result<void> trouble_;
};

Result<int> run(const CopyOptions& options, Context& context) {
  const CopyPlan plan = TRY(plan_copy(options.words));
  return Copy(plan, options, *TRY(context.controller()), context).run();
}

int start(const Invocation& call) {
  return start_command<CopyOptions, define, run>(kInfo, call);
}

}  // namespace

CopyPlace parse_copy_place(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits > 0 && digits < text.size() && text[digits] == ':') {
    const Result<uint32_t> job = parse_number<uint32_t>(text.substr(0, digits), 1);
    if (job.ok()) return {.job = JobId{*job}, .path = std::string(text.substr(digits + 1))};
  }
  return {.path = std::string(text)};
}

Result<CopyPlan> plan_copy(const std::vector<std::string>& words) {
  const auto wrong = [](std::string text) { return Error{ErrorCode::usage, std::move(text)}; };
  if (words.size() < 2) return wrong("expected what to copy, and where to");
  const CopyPlace target = parse_copy_place(words.back());
  CopyPlan plan{.target = target.path.empty() && target.job ? "." : target.path};
  plan.from_job = !target.job;
  std::optional<JobId> job = target.job;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const CopyPlace source = parse_copy_place(words[i]);
    if (source.job.has_value() != plan.from_job) {
      return wrong(plan.from_job ? "neither '" + words[i] + "' nor '" + words.back() +
                                       "' is in a job; JOB:PATH is"
                                 : "both '" + words[i] + "' and '" + words.back() +
                                       "' are in a job; copy by way of here");
    }
    if (source.job) {
      if (job && *job != *source.job) return wrong("one job at a time");
      job = source.job;
    }
    plan.sources.push_back(source.path.empty() && source.job ? "." : source.path);
  }
  plan.job = *job;
  return plan;
}

const Command kGdcp{&kInfo, start};

}  // namespace gd::cmd

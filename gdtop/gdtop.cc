// gdtop - nodes and jobs on the whole screen, with what they use now.
//
// One thread: keys are looked for ten times a second, answers in between. A controller that
// does not answer leaves the last figures there and says so.
#include "gdtop/gdtop.h"

#include "cmd/client.h"
#include "cmd/job_query.h"
#include "gdtop/model.h"
#include "gdtop/screen.h"

namespace gd::top {
namespace {

constexpr Milliseconds kKeyPatience = 100ms;
constexpr Milliseconds kAnswerPatience = 10s;
constexpr uint32_t kDefaultDelay = 3;  // seconds; nodes sample every few

constexpr cmd::CommandInfo kInfo{.name = "gdtop",
                                 .slurm_name = "",
                                 .summary = "Watch nodes and jobs on the whole screen",
                                 .arguments = "",
                                 .examples =
                                     "gdtop                 # q leaves, ? helps\n"
                                     "gdtop -u alice -d 1\n"};

struct TopOptions {
  std::string user;
  bool me = false;
  std::optional<uint32_t> delay;
};

void define(cmd::Cli& cli, TopOptions& options) {
  cli.option("-u,--user", "NAME", "Jobs of this user; another can be chosen by 'u'", options.user)
      .complete(cmd::Completes::user);
  cli.flag("--me", "One's own jobs", options.me);
  cli.count("-d,--delay", "SECONDS", "Time between two questions to the controller; 3 is usual",
            options.delay);
}

JobQuery running_jobs() {
  JobQuery query;
  query.live = true;
  query.filter.states = {JobState::running, JobState::suspended, JobState::completing};
  return query;
}

// Two questions at a time, whose answers come when they come.
class Feed {
 public:
  Feed(cmd::Client& client, Milliseconds delay) : client_(client), delay_(delay) {}

  Result<void> ask() {
    asked_ = boot_time();
    coming_ = Data{.cluster = client_.cluster()};
    jobs_done_ = nodes_done_ = false;
    jobs_tag_ = client_.new_tag();
    TRY(client_.send(jobs_tag_, running_jobs()));
    nodes_tag_ = client_.new_tag();
    return client_.send(nodes_tag_, NodeQuery{});
  }
  // Takes what has come, and asks again when it is time. True: the model has new data.
  Result<bool> turn(Model& model) {
    while (std::optional<cmd::Tagged> answer = TRY(client_.receive(Milliseconds{0}))) {
      take(std::move(*answer), model);
    }
    const Milliseconds waited = boot_time() - asked_;
    if (jobs_done_ && nodes_done_) {
      if (fresh_) {
        fresh_ = false;
        coming_.now = SystemClock{}.now();
        model.set_data(std::move(coming_));
        coming_ = Data{};
        return true;
      }
      if (waited >= delay_) TRY(ask());
      return false;
    }
    if (waited < kAnswerPatience) return false;
    model.set_error(client_.no_answer().text + "; what is shown is old");
    TRY(ask());
    return true;
  }

 private:
  void take(cmd::Tagged answer, Model& model) {
    if (answer.tag != jobs_tag_ && answer.tag != nodes_tag_) return;  // of an earlier question
    if (auto* jobs = std::get_if<JobQueryReply>(&answer.message)) {
      for (JobView& view : jobs->jobs) coming_.jobs.push_back(std::move(view));
      jobs_done_ = !jobs->more;
      fresh_ = fresh_ || jobs_done_;
    } else if (auto* nodes = std::get_if<NodeQueryReply>(&answer.message)) {
      coming_.nodes = std::move(nodes->nodes);
      nodes_done_ = true;
    } else if (const auto* refused = std::get_if<ErrorReply>(&answer.message)) {
      model.set_error(refused->text);
      jobs_done_ = nodes_done_ = true;
    }
  }

  cmd::Client& client_;
  Milliseconds delay_;
  Milliseconds asked_{};
  Data coming_;
  uint64_t jobs_tag_ = 0;
  uint64_t nodes_tag_ = 0;
  bool jobs_done_ = false;
  bool nodes_done_ = false;
  bool fresh_ = false;
};

Result<int> run(const TopOptions& options, cmd::Context& context) {
  cmd::Client* controller = TRY(context.controller());
  (void)TRY(controller->ask<PingReply>(PingRequest{}));  // a key that is to be renewed is now
  Model model;
  model.set_user(options.me ? cmd::own_name() : options.user);
  Feed feed(*controller, Seconds{options.delay.value_or(kDefaultDelay)});
  TRY(feed.ask());
  Screen screen = TRY(Screen::open());
  bool redraw = true;
  for (;;) {
    if (redraw) {
      const Screen::Size size = screen.size();
      screen.draw(model.render(size.rows, size.columns));
    }
    const Screen::Input input = screen.wait(kKeyPatience);
    if (input.closed) return cmd::kExitDone;
    redraw = input.resized || input.key.has_value();
    if (input.key) {
      const Action action = model.press(*input.key);
      if (action == Action::quit) return cmd::kExitDone;
      if (action == Action::refresh) TRY(feed.ask());
    }
    redraw = TRY(feed.turn(model)) || redraw;
  }
}

int start(const cmd::Invocation& call) {
  return cmd::start_command<TopOptions, define, run>(kInfo, call);
}

}  // namespace

const cmd::Command kGdtop{&kInfo, start};

}  // namespace gd::top

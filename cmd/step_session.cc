#include "cmd/step_session.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/process.h"
#include "base/text.h"
#include "cmd/job_wait.h"
#include "cmd/session.h"
#include "cmd/session_parts.h"
#include "cmd/stream_client.h"
#include "proto/index_set.h"
#include "proto/task_frames.h"
#include "proto/task_layout.h"

namespace gd::cmd {
namespace {

constexpr Milliseconds kTick = 1s;
constexpr size_t kReadChunk = size_t{32} << 10;

std::vector<uint32_t> counts_of(const std::vector<StepAccess>& nodes) {
  std::vector<uint32_t> counts;
  for (const StepAccess& node : nodes) counts.push_back(node.tasks);
  return counts;
}

ExitStatus exit_from(std::string_view text) {
  const Result<int32_t> status = parse_number<int32_t>(text);
  const WaitStatus ended = WaitStatus::from_wait(status.ok() ? *status : 0x100);
  return {.code = ended.exit_code, .signal = ended.signal};
}

class StepSession {
 public:
  StepSession(const StepSessionOptions& options, TaskOutput& output, Client& client,
              Context& context)
      : options_(options),
        output_(output),
        client_(client),
        context_(context),
        watch_(client, options.job, options.owns_job) {}

  Result<int> run() {
    poller_ = TRY(Poller::create());
    TRY(poller_->handle_signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2},
                                [this](int signal) { on_signal(signal); }));
    output_.start(*poller_);
    TRY(open_nodes());
    if (!options_.takes_input) end_input();
    watch_.keep_alive();
    schedule_tick();
    while (!done() && !left_) TRY(round());
    TRY(output_.check_written());
    return left_ ? 128 + *left_ : code();
  }

 private:
  struct Task {
    size_t node = 0;
    std::optional<ExitStatus> exit;
  };
  struct Node {
    std::string name;
    std::vector<uint32_t> tasks;
    bool framed = false;
    std::unique_ptr<StreamClient> stream;
    TaskFrameReader frames;
    std::optional<StreamExit> exit;
    uint64_t output_bytes = 0;  // that came and are not acknowledged
    uint64_t error_bytes = 0;
  };

  Result<void> open_nodes() {
    const auto numbers = task_numbers(counts_of(options_.nodes), options_.cyclic);
    size_t total = 0;
    for (const auto& here : numbers) total += here.size();
    tasks_.resize(total);
    nodes_.resize(options_.nodes.size());
    for (size_t i = 0; i < nodes_.size(); ++i) {
      Node& node = nodes_[i];
      node.name = options_.nodes[i].node;
      node.tasks = numbers[i];
      node.framed = options_.programs || node.tasks.size() > 1;
      for (const uint32_t task : node.tasks) tasks_[task].node = i;
      node.stream = std::make_unique<StreamClient>(client_.sockets(), options_.nodes[i].access,
                                                   client_.keys(), events(i));
      TRY(options_.watches ? node.stream->watch() : node.stream->open(std::nullopt, ""));
    }
    return {};
  }

  StreamEvents events(size_t at) {
    StreamEvents all;
    all.on_opened = [this](const StreamOpened&) {
      watch_input();
      announce();
    };
    all.on_output = [this, at](StreamId stream, std::string_view bytes) {
      on_output(nodes_[at], stream, bytes);
    };
    all.on_exit = [this, at](const StreamExit& exit) { on_exit(nodes_[at], exit); };
    all.on_taken_over = [this] {
      note(Error{ErrorCode::conflict, "another client has taken over this step"});
    };
    all.on_notice = [this, at](const std::string& text) {
      say(nodes_[at].name + ": " + printable(text));
    };
    all.on_gap = [this, at](uint64_t bytes) {
      say(nodes_[at].name + ": " + std::to_string(bytes) + " bytes of output were lost");
    };
    return all;
  }

  void announce() {
    const auto is_open = [](const Node& node) { return node.stream->is_open(); };
    if (announced_ || options_.opening.empty() || !std::ranges::all_of(nodes_, is_open)) return;
    announced_ = true;
    say(options_.opening);
  }

  [[nodiscard]] bool done() const {
    return ended_.empty() && output_.idle() &&
           std::ranges::all_of(nodes_, [](const Node& node) { return node.exit.has_value(); });
  }

  Result<void> round() {
    std::vector<WaitItem> items;
    for (const Node& node : nodes_) items.emplace_back(node.stream->socket());
    items.emplace_back(client_.socket());
    items.emplace_back(poller_->fd());
    (void)wait(items, input_ready() ? Milliseconds{0} : kTick);
    TRY(poller_->run_once(Milliseconds{0}));
    TRY(std::exchange(trouble_, {}));
    if (input_is_file_) read_input();
    for (Node& node : nodes_) {
      if (node.exit) continue;
      Result<void> received = node.stream->receive();
      if (!received.ok()) return std::move(received).error().in(node.name);
    }
    TRY(std::exchange(trouble_, {}));
    if (input_room() > 0) watch_input();  // again, if it waited for credit
    TRY(watch_.read_notices());
    tell_ends();
    acknowledge();
    return {};
  }

  // ---- output

  void on_output(Node& node, StreamId stream, std::string_view bytes) {
    (stream == StreamId::error ? node.error_bytes : node.output_bytes) += bytes.size();
    if (!node.framed) return output_.add(node.tasks.front(), stream, bytes);
    if (stream == StreamId::error) {  // a word of gdtasks itself
      context_.err << bytes;
      (void)context_.err.flush();
      return;
    }
    node.frames.add(bytes);
    while (true) {
      Result<std::optional<TaskFrame>> frame = node.frames.next();
      if (!frame.ok()) return note(frame.error().in(node.name));
      if (!*frame) return;
      on_frame(node, **frame);
    }
  }

  void on_frame(const Node& node, const TaskFrame& frame) {
    if (!std::ranges::binary_search(node.tasks, frame.task)) {
      return note(Error{ErrorCode::invalid, node.name + ": task " + std::to_string(frame.task) +
                                                " is not one of that node's"});
    }
    if (frame.kind == TaskFrameKind::ended) return on_task_end(frame.task, exit_from(frame.bytes));
    const bool error = frame.kind == TaskFrameKind::error;
    output_.add(frame.task, error ? StreamId::error : StreamId::output, frame.bytes);
  }

  // All that has come counts as written when nothing is left to write: what lines hold back is
  // bounded (LineLabels), and the rest is by the streams' windows.
  void acknowledge() {
    if (!output_.idle()) return;
    for (Node& node : nodes_) {
      if (const uint64_t bytes = std::exchange(node.output_bytes, 0); bytes > 0) {
        node.stream->written(StreamId::output, bytes);
      }
      if (const uint64_t bytes = std::exchange(node.error_bytes, 0); bytes > 0) {
        node.stream->written(StreamId::error, bytes);
      }
    }
  }

  // ---- ends

  void on_task_end(uint32_t number, const ExitStatus& exit) {
    Task& task = tasks_[number];
    if (task.exit) return;
    task.exit = exit;
    output_.end(number);
    ended_.push_back(number);
    const bool bad = exit.code != 0 || exit.signal != 0;
    if (bad && options_.kill_on_bad_exit && !killing_) {
      killing_ = true;
      signal_all(SIGKILL);
    }
    if (options_.wait && options_.wait->count() > 0 && !waits_) {
      waits_ = true;
      poller_->call_after(*options_.wait, [this] {
        if (std::ranges::all_of(tasks_, [](const Task& t) { return t.exit.has_value(); })) return;
        say("error: the other tasks did not end within " + std::to_string(options_.wait->count()) +
            " s of the first one");
        signal_all(SIGKILL);
      });
    }
  }

  void on_exit(Node& node, const StreamExit& exit) {
    if (node.exit) return;
    node.exit = exit;
    for (const uint32_t task : node.tasks) on_task_end(task, exit.exit);
  }

  // Those that have ended alike on a node in one line, after what they have written.
  void tell_ends() {
    if (!output_.idle()) return;
    std::map<std::pair<size_t, std::pair<int32_t, int32_t>>, std::vector<uint32_t>> alike;
    for (const uint32_t task : std::exchange(ended_, {})) {
      const ExitStatus& exit = *tasks_[task].exit;
      alike[{tasks_[task].node, {exit.code, exit.signal}}].push_back(task);
    }
    for (auto& [what, tasks] : alike) {
      const auto& [node, exit] = what;
      std::ranges::sort(tasks);
      const std::string text =
          task_end_text(nodes_[node].name, tasks, {.code = exit.first, .signal = exit.second});
      // gdrun with one task is as if that ran here, where nobody would say so.
      const bool silent = tasks_.size() == 1 && !context_.slurm();
      if (!text.empty() && !silent) say("error: " + text);
    }
  }

  int code() {
    int highest = 0;
    for (const Node& node : nodes_) {
      StreamExit exit = *node.exit;
      if (node.framed && exit.cause == EndCause::exited) exit.exit = ExitStatus{};
      const int of_node = session_code({SessionEndKind::exited, exit}, options_.job, context_);
      highest = std::max(highest, of_node);
    }
    for (const Task& task : tasks_) highest = std::max(highest, shell_code(*task.exit));
    return highest;
  }

  // ---- input

  [[nodiscard]] bool reads(const Node& node) const {
    return !options_.input_task || std::ranges::binary_search(node.tasks, *options_.input_task);
  }

  [[nodiscard]] size_t input_room() const {
    size_t room = kReadChunk;
    for (const Node& node : nodes_) {
      if (node.exit || !reads(node)) continue;
      room = std::min(room, node.stream->is_open() ? node.stream->input_room() : 0);
    }
    return room;
  }

  void watch_input() {
    if (input_watched_ || input_over_) return;
    const bool all_open = std::ranges::all_of(nodes_, [&](const Node& node) {
      return node.exit || !reads(node) || node.stream->is_open();
    });
    if (!all_open) return;
    struct stat info {};
    input_is_file_ = ::fstat(output_.input(), &info) != 0 || S_ISREG(info.st_mode);
    input_watched_ = true;
    for (const Node& node : nodes_) {
      if (!reads(node) && !options_.watches) node.stream->end_input();
    }
    if (input_is_file_) return;
    const Result<void> added =
        poller_->add(output_.input(), EPOLLIN, [this](uint32_t) { read_input(); });
    if (!added.ok()) input_is_file_ = true;  // /dev/null and the like: always readable
  }

  [[nodiscard]] bool input_ready() const {
    return input_is_file_ && input_watched_ && !input_over_ && input_room() > 0;
  }

  void read_input() {
    if (input_over_ || !input_watched_) return;
    const size_t room = input_room();
    if (room == 0) return pause_input();
    std::array<char, kReadChunk> bytes;
    const ssize_t count = ::read(output_.input(), bytes.data(), room);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count <= 0) return end_input();
    for (const Node& node : nodes_) {
      if (node.exit || !reads(node)) continue;
      node.stream->send_input({bytes.data(), static_cast<size_t>(count)});
    }
  }

  // No credit: the descriptor would be ready again and again. round() looks anew.
  void pause_input() {
    if (input_is_file_) return;
    poller_->remove(output_.input());
    input_watched_ = false;
  }

  void end_input() {
    if (input_watched_ && !input_is_file_) poller_->remove(output_.input());
    input_over_ = true;
    if (options_.watches) return;
    for (const Node& node : nodes_) node.stream->end_input();
  }

  // ---- signals

  void signal_all(int signal) {
    for (const Node& node : nodes_) {
      if (!node.exit) node.stream->send_signal(signal);
    }
  }

  // The step goes on, and its own client with it.
  void leave(int signal) {
    left_ = signal;
    for (const Node& node : nodes_) {
      if (!node.exit) node.stream->leave();
    }
  }

  void on_signal(int signal) {
    if (options_.watches) return leave(signal);
    if (signal != SIGINT) return signal_all(signal);
    const std::string job = "job " + std::to_string(options_.job.value);
    switch (interrupts_.take()) {
      case Interrupts::Means::tell:
        say("interrupt (one more within 1 sec to abort)");
        return tell_state();
      case Interrupts::Means::pass_on: say("sending Ctrl-C to " + job); return signal_all(SIGINT);
      case Interrupts::Means::end:
        say("forcing " + job + " to end");
        signal_all(SIGKILL);
        if (options_.owns_job) note(watch_.cancel_job());
    }
  }

  void tell_state() {
    IndexSet running;
    for (uint32_t task = 0; task < tasks_.size(); ++task) {
      if (!tasks_[task].exit) running.append(task);
    }
    std::string text = "job " + std::to_string(options_.job.value) + " is running";
    const bool one = tasks_.size() == 1;
    if (!one && !running.empty()) text += ": tasks " + running.text(80);
    say(text);
  }

  // ---- the controller

  void schedule_tick() {
    poller_->call_after(kTick, [this] {
      for (Node& node : nodes_) {
        if (!node.exit) note(node.stream->tick());
      }
      watch_.tick();
      if (const auto exit = watch_.given_up()) give_up_on_nodes(*exit);
      schedule_tick();
    });
  }

  void give_up_on_nodes(const StreamExit& exit) {
    for (Node& node : nodes_) on_exit(node, exit);
  }

  void note(Result<void> done) {
    if (!done.ok() && trouble_.ok()) trouble_ = std::move(done);
  }

  void say(std::string_view text) {
    if (options_.quiet) return;
    context_.err << context_.program << ": " << text << "\n";
    (void)context_.err.flush();
  }

  const StepSessionOptions& options_;
  bool announced_ = false;
  TaskOutput& output_;
  Client& client_;
  Context& context_;
  std::unique_ptr<Poller> poller_;
  std::vector<Node> nodes_;
  std::vector<Task> tasks_;
  std::vector<uint32_t> ended_;  // and not told yet
  bool killing_ = false;
  bool waits_ = false;
  bool input_watched_ = false;
  bool input_is_file_ = false;
  bool input_over_ = false;
  JobWatch watch_;
  Interrupts interrupts_;
  std::optional<int> left_;  // for this signal
  Result<void> trouble_;
};

}  // namespace

std::vector<TaskPlace> task_places(const std::vector<StepAccess>& nodes, bool cyclic) {
  const auto numbers = task_numbers(counts_of(nodes), cyclic);
  std::vector<TaskPlace> places;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const uint32_t task : numbers[i]) {
      places.push_back({task, nodes[i].node, static_cast<uint32_t>(i)});
    }
  }
  std::ranges::sort(places, {}, &TaskPlace::task);
  return places;
}

std::string task_end_text(const std::string& node, const std::vector<uint32_t>& tasks,
                          const ExitStatus& exit) {
  if (exit.code == 0 && exit.signal == 0) return "";
  IndexSet numbers;
  for (const uint32_t task : tasks) numbers.append(task);
  const std::string who =
      node + (tasks.size() > 1 ? ": tasks " : ": task ") + numbers.text(200) + ": ";
  if (exit.signal == 0) return who + "Exited with exit code " + std::to_string(exit.code);
  const char* name = ::strsignal(exit.signal);
  return who + (name != nullptr ? name : "signal " + std::to_string(exit.signal));
}

Result<int> run_step_session(const StepSessionOptions& options, TaskOutput& output, Client& client,
                             Context& context) {
  (void)context.out.flush();
  return StepSession(options, output, client, context).run();
}

}  // namespace gd::cmd

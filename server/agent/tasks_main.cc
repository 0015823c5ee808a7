// gdtasks: runs the tasks of a step on one node, inside of its container and as its user.
//
//   gdtasks [--programs=TEXT] [--processors=LIST;LIST...] [--tell-processors]
//           FIRST,SECOND,... TOTAL [COMMAND ARGUMENT...]
//
// Each task is a process with pipes of its own; what comes out of them leaves on standard output
// in frames (proto/task_frames.h), whole lines where it can be had. Standard input is given to all
// of them, or to one (kInputTaskVariable). Signals to the step reach the tasks by its control
// group and do nothing here: this program ends when the last task has, as the worst of them did.
//
// Static, for there may be nothing else in the image, and without rights of its own: whatever a
// task does to it, it does to itself.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "proto/index_set.h"
#include "proto/multi_prog.h"
#include "proto/task_frames.h"
#include "server/agent/affinity.h"

namespace gd::agent {
namespace {

constexpr size_t kChunk = kMaxTaskFrame;
constexpr int kCannotBegin = 125;

struct Task {
  uint32_t number = 0;
  std::vector<std::string> argv;
  Processors processors;  // empty: those of the step
  pid_t pid = -1;
  UniqueFd input;       // not valid: closed, or not for this task
  size_t input_at = 0;  // of the chunk that is being given out
  UniqueFd output, error;
  std::optional<int> status;
};

struct Asked {
  std::vector<uint32_t> numbers;
  std::vector<std::vector<std::string>> programs;  // by number of the task
  std::vector<Processors> processors;              // by place here; empty: all those of the step
  bool tell_processors = false;
};

Result<Asked> read_arguments(std::vector<std::string_view> words) {
  std::optional<std::string_view> text;
  if (!words.empty() && words[0].starts_with("--programs=")) {
    text = words[0].substr(std::strlen("--programs="));
    words.erase(words.begin());
  }
  Asked asked;
  if (!words.empty() && words[0].starts_with("--processors=")) {
    for (const std::string_view list : split(words[0].substr(std::strlen("--processors=")), ';')) {
      asked.processors.push_back(TRY(parse_processors(list)));
    }
    words.erase(words.begin());
  }
  if (!words.empty() && words[0] == "--tell-processors") {
    asked.tell_processors = true;
    words.erase(words.begin());
  }
  if (words.size() < 2) return Error{ErrorCode::usage, "not started by gdshep"};
  const auto total = TRY(parse_number<uint32_t>(words[1], 1));
  for (const std::string_view word : split(words[0], ',')) {
    asked.numbers.push_back(TRY(parse_number<uint32_t>(word, 0, total - 1)));
  }
  if (text) {
    asked.programs = TRY(parse_programs(*text, total));
  } else {
    const std::vector<std::string> argv(words.begin() + 2, words.end());
    if (argv.empty()) return Error{ErrorCode::usage, "no command"};
    asked.programs.assign(total, argv);
  }
  return asked;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

class Tasks {
 public:
  explicit Tasks(const Asked& asked) : tell_processors_(asked.tell_processors) {
    for (const uint32_t number : asked.numbers) {
      tasks_.push_back({.number = number, .argv = asked.programs[number]});
      const size_t place = tasks_.size() - 1;
      if (place < asked.processors.size()) tasks_[place].processors = asked.processors[place];
    }
    if (const char* only = ::getenv(kInputTaskVariable)) {
      input_for_ = only;
      ::unsetenv(kInputTaskVariable);
    }
  }

  Result<int> run() {
    TRY(take_signals());
    raise_file_limit();
    for (size_t i = 0; i < tasks_.size(); ++i) TRY(start(tasks_[i], i));
    if (!has_readers()) end_input();
    while (!all_ended()) TRY(round());
    for (Task& task : tasks_) drain(task);
    return worst();
  }

 private:
  Result<void> take_signals() {
    sigset_t all;
    ::sigfillset(&all);
    if (::sigprocmask(SIG_SETMASK, &all, &old_mask_) != 0) return os_error("signal mask");
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    signals_.reset(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_.valid()) return os_error("signalfd");
    return {};
  }

  // Three pipes a task may be more than a program's usual limit; the tasks get that one back.
  void raise_file_limit() {
    if (::getrlimit(RLIMIT_NOFILE, &old_files_) != 0) return;
    rlimit more = old_files_;
    more.rlim_cur = more.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &more);
  }

  Result<void> start(Task& task, size_t place) {
    const bool reads = input_for_.empty() || input_for_ == std::to_string(task.number);
    Pipe in;
    UniqueFd nothing;
    if (reads) {
      in = TRY(make_pipe());
    } else {
      nothing = TRY(open_file("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    Pipe out = TRY(make_pipe());
    Pipe err = TRY(make_pipe());
    const std::array<int, 3> ends = {reads ? in.read.get() : nothing.get(), out.write.get(),
                                     err.write.get()};
    task.pid = ::fork();
    if (task.pid < 0) return os_error("fork of task " + std::to_string(task.number));
    if (task.pid == 0) become(task, place, ends);
    task.input = std::move(in.write);
    task.output = std::move(out.read);
    task.error = std::move(err.read);
    for (UniqueFd* fd : {&task.input, &task.output, &task.error}) {
      if (fd->valid()) TRY(set_nonblocking(fd->get()));
    }
    return {};
  }

  [[noreturn]] void become(Task& task, size_t place, const std::array<int, 3>& ends) {
    const std::string number = std::to_string(task.number);
    (void)::setenv("SLURM_PROCID", number.c_str(), 1);
    (void)::setenv("SLURM_LOCALID", std::to_string(place).c_str(), 1);
    (void)::setenv("SLURM_TASK_PID", std::to_string(::getpid()).c_str(), 1);
    for (int i = 0; i < 3; ++i) {
      if (::dup2(ends[i], i) < 0) ::_exit(errno);
    }
    if (!task.processors.empty()) (void)keep_to(task.processors).ok();  // else those of the step
    if (tell_processors_) tell_processors(task, place);
    (void)::setpgid(0, 0);
    (void)::setrlimit(RLIMIT_NOFILE, &old_files_);
    (void)::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
    (void)::execvp(task.argv[0].c_str(), pointers(task.argv).data());
    const int why = errno;  // as Slurm: it is the task's exit code
    (void)std::fprintf(stderr, "error: execve(): %s: %s\n", task.argv[0].c_str(),
                       std::strerror(why));
    ::_exit(why);
  }

  // Slurm's line, that of its --cpu-bind=verbose.
  static void tell_processors(const Task& task, size_t place) {
    const Result<Processors> all = affinity_of(0);
    std::array<char, 256> host{};
    (void)::gethostname(host.data(), host.size() - 1);
    (void)std::fprintf(stderr, "cpu-bind=MASK - %s, task %2u %2zu [%d]: mask %s set\n", host.data(),
                       task.number, place, ::getpid(),
                       all.ok() ? processor_mask(*all).c_str() : "unknown");
  }

  static Result<void> set_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return os_error("fcntl");
    return {};
  }

  // ---- one round of the loop

  Result<void> round() {
    std::vector<pollfd> items{{.fd = signals_.get(), .events = POLLIN, .revents = 0}};
    const bool wants_more = !input_ended_ && all_given();
    items.push_back({.fd = wants_more ? 0 : -1, .events = POLLIN, .revents = 0});
    for (const Task& task : tasks_) {
      const bool feed = task.input.valid() && task.input_at < chunk_.size();
      items.push_back({.fd = feed ? task.input.get() : -1, .events = POLLOUT, .revents = 0});
      items.push_back({.fd = task.output.get(), .events = POLLIN, .revents = 0});
      items.push_back({.fd = task.error.get(), .events = POLLIN, .revents = 0});
    }
    if (::poll(items.data(), items.size(), -1) < 0 && errno != EINTR) return os_error("poll");
    for (size_t i = 0; i < tasks_.size(); ++i) {
      Task& task = tasks_[i];
      if (items[2 + 3 * i].revents != 0) feed(task);
      if (items[3 + 3 * i].revents != 0) (void)pass_on(task, TaskFrameKind::output);
      if (items[4 + 3 * i].revents != 0) (void)pass_on(task, TaskFrameKind::error);
    }
    if (items[1].revents != 0) read_input();
    if (items[0].revents != 0) reap();
    return {};
  }

  void reap() {
    signalfd_siginfo drop{};
    while (::read(signals_.get(), &drop, sizeof drop) > 0) {
    }
    for (Task& task : tasks_) {
      int status = 0;
      if (task.status || ::waitpid(task.pid, &status, WNOHANG) != task.pid) continue;
      task.status = status;
      drain(task);
      task.input.reset();
      const std::string text = std::to_string(status);
      send(task_frame_head(TaskFrameKind::ended, task.number, text.size()), text);
    }
    if (!has_readers()) end_input();
  }

  // ---- input

  [[nodiscard]] bool has_readers() const {
    return std::ranges::any_of(tasks_, [](const Task& task) { return task.input.valid(); });
  }
  [[nodiscard]] bool all_given() const {
    return std::ranges::none_of(tasks_, [&](const Task& task) {
      return task.input.valid() && task.input_at < chunk_.size();
    });
  }

  void read_input() {
    std::array<char, kChunk> bytes;
    const ssize_t got = ::read(0, bytes.data(), bytes.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) return end_input();
    chunk_.assign(bytes.data(), static_cast<size_t>(got));
    for (Task& task : tasks_) {
      task.input_at = 0;
      feed(task);
    }
  }

  void feed(Task& task) {
    while (task.input.valid() && task.input_at < chunk_.size()) {
      const ssize_t put =
          ::write(task.input.get(), chunk_.data() + task.input_at, chunk_.size() - task.input_at);
      if (put > 0) {
        task.input_at += static_cast<size_t>(put);
      } else if (put < 0 && errno == EAGAIN) {
        return;
      } else if (errno != EINTR) {
        task.input.reset();  // it has closed its input
      }
    }
  }

  void end_input() {
    input_ended_ = true;
    for (Task& task : tasks_) task.input.reset();
  }

  // ---- output

  // Says whether there may be more.
  bool pass_on(Task& task, TaskFrameKind kind) {
    UniqueFd& from = kind == TaskFrameKind::error ? task.error : task.output;
    if (!from.valid()) return false;
    std::array<char, kChunk> bytes;
    const ssize_t got = ::read(from.get(), bytes.data(), bytes.size());
    if (got > 0) {
      const auto size = static_cast<size_t>(got);
      send(task_frame_head(kind, task.number, size), {bytes.data(), size});
      return true;
    }
    if (got < 0 && errno == EINTR) return true;
    if (got < 0 && errno == EAGAIN) return false;
    from.reset();
    return false;
  }

  void drain(Task& task) {
    for (const TaskFrameKind kind : {TaskFrameKind::output, TaskFrameKind::error}) {
      while (pass_on(task, kind)) {
      }
    }
  }

  // Blocks while the client does not keep up: so do the tasks then. After an error there is
  // nobody left to tell.
  static void send(std::string head, std::string_view bytes) {
    head += bytes;
    (void)write_all(1, head, "frame").ok();
  }

  // ---- the end

  [[nodiscard]] bool all_ended() const {
    return std::ranges::all_of(tasks_, [](const Task& task) { return task.status.has_value(); });
  }

  // The highest code; killed by a signal is worse than any, and is how this program ends, too.
  [[nodiscard]] int worst() const {
    int code = 0;
    int signal = 0;
    for (const Task& task : tasks_) {
      if (WIFSIGNALED(*task.status)) signal = std::max(signal, WTERMSIG(*task.status));
      if (WIFEXITED(*task.status)) code = std::max(code, WEXITSTATUS(*task.status));
    }
    if (signal == 0) return code;
    const rlimit no_core{0, 0};
    (void)::setrlimit(RLIMIT_CORE, &no_core);
    (void)::signal(signal, SIG_DFL);
    (void)::raise(signal);
    sigset_t one;
    ::sigemptyset(&one);
    ::sigaddset(&one, signal);
    (void)::sigprocmask(SIG_UNBLOCK, &one, nullptr);
    return 128 + signal;
  }

  const bool tell_processors_;
  std::vector<Task> tasks_;
  std::string input_for_;  // empty: all
  std::string chunk_;      // of the input, on its way to the tasks
  bool input_ended_ = false;
  UniqueFd signals_;
  sigset_t old_mask_{};
  rlimit old_files_{};
};

int run(int argc, char** argv) {
  const Result<Asked> asked = read_arguments({argv + std::min(argc, 1), argv + argc});
  Result<int> code = asked.ok() ? Tasks(*asked).run() : Result<int>(asked.error());
  if (code.ok()) return *code;
  (void)std::fprintf(stderr, "gdtasks: %s\n", code.error().text.c_str());
  return kCannotBegin;
}

}  // namespace
}  // namespace gd::agent

int main(int argc, char** argv) {
  return gd::agent::run(argc, argv);
}

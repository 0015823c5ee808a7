// Runs gdshep alone: a hand-made launch folder, and the agent's end of its socket.
//
// Needs root and a user of the base system (games). Folders, groups and processes are the
// test's own; what a test leaves running is killed by the destructor.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/user.h"
#include "proto/messages_stream.h"
#include "server/agent/frame.h"
#include "server/agent/shepherd_settings.h"
#include "server/agent/step_folder.h"
#include "tests/support/temp_dir.h"

namespace gd::agent::test {

inline constexpr Milliseconds kPatience = 30s;  // of a test that would otherwise hang
inline constexpr char kUser[] = "games";

// A connection to a shepherd, read with patience.
class Line {
 public:
  explicit Line(FrameChannel channel) : channel_(std::move(channel)) {}
  void send(const Message& message);
  std::optional<Message> next(Milliseconds patience = kPatience);  // nothing: closed, or too late
  // Skips other messages.
  template <class Wanted>
  std::optional<Wanted> await() {
    while (std::optional<Message> message = next()) {
      if (auto* wanted = std::get_if<Wanted>(&*message)) return std::move(*wanted);
    }
    return std::nullopt;
  }
  void close() { channel_.close(); }

 private:
  FrameChannel channel_;
};

class Shepherds {
 public:
  Shepherds();
  ~Shepherds();

  // A batch step of the test's user in its work folder; change what matters.
  StepLaunch batch(const std::string& script);
  StepLaunch command(std::vector<std::string> argv);  // streams, no terminal

  struct Step {
    StepFolder folder;
    Pidfd shepherd;
  };
  Step& start(const StepLaunch& launch);
  Line agent(const Step& step);  // has said hello
  Line client(const Step& step, StreamOpen open = {});
  StepStatus run(const StepLaunch& launch);  // to its end
  StepStatus await(Line& line, StepPhase phase);

  [[nodiscard]] std::string work() const { return dir_ / "work"; }
  [[nodiscard]] std::string jobs() const { return dir_ / "jobs"; }
  [[nodiscard]] const User& user() const { return user_; }
  [[nodiscard]] std::string output(const std::string& name) const;  // of a file in work
  // Processes in any group of this test, and the groups that are there.
  [[nodiscard]] std::vector<pid_t> processes() const;
  [[nodiscard]] std::vector<std::string> groups() const;
  void destroy_groups();

  ShepherdSettings settings;

 private:
  gd::test::TempDir dir_;
  User user_;
  std::string cgroup_;
  std::vector<std::unique_ptr<Step>> steps_;
  uint32_t next_job_ = 1;
};

}  // namespace gd::agent::test

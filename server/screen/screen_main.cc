// gdscreen: knows what the terminal of one session shows, and writes its recording.
//
//   gdscreen --uid UID --gid GID [--record FD --title TEXT --term TERM]
//
// Descriptor 0 is a socket to the shepherd (proto/screen_frames.h), which tells the size; FD is a
// file of the user's, open for writing. What a program writes to its terminal is anybody's bytes,
// and they are read here, by a library: so it happens in a process that is the user, of whom
// nothing is at stake, and that can do nothing but read, write and compute. If it dies the session
// goes on without it.
//
// Ends with 0 when the socket is closed.
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "proto/screen_frames.h"
#include "server/container/seccomp.h"
#include "server/screen/recording.h"
#include "server/screen/terminal_model.h"

namespace gd::screen {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;
constexpr uint64_t kMemoryBytes = uint64_t{512} << 20;  // two screens, snapshots, what is queued

struct Arguments {
  uid_t uid = 0;
  gid_t gid = 0;
  int record = -1;
  std::string title;
  std::string term;
};

Result<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--uid") {
      arguments.uid = TRY(parse_number<uid_t>(value, 1));
    } else if (name == "--gid") {
      arguments.gid = TRY(parse_number<gid_t>(value));
    } else if (name == "--record") {
      arguments.record = TRY(parse_number<int>(value, 3, 1024));
    } else if (name == "--title") {
      arguments.title = value;
    } else if (name == "--term") {
      arguments.term = value;
    } else {
      return Error{ErrorCode::usage, "unexpected argument '" + std::string(name) + "'"};
    }
  }
  if (arguments.uid == 0) return Error{ErrorCode::usage, "expected --uid of a user"};
  return arguments;
}

// For good. What is open stays open.
Result<void> give_up_rights(const Arguments& arguments) {
  if (::setgroups(0, nullptr) != 0 ||
      ::setresgid(arguments.gid, arguments.gid, arguments.gid) != 0 ||
      ::setresuid(arguments.uid, arguments.uid, arguments.uid) != 0) {
    return os_error("become the user");
  }
  const rlimit none{0, 0};
  const rlimit memory{kMemoryBytes, kMemoryBytes};
  const rlimit file{kMaxRecordingBytes, kMaxRecordingBytes};
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::setrlimit(RLIMIT_AS, &memory) != 0 ||
      ::setrlimit(RLIMIT_FSIZE, &file) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return os_error("limits");
  }
  const int confined = container::confine_to_computing();
  return confined == 0 ? Result<void>{} : Result<void>(os_error("filter", confined));
}

// The recording's file; gives up at the first write that fails, and says so once.
class Recorder {
 public:
  Recorder(const Arguments& arguments, Milliseconds now) : fd_(arguments.record), recording_(now) {
    if (fd_ < 0) return;
    const std::string head = recording_head(
        {.size = {},
         .timestamp = std::chrono::floor<Seconds>(SystemClock().now()).time_since_epoch().count(),
         .title = arguments.title,
         .term = arguments.term});
    write(head);
  }
  void shown(std::string_view bytes) {
    if (fd_ >= 0) write(recording_.shown(bytes, boot_time()));
  }
  void resized(ScreenSize size) {
    if (fd_ >= 0) write(recording_.resized(size, boot_time()));
  }
  // Once, what went wrong.
  std::string take_fault() { return std::exchange(fault_, {}); }

 private:
  void write(const std::string& line) {
    written_ += line.size();
    if (written_ > kMaxRecordingBytes) {
      return stop("it has reached " + std::to_string(kMaxRecordingBytes >> 20) + " MiB");
    }
    const Result<void> done = write_all(fd_, line, "recording");
    if (!done.ok()) stop(done.error().text);
  }
  void stop(std::string why) {
    fd_ = -1;
    fault_ = std::move(why);
  }

  int fd_;
  Recording recording_;
  uint64_t written_ = 0;
  std::string fault_;
};

Result<ScreenSize> parse_size(std::string_view text) {
  const std::vector<std::string_view> words = split_words(text);
  if (words.size() != 2) return Error{ErrorCode::invalid, "a size is two numbers"};
  return ScreenSize{.rows = TRY(parse_number<uint16_t>(words[0])),
                    .columns = TRY(parse_number<uint16_t>(words[1]))};
}

Result<void> say(ScreenFrameKind kind, std::string_view bytes) {
  return write_all(0, screen_frame(kind, bytes), "socket");
}

Result<void> obey(const ScreenFrame& frame, TerminalModel& model, Recorder& recorder) {
  switch (frame.kind) {
    case ScreenFrameKind::output:
      model.feed(frame.bytes);
      recorder.shown(frame.bytes);
      break;
    case ScreenFrameKind::resize: {
      const ScreenSize size = TRY(parse_size(frame.bytes));
      model.resize(size);
      recorder.resized(size);
      break;
    }
    case ScreenFrameKind::ask: TRY(say(ScreenFrameKind::screen, model.snapshot())); break;
    default: return Error{ErrorCode::invalid, "a frame that is not for gdscreen"};
  }
  const std::string fault = recorder.take_fault();
  return fault.empty() ? Result<void>{} : say(ScreenFrameKind::fault, fault);
}

Result<void> serve(const Arguments& arguments) {
  TerminalModel model(ScreenSize{});
  Recorder recorder(arguments, boot_time());
  ScreenFrameReader reader;
  std::array<char, kReadBytes> block;
  for (;;) {
    const ssize_t got = ::read(0, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error("socket");
    if (got == 0) return {};
    reader.add({block.data(), static_cast<size_t>(got)});
    while (const std::optional<ScreenFrame> frame = TRY(reader.next())) {
      TRY(obey(*frame, model, recorder));
    }
  }
}

Result<void> run(int argc, char** argv) {
  const Arguments arguments = TRY(parse(argc, argv));
  for (const int ignored : {SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGXFSZ}) ::signal(ignored, SIG_IGN);
  TRY(give_up_rights(arguments));
  return serve(arguments);
}

}  // namespace
}  // namespace gd::screen

int main(int argc, char** argv) {
  const gd::Result<void> done = gd::screen::run(argc, argv);
  if (done.ok()) return 0;
  std::fprintf(stderr, "gdscreen: %s\n", done.error().text.c_str());
  return done.error().code == gd::ErrorCode::usage ? 2 : 1;
}

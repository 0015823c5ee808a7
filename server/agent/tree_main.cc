// gdtree: inside of a job, the far end of gdcp and sbcast.
//
//   gdtree send [-r] PATH...                  files and folders to standard output, as frames
//   gdtree receive [-p] [-n] SOURCES PATH     from standard input, to PATH
//
// -r: folders, too; -p: permissions and times are kept; -n: nothing that exists is replaced.
//
// Frames are those of proto/tree_frames.h. Static, bound in beside the commands: it runs as the
// job's user, in the job's own view of files. Ends with 0, with 1 if there was a problem (each a
// line on standard error; a sender's go with its frames), with 2 if it was called wrongly.
#include <unistd.h>

#include <array>
#include <cstdio>

#include "base/text.h"
#include "proto/tree_receive.h"
#include "proto/tree_send.h"

namespace gd::agent {
namespace {

constexpr int kUsage = 2;

void say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
}

int send(std::vector<std::string> words) {
  Folders folders = Folders::refuse;
  if (!words.empty() && words.front() == "-r") {
    folders = Folders::send;
    words.erase(words.begin());
  }
  if (words.empty()) return kUsage;
  TreeSender sender(std::move(words), folders);
  for (Bytes frames = sender.next(); !frames.empty(); frames = sender.next()) {
    if (!write_all(1, frames, "standard output").ok()) return 1;  // nobody listens any more
  }
  return sender.problems() == 0 ? 0 : 1;
}

Result<bool> receive_all(const std::string& target, size_t sources, ReceiveRules rules) {
  TreeReceiver receiver = TRY(TreeReceiver::open(target, sources, rules, say));
  std::array<char, kMaxTreePiece> block;
  while (!receiver.done()) {
    const ssize_t got = ::read(0, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error("standard input");
    if (got == 0) return Error{ErrorCode::unavailable, "the copy was broken off"};
    TRY(receiver.take({block.data(), static_cast<size_t>(got)}));
  }
  return receiver.problems() == 0;
}

int receive(std::vector<std::string> words) {
  ReceiveRules rules;
  while (!words.empty() && (words.front() == "-p" || words.front() == "-n")) {
    if (words.front() == "-p") rules.attributes = Attributes::keep;
    if (words.front() == "-n") rules.existing = Existing::refuse;
    words.erase(words.begin());
  }
  if (words.size() != 2) return kUsage;
  const Result<size_t> sources = parse_number<size_t>(words[0], 1);
  if (!sources.ok()) return kUsage;
  const Result<bool> done = receive_all(words[1], *sources, rules);
  if (!done.ok()) say(done.error().text);
  return done.ok() && *done ? 0 : 1;
}

}  // namespace
}  // namespace gd::agent

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::vector<std::string> rest(words.empty() ? words.end() : words.begin() + 1, words.end());
  if (!words.empty() && words[0] == "send") return gd::agent::send(rest);
  if (!words.empty() && words[0] == "receive") return gd::agent::receive(rest);
  std::fprintf(stderr, "gdtree: expected send [-r] PATH..., or receive [-p] [-n] SOURCES PATH\n");
  return gd::agent::kUsage;
}

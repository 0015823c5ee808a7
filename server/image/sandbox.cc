#include "server/image/sandbox.h"

#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/digest.h"
#include "base/text.h"

namespace gd::image {
namespace {

constexpr size_t kMaxReportBytes = 4096;

struct Ends {
  Pipe feed;    // the archive
  Pipe report;  // "ENTRIES BYTES" or "!TEXT"
  Pipe mapped;  // end of file: the id maps are written
  Pipe apart;   // end of file: the child is in its own namespaces
};

Result<void> enter(const Ends& ends, int tree) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() == 1) return os_error("sandbox");
  if (::setgroups(0, nullptr) != 0) return os_error("sandbox: groups");
  // Before: the working folder comes along into the new mount namespace, a descriptor does not.
  if (::fchdir(tree) != 0) return os_error("sandbox: folder");
  constexpr int kApart = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  if (::unshare(kApart) != 0) return os_error("sandbox: namespaces");
  (void)!::write(ends.apart.write.get(), "x", 1);
  char byte = 0;
  if (::read(ends.mapped.read.get(), &byte, 1) != 1) return os_error("sandbox: id maps");
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) return os_error("sandbox: ids");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount(".", ".", nullptr, MS_BIND, nullptr) != 0) {
    return os_error("sandbox: mounts");
  }
  // The working folder is below the new mount; the descriptor's way up leads onto it.
  if (::chdir("..") != 0) return os_error("sandbox: folder above");
  return {};
}

Result<void> confine(const std::string& own) {
  if (::chdir(own.c_str()) != 0) return os_error("sandbox: enter");
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return os_error("sandbox: pivot_root");
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) return os_error("sandbox: old root");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return os_error("sandbox: privileges");
  const rlimit memory{uint64_t{2} << 30, uint64_t{2} << 30}, none{0, 0}, files{256, 256};
  if (::setrlimit(RLIMIT_AS, &memory) != 0 || ::setrlimit(RLIMIT_CORE, &none) != 0 ||
      ::setrlimit(RLIMIT_NOFILE, &files) != 0) {
    return os_error("sandbox: limits");
  }
  return {};
}

Result<Unpacked> run_inside(const Ends& ends, int tree, const std::string& own,
                            const UnpackLimits& limits) {
  TRY(enter(ends, tree));
  TRY(confine(own));
  const UniqueFd root = TRY(open_file("/", O_RDONLY | O_DIRECTORY));
  return unpack_layer(ends.feed.read.get(), root.get(), limits);
}

[[noreturn]] void run_child(Ends& ends, int tree, const std::string& own,
                            const UnpackLimits& limits) {
  ends.feed.write.reset();
  ends.report.read.reset();
  ends.mapped.write.reset();
  ends.apart.read.reset();
  const Result<Unpacked> done = run_inside(ends, tree, own, limits);
  const std::string report = done.ok()
                                 ? std::to_string(done->entries) + " " + std::to_string(done->bytes)
                                 : "!" + printable(done.error().text, kMaxReportBytes - 8);
  (void)write_all(ends.report.write.get(), report, "report").ok();
  ::_exit(0);
}

Result<void> write_maps(pid_t child, const Ends& ends, const IdRange& ids) {
  char byte = 0;
  if (::read(ends.apart.read.get(), &byte, 1) != 1) return {};  // its report says why
  const std::string map = "0 " + std::to_string(ids.start) + " " + std::to_string(ids.count);
  const std::string folder = "/proc/" + std::to_string(child) + "/";
  TRY(write_file(folder + "uid_map", map));
  TRY(write_file(folder + "gid_map", map));
  (void)!::write(ends.mapped.write.get(), "x", 1);
  return {};
}

// The digest of all of it, also when the other end has had enough.
Result<Blob> feed(int archive, int to, uint64_t limit) {
  Sha256Stream digest;
  std::array<char, 65536> block;
  bool listening = true;
  uint64_t total = 0;
  for (;;) {
    const ssize_t count = ::read(archive, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("read a layer");
    if (count == 0) return Blob{.digest = "sha256:" + digest.finish(), .size = total};
    total += static_cast<uint64_t>(count);
    if (total > limit) return Error{ErrorCode::invalid, "a layer is larger than its manifest says"};
    const std::string_view bytes(block.data(), static_cast<size_t>(count));
    digest.add(bytes);
    listening = listening && write_all(to, bytes, "sandbox").ok();
  }
}

Result<Unpacked> judge(const Result<Blob>& read, const Result<Bytes>& report,
                       const Blob& expected) {
  if (!read.ok()) return read.error();  // then the archive ended early for the child, too
  if (report.ok() && report->starts_with("!")) {
    return Error{report->find("No space left") == std::string::npos ? ErrorCode::invalid
                                                                    : ErrorCode::unavailable,
                 report->substr(1)};
  }
  if (!expected.digest.empty() && read->digest != expected.digest) {
    return Error{ErrorCode::invalid,
                 "layer " + expected.digest + " has other content: its digest is " + read->digest};
  }
  if (!report.ok() || report->empty()) {
    return Error{ErrorCode::invalid, "unpacking ended without a word (out of memory?)"};
  }
  const std::vector<std::string_view> words = split_words(*report);
  if (words.size() != 2) return Error{ErrorCode::internal, "unpacking ended without its counts"};
  return Unpacked{.entries = TRY(parse_number<uint64_t>(words[0])),
                  .bytes = TRY(parse_number<uint64_t>(words[1])),
                  .archive = *read};
}

}  // namespace

Result<Unpacked> unpack_in_sandbox(int archive, const Blob& expected, int tree, const IdRange& ids,
                                   const UnpackLimits& limits) {
  Ends ends{.feed = TRY(make_pipe()),
            .report = TRY(make_pipe()),
            .mapped = TRY(make_pipe()),
            .apart = TRY(make_pipe())};
  const std::string own = "tree";
  const pid_t child = ::fork();
  if (child < 0) return os_error("fork");
  if (child == 0) run_child(ends, tree, own, limits);
  ends.feed.read.reset();
  ends.report.write.reset();
  ends.mapped.read.reset();
  ends.apart.write.reset();
  const Result<void> mapped = write_maps(child, ends, ids);
  if (!mapped.ok()) ::kill(child, SIGKILL);
  const Result<Blob> read = feed(archive, ends.feed.write.get(), expected.size);
  ends.feed.write.reset();
  const Result<Bytes> report = read_all(ends.report.read.get(), "report", kMaxReportBytes);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!mapped.ok()) return mapped.error();
  return judge(read, report, expected);
}

}  // namespace gd::image

#include "proto/tree_receive.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/text.h"

namespace gd {
namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

Error wrong_order(std::string_view what) {
  return {ErrorCode::invalid, "files came in an order that makes no sense: " + std::string(what)};
}

// The time of access stays as it is.
std::array<timespec, 2> times_of(const TreeEntry& entry) {
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t seconds = entry.mtime_ns / kSecond - (entry.mtime_ns % kSecond < 0 ? 1 : 0);
  return {timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
          timespec{.tv_sec = seconds,
                   .tv_nsec = static_cast<long>(entry.mtime_ns - seconds * kSecond)}};
}

mode_t current_umask() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

}  // namespace

Result<TreeReceiver> TreeReceiver::open(const std::string& target, size_t sources,
                                        ReceiveRules rules, OnProblem on_problem) {
  const std::string path = target.empty() ? "." : target;
  UniqueFd folder(::open(path.c_str(), kFolder));
  if (folder.valid()) return TreeReceiver(std::move(folder), "", path, rules, on_problem);
  if (errno != ENOENT && errno != ENOTDIR) return os_error(path);
  const size_t last = path.find_last_not_of('/');
  if (sources > 1 || last + 1 < path.size()) return os_error(path, ENOTDIR);
  const size_t slash = path.rfind('/');
  const std::string above = slash == std::string::npos ? "."
                            : slash == 0               ? "/"
                                                       : path.substr(0, slash);
  folder.reset(::open(above.c_str(), kFolder));
  if (!folder.valid()) return os_error(above);
  return TreeReceiver(std::move(folder), path.substr(slash + 1), above, rules, on_problem);
}

TreeReceiver::TreeReceiver(UniqueFd top, std::string rename, std::string path, ReceiveRules rules,
                           OnProblem on_problem)
    : rename_(std::move(rename)),
      rules_(rules),
      on_problem_(std::move(on_problem)),
      umask_(current_umask()) {
  levels_.push_back({.folder = std::move(top), .entry = {}, .path = std::move(path)});
}

TreeReceiver::~TreeReceiver() {
  if (!levels_.empty()) discard_file();
}

Result<void> TreeReceiver::take(std::string_view bytes) {
  reader_.add(bytes);
  while (const std::optional<ByteFrame> frame = TRY(reader_.next())) TRY(obey(*frame));
  return {};
}

Result<void> TreeReceiver::obey(const ByteFrame& frame) {
  if (done_) return wrong_order("more after the end");
  switch (static_cast<TreeFrameKind>(frame.kind)) {
    case TreeFrameKind::enter: enter(TRY(entry_in(frame))); return {};
    case TreeFrameKind::file: begin_file(TRY(entry_in(frame))); return {};
    case TreeFrameKind::link: make_link(TRY(entry_in(frame))); return {};
    case TreeFrameKind::data:
      if (!file_) return wrong_order("data without a file");
      write(frame.bytes);
      return {};
    case TreeFrameKind::end: return end();
    case TreeFrameKind::problem:
      ++problems_;
      on_problem_(printable(frame.bytes, 4096));
      return {};
    case TreeFrameKind::done:
      if (file_ || levels_.size() > 1) return wrong_order("the end in the middle");
      done_ = true;
  }
  return {};
}

Result<TreeEntry> TreeReceiver::entry_in(const ByteFrame& frame) {
  if (file_) return wrong_order("an entry within a file");
  TreeEntry entry = TRY(parse_tree_entry(frame.bytes));
  if (levels_.size() == 1 && !rename_.empty()) {
    if (made_ > 0) return Error{ErrorCode::invalid, "more came than the one that was asked for"};
    entry.name = rename_;
  }
  ++made_;
  return entry;
}

void TreeReceiver::enter(TreeEntry entry) {
  Level level{.folder = {}, .entry = std::move(entry), .path = {}};
  level.path = levels_.back().path + "/" + level.entry.name;
  if (levels_.size() > kMaxTreeDepth) {
    problem(level.path, ELOOP);
  } else if (!passes_by()) {
    const char* name = level.entry.name.c_str();
    // Ours to write in until its end, whatever it will be then.
    level.made = ::mkdirat(folder(), name, 0700) == 0;
    const bool usable = errno == EEXIST && rules_.existing == Existing::replace;
    if (!level.made && !usable) {
      problem(level.path, errno);
    } else {
      level.folder.reset(::openat(folder(), name, kFolder | O_NOFOLLOW));
      if (!level.folder.valid()) problem(level.path, errno);
    }
  }
  levels_.push_back(std::move(level));
}

void TreeReceiver::begin_file(TreeEntry entry) {
  file_ = File{.fd = {}, .entry = std::move(entry), .path = {}, .temporary = {}};
  file_->path = levels_.back().path + "/" + file_->entry.name;
  if (passes_by() || !may_take(file_->entry, file_->path)) return;
  file_->temporary = temporary_name();
  constexpr int kNew = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  file_->fd.reset(::openat(folder(), file_->temporary.c_str(), kNew, 0600));
  if (!file_->fd.valid()) problem(file_->path, errno);
}

void TreeReceiver::make_link(const TreeEntry& entry) {
  if (passes_by()) return;
  const std::string path = levels_.back().path + "/" + entry.name;
  if (!may_take(entry, path)) return;
  const std::string temporary = temporary_name();
  if (::symlinkat(entry.target.c_str(), folder(), temporary.c_str()) != 0) {
    return problem(path, errno);
  }
  if (rules_.attributes == Attributes::keep) {
    const auto times = times_of(entry);
    (void)!::utimensat(folder(), temporary.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
  }
  if (const int number = give_name(temporary, entry.name); number != 0) {
    problem(path, number);
    (void)::unlinkat(folder(), temporary.c_str(), 0);
  }
}

// No other's: several nodes of a job may receive into one folder that they share.
std::string TreeReceiver::temporary_name() const {
  struct utsname host {};
  (void)::uname(&host);
  return ".gdcp-" + std::string(host.nodename) + "-" + std::to_string(::getpid()) + "-" +
         std::to_string(made_);
}

// Said before anything is written; give_name() is what makes it so.
bool TreeReceiver::may_take(const TreeEntry& entry, const std::string& path) {
  struct stat there {};
  if (rules_.existing == Existing::replace) return true;
  if (::fstatat(folder(), entry.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) return true;
  problem(path, EEXIST);
  return false;
}

int TreeReceiver::give_name(const std::string& temporary, const std::string& name) const {
  const auto rename = [&](unsigned flags) {
    const int done = ::renameat2(folder(), temporary.c_str(), folder(), name.c_str(), flags);
    return done == 0 ? 0 : errno;
  };
  if (rules_.existing == Existing::replace) return rename(0);
  const int number = rename(RENAME_NOREPLACE);
  // Some network file systems cannot: then what may_take() saw has to do.
  return number == EINVAL ? rename(0) : number;
}

void TreeReceiver::write(std::string_view bytes) {
  if (!file_->fd.valid()) return;
  const Result<void> written = write_all(file_->fd.get(), bytes, file_->path);
  if (written.ok()) return;
  ++problems_;
  on_problem_(written.error().text);
  discard_file();
  file_->fd.reset();
}

Result<void> TreeReceiver::end() {
  if (file_) {
    end_file();
    return {};
  }
  if (levels_.size() == 1) return wrong_order("an end of nothing");
  const Level& level = levels_.back();
  const bool sets = level.made || rules_.attributes == Attributes::keep;
  if (level.folder.valid() && sets) set_attributes(level.folder.get(), level.entry);
  levels_.pop_back();
  return {};
}

void TreeReceiver::end_file() {
  if (file_->fd.valid()) {
    set_attributes(file_->fd.get(), file_->entry);
    if (const int number = give_name(file_->temporary, file_->entry.name); number != 0) {
      problem(file_->path, number);
      discard_file();
    }
  }
  file_.reset();
}

void TreeReceiver::set_attributes(int fd, const TreeEntry& entry) const {
  const bool keeps = rules_.attributes == Attributes::keep;
  (void)!::fchmod(fd, keeps ? entry.mode : entry.mode & 0777 & ~umask_);
  if (!keeps) return;
  const auto times = times_of(entry);
  (void)!::futimens(fd, times.data());
}

void TreeReceiver::discard_file() {
  if (file_ && file_->fd.valid()) (void)::unlinkat(folder(), file_->temporary.c_str(), 0);
}

void TreeReceiver::problem(const std::string& path, int number) {
  ++problems_;
  on_problem_(printable(path, 4096) + ": " + std::generic_category().message(number));
}

}  // namespace gd

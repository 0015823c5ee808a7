// fd.h carried out. All loops retry EINTR; a descriptor that is not blocking
// gives its EAGAIN back as an error, since nobody here may wait.
#include "base/fd.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

namespace gd {

void UniqueFd::reset(int fd) {
  const int old = std::exchange(fd_, fd);
  if (old >= 0) ::close(old);  // EINTR closes too on Linux: never twice
}

Result<Pipe> make_pipe(int flags) {
  int fds[2];
  if (::pipe2(fds, flags | O_CLOEXEC) != 0) return os_error("pipe");
  return Pipe{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

Result<SocketPair> make_socket_pair(int type) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) return os_error("socketpair");
  return SocketPair{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
  return open_at(AT_FDCWD, path, flags, mode);
}

Result<UniqueFd> open_at(int dir_fd, const std::string& name, int flags, mode_t mode) {
  if (name.find('\0') != std::string::npos) {
    return Error{ErrorCode::invalid, "a path holds a null byte after " + std::string(name.c_str())};
  }
  for (;;) {
    const int fd = ::openat(dir_fd, name.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return UniqueFd{fd};
    if (errno != EINTR) return os_error("open " + name);
  }
}

Result<UniqueFd> duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return os_error("duplicate descriptor " + std::to_string(fd));
  return UniqueFd{copy};
}

Result<Bytes> read_all(int fd, std::string_view context, size_t limit) {
  Bytes bytes;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error("read " + std::string(context));
    if (got == 0) return bytes;
    if (static_cast<size_t>(got) > limit - bytes.size()) {
      return Error{ErrorCode::invalid, std::string(context) + ": holds more than " +
                                           std::to_string(bytes.size()) + " + " +
                                           std::to_string(got) + " bytes read so far, at most " +
                                           std::to_string(limit) + " are allowed"};
    }
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

Result<Bytes> read_file(const std::string& path, size_t limit) {
  const UniqueFd file = TRY(open_file(path, O_RDONLY));
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return os_error("stat " + path);
  if (S_ISREG(about.st_mode) && static_cast<uint64_t>(about.st_size) > limit) {
    return Error{ErrorCode::invalid, path + ": holds " + std::to_string(about.st_size) +
                                         " bytes, at most " + std::to_string(limit) +
                                         " are allowed"};
  }
  return read_all(file.get(), path, limit);
}

Result<void> write_all(int fd, std::string_view bytes, std::string_view context) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return os_error("write " + std::string(context));
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

// One write() for the whole text: the files of /sys and /proc take it only so.
Result<void> write_file(const std::string& path, std::string_view bytes) {
  const UniqueFd file = TRY(open_file(path, O_WRONLY | O_TRUNC));
  return write_all(file.get(), bytes, path);
}

namespace {

std::string parent_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> fill_and_rename(int fd, const std::string& temporary, const std::string& path,
                             std::string_view bytes, mode_t mode) {
  TRY(write_all(fd, bytes, temporary));
  if (::fchmod(fd, mode) != 0) return os_error("chmod " + temporary);
  if (::fsync(fd) != 0) return os_error("sync " + temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return os_error("rename to " + path);
  return {};
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view bytes, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  const UniqueFd file{::mkostemp(temporary.data(), O_CLOEXEC)};  // born 0600
  if (!file.valid()) return os_error("create " + path);
  Result<void> done = fill_and_rename(file.get(), temporary, path, bytes, mode);
  if (!done.ok()) {
    ::unlink(temporary.c_str());
    return done;
  }
  const UniqueFd folder = TRY(open_file(parent_of(path), O_RDONLY | O_DIRECTORY));
  if (::fsync(folder.get()) != 0) return os_error("sync " + parent_of(path));
  return {};
}

namespace {

Result<void> expect_directory(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return os_error("stat " + path);
  if (!S_ISDIR(about.st_mode)) return os_error("create folder " + path, ENOTDIR);
  return {};
}

}  // namespace

// As with mkdir -p -m: `mode` is for the last folder, exactly; parents that are
// missing get 0755 less the umask; what exists keeps its mode.
Result<void> make_directories(const std::string& path, mode_t mode) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string parent = path.substr(0, at);
    if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) {
      // An automounter or a read-only parent may refuse what is there already.
      const int error = errno;
      if (!expect_directory(parent).ok()) return os_error("create folder " + parent, error);
    }
  }
  if (::mkdir(path.c_str(), mode) == 0) {
    if (::chmod(path.c_str(), mode) != 0) return os_error("chmod " + path);
    return {};
  }
  if (errno != EEXIST) {
    const int error = errno;
    if (!expect_directory(path).ok()) return os_error("create folder " + path, error);
    return {};
  }
  return expect_directory(path);
}

namespace {

// Folders deeper than this are first moved up to the top of the tree, so that a
// job that nests a million of them costs neither descriptors nor stack.
constexpr size_t kMaxOpenLevels = 24;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

// RESOLVE_NO_XDEV stops at every mount point, bind mounts of the same file
// system too: a home that is still mounted below must survive this.
Result<Folder> open_folder(int parent, const char* name, uint64_t resolve) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = resolve;
  const int fd = static_cast<int>(::syscall(SYS_openat2, parent, name, &how, sizeof how));
  if (fd < 0) return os_error("open " + std::string(name));
  Folder folder{::fdopendir(fd)};
  if (folder == nullptr) {
    const int error = errno;
    ::close(fd);
    return os_error("read folder " + std::string(name), error);
  }
  return folder;
}

class TreeRemover {
 public:
  explicit TreeRemover(int top) : top_(top) {}

  Result<void> empty(DIR* folder, size_t level) {
    while (const dirent* entry = next(folder)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      TRY(remove_entry(::dirfd(folder), name, level));
    }
    return {};
  }
  [[nodiscard]] bool moved_something() { return std::exchange(moved_, false); }

 private:
  static const dirent* next(DIR* folder) { return ::readdir(folder); }

  Result<void> remove_entry(int parent, const std::string& name, size_t level) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    // EISDIR is Linux's answer for a folder; EPERM is POSIX's, and also "immutable".
    if (errno != EISDIR && errno != EPERM) return os_error("remove " + name);
    const int why = errno;
    if (level >= kMaxOpenLevels) return move_up(parent, name);
    Result<Folder> folder = open_folder(parent, name.c_str(), RESOLVE_NO_XDEV | RESOLVE_BENEATH);
    if (!folder.ok()) {
      if (why == EPERM) return os_error("remove " + name, EPERM);
      return std::move(folder).error().in("remove " + name);
    }
    Result<void> emptied = empty(folder->get(), level + 1);
    if (!emptied.ok()) return std::move(emptied).error().in(name);
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0) return os_error("remove " + name);
    return {};
  }

  Result<void> move_up(int parent, const std::string& name) {
    for (;;) {
      const std::string target = ".removing-" + std::to_string(count_++);
      if (::renameat2(parent, name.c_str(), top_, target.c_str(), RENAME_NOREPLACE) == 0) break;
      if (errno != EEXIST) return os_error("move " + name);
    }
    moved_ = true;
    return {};
  }

  int top_;
  uint64_t count_ = 0;
  bool moved_ = false;
};

}  // namespace

// What does not exist is removed already. Stops at the first thing that cannot
// be removed, a mount point among them, and names it.
Result<void> remove_tree(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return os_error("remove " + path);
  const Folder top = TRY(open_folder(AT_FDCWD, path.c_str(), 0));
  TreeRemover remover{::dirfd(top.get())};
  do {
    ::rewinddir(top.get());
    Result<void> emptied = remover.empty(top.get(), 1);
    if (!emptied.ok()) return std::move(emptied).error().in(path);
  } while (remover.moved_something());
  if (::rmdir(path.c_str()) != 0) return os_error("remove " + path);
  return {};
}

}  // namespace gd

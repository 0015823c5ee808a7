#include "proto/tree_send.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/text.h"

namespace gd {
namespace {

// A FIFO without a writer must not keep us waiting; what it is is known only when it is open.
constexpr int kOpen = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

TreeEntry entry_of(const struct stat& status, const std::string& name) {
  return {.mode = static_cast<uint32_t>(status.st_mode) & 01777,
          .mtime_ns = int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
          .name = name};
}

// The last component; "." and the like are known by their true name.
std::string base_name(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return "";
  const size_t start = path.rfind('/', end);
  return path.substr(start == std::string::npos ? 0 : start + 1,
                     end - (start == std::string::npos ? static_cast<size_t>(-1) : start));
}

Result<std::string> name_to_send(const std::string& path) {
  std::string name = base_name(path);
  if (!name.empty() && name != "." && name != "..") return name;
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  if (real == nullptr) return os_error(path);
  name = base_name(real.get());
  if (name.empty()) return Error{ErrorCode::invalid, path + ": the root folder has no name"};
  return name;
}

}  // namespace

TreeSender::TreeSender(std::vector<std::string> paths, Folders folders)
    : paths_(std::move(paths)), folders_(folders) {}

Bytes TreeSender::next() {
  while (!done_) {
    Bytes frames;
    if (file_.valid()) {
      frames = read_file_piece();
    } else if (!levels_.empty()) {
      frames = read_folder_entry();
    } else if (at_ < paths_.size()) {
      frames = begin_named(paths_[at_++]);
    } else {
      done_ = true;
      frames = tree_frame(TreeFrameKind::done);
    }
    if (!frames.empty()) return frames;
  }
  return {};
}

Bytes TreeSender::begin_named(const std::string& path) {
  const Result<std::string> name = name_to_send(path);
  if (!name.ok()) return problem(name.error().text);
  UniqueFd fd(::open(path.c_str(), kOpen));
  if (!fd.valid()) return problem(path, errno);
  return send(std::move(fd), *name, path);
}

Bytes TreeSender::begin(int folder, const std::string& name, const std::string& path) {
  struct stat status {};
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return problem(path, errno);
  }
  if (S_ISLNK(status.st_mode)) {
    TreeEntry entry = entry_of(status, name);
    std::array<char, 4096> target;
    const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (size < 0) return problem(path, errno);
    entry.target.assign(target.data(), static_cast<size_t>(size));
    return tree_frame(TreeFrameKind::link, entry);
  }
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    return problem(path + ": neither a file nor a folder");
  }
  UniqueFd fd(::openat(folder, name.c_str(), kOpen | O_NOFOLLOW));
  if (!fd.valid()) return problem(path, errno);
  return send(std::move(fd), name, path);
}

Bytes TreeSender::send(UniqueFd fd, const std::string& name, const std::string& path) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return problem(path, errno);
  if (S_ISREG(status.st_mode)) {
    file_ = std::move(fd);
    file_path_ = path;
    return tree_frame(TreeFrameKind::file, entry_of(status, name));
  }
  if (!S_ISDIR(status.st_mode)) return problem(path + ": neither a file nor a folder");
  if (folders_ == Folders::refuse) return problem(path + ": is a folder; -r copies folders");
  if (levels_.size() >= kMaxTreeDepth) {
    return problem(path + ": more than " + std::to_string(kMaxTreeDepth) + " folders deep");
  }
  DIR* folder = ::fdopendir(fd.get());
  if (folder == nullptr) return problem(path, errno);
  (void)fd.release();  // the DIR's now
  levels_.push_back({.folder = {folder, CloseFolder{}}, .path = path});
  return tree_frame(TreeFrameKind::enter, entry_of(status, name));
}

Bytes TreeSender::read_file_piece() {
  Bytes piece(kMaxTreePiece, '\0');
  ssize_t got = 0;
  do {
    got = ::read(file_.get(), piece.data(), piece.size());
  } while (got < 0 && errno == EINTR);
  if (got > 0) return tree_frame(TreeFrameKind::data, {piece.data(), static_cast<size_t>(got)});
  Bytes frames;
  if (got < 0) frames = problem(file_path_, errno);
  file_.reset();
  return frames + tree_frame(TreeFrameKind::end);
}

Bytes TreeSender::read_folder_entry() {
  Level& level = levels_.back();
  errno = 0;
  const dirent* entry = ::readdir(level.folder.get());
  if (entry == nullptr) {
    Bytes frames;
    if (errno != 0) frames = problem(level.path, errno);
    levels_.pop_back();
    return frames + tree_frame(TreeFrameKind::end);
  }
  const std::string name = entry->d_name;
  if (name == "." || name == "..") return {};
  return begin(::dirfd(level.folder.get()), name, level.path + "/" + name);
}

Bytes TreeSender::problem(const std::string& path, int number) {
  return problem(path + ": " + std::generic_category().message(number));
}

Bytes TreeSender::problem(const std::string& text) {
  ++problems_;
  return tree_frame(TreeFrameKind::problem, text.substr(0, kMaxTreePiece));
}

}  // namespace gd

#include "server/image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/text.h"

namespace gd::image {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr size_t kMaxAttributeBytes = size_t{64} << 10;

Error refused(std::string_view name, std::string_view why) {
  return Error{ErrorCode::invalid, "entry '" + printable(name, 120) + "' " + std::string(why)};
}

Result<UniqueFd> open_below(int root, const std::string& path, int flags, mode_t mode = 0) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
  if (fd < 0) return os_error(path);
  return UniqueFd(static_cast<int>(fd));
}

// The parts of a name; none of them is empty, "." or "..".
Result<std::vector<std::string>> parts_of(std::string_view name) {
  if (name.size() > kMaxEntryNameBytes) {
    return refused(name, "has a name of " + std::to_string(name.size()) + " bytes, at most " +
                             std::to_string(kMaxEntryNameBytes) + " are allowed");
  }
  std::vector<std::string> parts;
  for (const std::string_view part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return refused(name, "has '..' in its name");
    if (part.size() > 255) return refused(name, "has a part of more than 255 bytes in its name");
    parts.emplace_back(part);
  }
  if (parts.size() > kMaxEntryDepth) {
    return refused(name, "is " + std::to_string(parts.size()) + " folders deep, at most " +
                             std::to_string(kMaxEntryDepth) + " are allowed");
  }
  return parts;
}

// remove_tree() takes a path; this one is `own` of the folder `parent`, wherever that is.
Result<void> remove_entry(int parent, const std::string& own, const std::string& name) {
  const UniqueFd before(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!before.valid() || ::fchdir(parent) != 0) return os_error(name);
  Result<void> removed = remove_tree("./" + own);
  if (::fchdir(before.get()) != 0) return os_error(name);
  return removed;
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::string below(const std::string& folder, const std::string& own) {
  return folder.empty() ? own : folder + "/" + own;
}

class Layer {
 public:
  Layer(int root, const UnpackLimits& limits) : root_(root), limits_(limits) {}

  Result<void> take(archive* source, archive_entry* entry) {
    const char* raw = archive_entry_pathname(entry);
    if (raw == nullptr) return refused("?", "has a name that cannot be read");
    const std::string name = raw;
    if (++done_.entries > limits_.entries) {
      return refused(name, "is one more than the " + std::to_string(limits_.entries) + " allowed");
    }
    std::vector<std::string> parts = TRY(parts_of(name));
    if (parts.empty()) return set_attributes(root_, ".", entry, name);
    const std::string own = parts.back();
    parts.pop_back();
    const UniqueFd parent = TRY(open_parent(parts, name));
    const std::string folder = join(parts, "/");
    if (own == kOpaque) return clear_lower(parent.get(), folder, name);
    if (own.starts_with(kWhiteout)) return white_out(parent.get(), folder, own.substr(4), name);
    for (size_t i = 0; i <= parts.size(); ++i) {
      fresh_.insert(i == parts.size() ? below(folder, own)
                                      : join(std::span(parts).first(i + 1), "/"));
    }
    return make(source, entry, parent.get(), own, name, parts);
  }

  [[nodiscard]] const Unpacked& done() const { return done_; }

 private:
  Result<UniqueFd> open_parent(const std::vector<std::string>& parts, const std::string& name) {
    const std::string path = join(parts, "/");
    Result<UniqueFd> parent = open_below(root_, path, O_RDONLY | O_DIRECTORY);
    if (parent.ok()) return parent;
    // Folders that the archive does not list are made, each below the one before.
    std::string so_far;
    for (const std::string& part : parts) {
      const UniqueFd above = TRY(open_safe(so_far, name));
      if (::mkdirat(above.get(), part.c_str(), 0755) != 0 && errno != EEXIST) return os_error(name);
      so_far += (so_far.empty() ? "" : "/") + part;
    }
    return open_safe(so_far, name);
  }

  Result<UniqueFd> open_safe(const std::string& path, const std::string& name) {
    Result<UniqueFd> folder = open_below(root_, path, O_RDONLY | O_DIRECTORY);
    if (folder.ok()) return folder;
    if (errno == EXDEV || errno == ELOOP) return refused(name, "leads out of the image by a link");
    return refused(name, "is in what is no folder");
  }

  // Whiteouts are about lower layers: what this one has brought stays.
  Result<void> white_out(int parent, const std::string& folder, const std::string& own,
                         const std::string& name) {
    if (own.empty() || own == "." || own == ".." || own.starts_with(kWhiteout)) {
      return refused(name, "is no whiteout of a name");
    }
    if (fresh_.contains(below(folder, own))) return {};
    return remove_entry(parent, own, name);
  }

  Result<void> clear_lower(int parent, const std::string& folder, const std::string& name) {
    UniqueFd copy(::openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, CloseFolder> listing(copy.valid() ? ::fdopendir(copy.get())
                                                                 : nullptr);
    if (!listing) return os_error(name);
    (void)copy.release();
    std::vector<std::string> lower;
    while (const dirent* one = ::readdir(listing.get())) {
      const std::string own = one->d_name;
      if (own == "." || own == ".." || fresh_.contains(below(folder, own))) continue;
      lower.push_back(own);
    }
    for (const std::string& own : lower) TRY(remove_entry(parent, own, name));
    return {};
  }

  Result<void> make(archive* source, archive_entry* entry, int parent, const std::string& own,
                    const std::string& name, const std::vector<std::string>& parts) {
    const mode_t type = archive_entry_filetype(entry);
    if (const char* target = archive_entry_hardlink(entry); target != nullptr) {
      return link(parent, own, name, target);
    }
    if (type == AE_IFCHR || type == AE_IFBLK) {
      if (!parts.empty() && parts[0] == "dev") return {};
      return refused(name, "is a device");
    }
    struct stat there {};
    const bool exists = ::fstatat(parent, own.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && !(type == AE_IFDIR && S_ISDIR(there.st_mode)))
      TRY(remove_entry(parent, own, name));
    if (type == AE_IFDIR) {
      if (::mkdirat(parent, own.c_str(), 0700) != 0 && errno != EEXIST) return os_error(name);
    } else if (type == AE_IFREG) {
      TRY(write_file(source, entry, parent, own, name));
    } else if (type == AE_IFLNK) {
      const char* target = archive_entry_symlink(entry);
      if (target == nullptr || *target == '\0') return refused(name, "is a link to nothing");
      if (::symlinkat(target, parent, own.c_str()) != 0) return os_error(name);
    } else if (type == AE_IFIFO) {
      if (::mkfifoat(parent, own.c_str(), 0600) != 0) return os_error(name);
    } else {
      return refused(name, "is neither file, folder, link nor pipe");
    }
    return set_attributes(parent, own, entry, name);
  }

  Result<void> link(int parent, const std::string& own, const std::string& name,
                    const std::string& target) {
    const std::vector<std::string> parts = TRY(parts_of(target));
    if (parts.empty()) return refused(name, "is a link to the root");
    const std::string path = join(parts, "/");
    Result<UniqueFd> there = open_below(root_, path, O_PATH | O_NOFOLLOW);
    struct stat status {};
    if (!there.ok() || ::fstat(there->get(), &status) != 0 || S_ISDIR(status.st_mode)) {
      return refused(
          name, "is a hard link to '" + printable(target, 80) + "', which is no file of the image");
    }
    struct stat same {};
    if (::fstatat(parent, own.c_str(), &same, AT_SYMLINK_NOFOLLOW) == 0 &&
        same.st_ino == status.st_ino) {
      return {};  // to itself, or again
    }
    TRY(remove_entry(parent, own, name));
    // By its folder and last part: a link by descriptor would need more rights.
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
    const UniqueFd from = TRY(open_safe(folder, name));
    const std::string last = slash == std::string::npos ? path : path.substr(slash + 1);
    if (::linkat(from.get(), last.c_str(), parent, own.c_str(), 0) != 0) return os_error(name);
    return {};
  }

  Result<void> write_file(archive* source, archive_entry* entry, int parent, const std::string& own,
                          const std::string& name) {
    const int64_t size = archive_entry_size(entry);
    if (size < 0 || done_.bytes + static_cast<uint64_t>(size) > limits_.bytes) {
      return refused(name, "makes the layer larger than the " + std::to_string(limits_.bytes) +
                               " bytes allowed");
    }
    done_.bytes += static_cast<uint64_t>(size);
    const UniqueFd file(
        ::openat(parent, own.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.valid()) return os_error(name);
    const void* data = nullptr;
    size_t count = 0;
    la_int64_t at = 0;
    int got = ARCHIVE_OK;
    while ((got = archive_read_data_block(source, &data, &count, &at)) == ARCHIVE_OK) {
      if (at < 0 || static_cast<uint64_t>(at) + count > static_cast<uint64_t>(size)) {
        return refused(name, "has more content than its size");
      }
      if (::lseek(file.get(), at, SEEK_SET) < 0) return os_error(name);
      TRY(write_all(file.get(), {static_cast<const char*>(data), count}, name));
    }
    if (got != ARCHIVE_EOF) return refused(name, "is cut short");
    if (::ftruncate(file.get(), size) != 0) return os_error(name);  // a hole at the end
    return {};
  }

  static Result<void> set_attributes(int parent, const std::string& own, archive_entry* entry,
                                     const std::string& name) {
    const auto uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
    if (uid < 0 || gid < 0 || uid > 65535 || gid > 65535) {
      return refused(name, "has the owner " + std::to_string(uid) + ":" + std::to_string(gid) +
                               ", ids 0 to 65535 are allowed");
    }
    if (::fchownat(parent, own.c_str(), static_cast<uid_t>(uid), static_cast<gid_t>(gid),
                   AT_SYMLINK_NOFOLLOW) != 0) {
      return os_error(name);
    }
    if (archive_entry_filetype(entry) == AE_IFLNK) return {};
    const UniqueFd made(
        ::openat(parent, own.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    if (!made.valid()) return os_error(name);
    TRY(set_xattrs(made.get(), entry, name));
    // Without set-user-id and set-group-id; the sticky bit stays.
    if (::fchmod(made.get(), archive_entry_mode(entry) & 01777) != 0) return os_error(name);
    const timespec times[2] = {{archive_entry_mtime(entry), 0}, {archive_entry_mtime(entry), 0}};
    if (::futimens(made.get(), times) != 0) return os_error(name);
    return {};
  }

  static Result<void> set_xattrs(int fd, archive_entry* entry, const std::string& name) {
    const char* key = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &key, &value, &size) == ARCHIVE_OK) {
      const std::string_view word = key == nullptr ? "" : key;
      if (word.starts_with("trusted.overlay.") || word.starts_with("user.overlay.")) {
        return refused(name, "has the attribute " + printable(word, 60) + " of an overlay");
      }
      if (!word.starts_with("user.")) continue;
      if (size > kMaxAttributeBytes) return refused(name, "has an attribute of more than 64 KiB");
      if (::fsetxattr(fd, key, value, size, 0) != 0 && errno != EOPNOTSUPP) return os_error(name);
    }
    return {};
  }

  int root_;
  const UnpackLimits& limits_;
  Unpacked done_;
  std::set<std::string> fresh_;  // names that this layer has brought, and folders above them
};

struct Close {
  void operator()(archive* source) const { archive_read_free(source); }
};

}  // namespace

Result<Unpacked> unpack_layer(int fd, int root, const UnpackLimits& limits) {
  const std::unique_ptr<archive, Close> source(archive_read_new());
  if (!source) return Error{ErrorCode::exhausted, "no memory to read an archive"};
  // Those that need no program of the system's.
  archive_read_support_filter_gzip(source.get());
  archive_read_support_filter_zstd(source.get());
  archive_read_support_format_tar(source.get());
  constexpr size_t kBlock = size_t{256} << 10;
  const auto complain = [&source](std::string_view what) {
    const char* text = archive_error_string(source.get());
    return Error{ErrorCode::invalid,
                 std::string(what) + ": " + printable(text == nullptr ? "unreadable" : text)};
  };
  if (archive_read_open_fd(source.get(), fd, kBlock) != ARCHIVE_OK) {
    return complain("not a tar archive, plain, gzip or zstd");
  }
  ::umask(0);
  Layer layer(root, limits);
  archive_entry* entry = nullptr;
  int got = ARCHIVE_OK;
  while ((got = archive_read_next_header(source.get(), &entry)) == ARCHIVE_OK ||
         got == ARCHIVE_WARN) {
    TRY(layer.take(source.get(), entry));
  }
  if (got != ARCHIVE_EOF) return complain("archive");
  std::array<char, 65536> rest;  // whoever feeds us reads it all for its digest
  while (::read(fd, rest.data(), rest.size()) > 0) {
  }
  return layer.done();
}

}  // namespace gd::image

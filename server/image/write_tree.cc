#include "server/image/write_tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "base/text.h"
#include "server/image/unpack.h"

namespace gd::image {
namespace {

constexpr size_t kMaxLinkBytes = 4096;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
struct FreeArchive {
  void operator()(archive* out) const { archive_write_free(out); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using Entry = std::unique_ptr<archive_entry, FreeEntry>;

Error refused(const std::string& name, const std::string& why) {
  return Error{ErrorCode::invalid, "'" + printable(name, 120) + "' " + why};
}

// In order, so that the same tree is the same stream.
Result<std::vector<std::string>> names_in(int folder, const std::string& name) {
  UniqueFd copy(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, CloseFolder> listing(copy.valid() ? ::fdopendir(copy.get()) : nullptr);
  if (!listing) return os_error("read folder " + name);
  (void)copy.release();
  std::vector<std::string> names;
  while (const dirent* one = ::readdir(listing.get())) {
    const std::string_view own = one->d_name;
    if (own == "." || own == "..") continue;
    if (names.size() == kMaxEntries) return refused(name, "has too many entries");
    names.emplace_back(own);
  }
  std::ranges::sort(names);
  return names;
}

class Writer {
 public:
  Writer(archive* out, const TreeForm& form) : out_(out), form_(form) {}

  Result<void> folder(int fd, const std::string& name, size_t depth) {
    for (const std::string& own : TRY(names_in(fd, name))) {
      TRY(entry(fd, own, name.empty() ? own : name + "/" + own, depth));
    }
    return {};
  }

  // What was to be instead of files that are not there.
  Result<void> rest() {
    for (const auto& [name, text] : form_.instead) {
      if (!text || replaced_.contains(name)) continue;
      TRY(other_file(name, {}, text));
    }
    return {};
  }

  [[nodiscard]] const WrittenTree& done() const { return done_; }

 private:
  Result<void> entry(int parent, const std::string& own, const std::string& name, size_t depth) {
    if (name.size() > kMaxEntryNameBytes) return refused(name, "has too long a name");
    if (depth > kMaxEntryDepth) {
      return refused(name, "is more than " + std::to_string(kMaxEntryDepth) + " folders deep");
    }
    if (own.starts_with(".wh.")) return refused(name, "has a name that images cannot have");
    struct stat about {};
    if (::fstatat(parent, own.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) return os_error(name);
    const auto other = form_.instead.find(name);
    if (other != form_.instead.end()) return other_file(name, about, other->second);
    const mode_t type = about.st_mode & S_IFMT;
    if (type != S_IFREG && type != S_IFDIR && type != S_IFLNK) return {};
    if (++done_.entries > kMaxEntries) {
      return refused(name, "is one more than the " + std::to_string(kMaxEntries) +
                               " entries that an image may have");
    }
    const Entry made = describe(name, about);
    if (type == S_IFLNK) return link(parent, own, name, made.get());
    if (type == S_IFREG) return file(parent, own, name, about, made.get());
    TRY(header(made.get(), name));
    const UniqueFd inner(
        ::openat(parent, own.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inner.valid()) return os_error("open " + name);
    return folder(inner.get(), name, depth + 1);
  }

  [[nodiscard]] Entry describe(const std::string& name, const struct stat& about) const {
    Entry made(archive_entry_new());
    archive_entry_set_pathname(made.get(), name.c_str());
    archive_entry_set_mode(made.get(), (about.st_mode & S_IFMT) | (about.st_mode & 01777));
    archive_entry_set_uid(made.get(), form_.own_uids.contains(about.st_uid) ? 0 : about.st_uid);
    archive_entry_set_gid(made.get(), form_.own_gids.contains(about.st_gid) ? 0 : about.st_gid);
    archive_entry_set_mtime(made.get(), about.st_mtim.tv_sec, 0);
    archive_entry_set_size(made.get(), 0);
    return made;
  }

  Result<void> link(int parent, const std::string& own, const std::string& name,
                    archive_entry* made) {
    std::array<char, kMaxLinkBytes> target;
    const ssize_t count = ::readlinkat(parent, own.c_str(), target.data(), target.size());
    if (count < 0) return os_error("read link " + name);
    archive_entry_set_symlink(made, std::string(target.data(), static_cast<size_t>(count)).c_str());
    return header(made, name);
  }

  Result<void> file(int parent, const std::string& own, const std::string& name,
                    const struct stat& about, archive_entry* made) {
    if (about.st_nlink > 1) {
      const auto [first, fresh] = linked_.try_emplace({about.st_dev, about.st_ino}, name);
      if (!fresh) {
        archive_entry_set_hardlink(made, first->second.c_str());
        return header(made, name);
      }
    }
    const UniqueFd from(
        ::openat(parent, own.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!from.valid()) return os_error("open " + name);
    archive_entry_set_size(made, about.st_size);
    TRY(header(made, name));
    std::array<char, 65536> block;
    auto left = static_cast<uint64_t>(about.st_size);
    while (left > 0) {
      const ssize_t count =
          ::read(from.get(), block.data(), std::min<uint64_t>(left, block.size()));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return os_error("read " + name);
      if (count == 0) return refused(name, "became shorter while it was read");
      TRY(content({block.data(), static_cast<size_t>(count)}, name));
      left -= static_cast<uint64_t>(count);
    }
    return {};
  }

  Result<void> other_file(const std::string& name, const struct stat& about,
                          const std::optional<Bytes>& text) {
    replaced_.insert(name);
    if (!text) return {};
    ++done_.entries;
    const Entry made = describe(name, about);
    archive_entry_set_mode(made.get(), S_IFREG | 0644);
    archive_entry_set_uid(made.get(), 0);
    archive_entry_set_gid(made.get(), 0);
    archive_entry_set_size(made.get(), static_cast<int64_t>(text->size()));
    TRY(header(made.get(), name));
    return content(*text, name);
  }

  Result<void> header(archive_entry* made, const std::string& name) {
    const int wrote = archive_write_header(out_, made);
    if (wrote == ARCHIVE_OK || wrote == ARCHIVE_WARN) return {};
    return failed(name);
  }

  Result<void> content(std::string_view bytes, const std::string& name) {
    done_.bytes += bytes.size();
    const la_ssize_t wrote = archive_write_data(out_, bytes.data(), bytes.size());
    if (wrote == static_cast<la_ssize_t>(bytes.size())) return {};
    return failed(name);
  }

  [[nodiscard]] Error failed(const std::string& name) const {
    const char* text = archive_error_string(out_);
    return Error{ErrorCode::unavailable,
                 "write " + printable(name, 120) + ": " + printable(text ? text : "no word why")};
  }

  archive* out_;
  const TreeForm& form_;
  WrittenTree done_;
  std::set<std::string> replaced_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // what has more names than one
};

}  // namespace

Result<WrittenTree> write_tree(int root, const TreeForm& form, int out) {
  const std::unique_ptr<archive, FreeArchive> writer(archive_write_new());
  if (!writer) return Error{ErrorCode::exhausted, "no memory to write an archive"};
  archive_write_set_format_pax_restricted(writer.get());
  // Names are octets here, of no language.
  archive_write_set_options(writer.get(), "hdrcharset=BINARY");
  if (archive_write_open_fd(writer.get(), out) != ARCHIVE_OK) {
    return Error{ErrorCode::unavailable, "the archive cannot be written"};
  }
  Writer tree(writer.get(), form);
  TRY(tree.folder(root, "", 1));
  TRY(tree.rest());
  if (archive_write_close(writer.get()) != ARCHIVE_OK) {
    return Error{ErrorCode::unavailable, "the end of the archive cannot be written"};
  }
  return tree.done();
}

}  // namespace gd::image

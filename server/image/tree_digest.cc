#include "server/image/tree_digest.h"

#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>

#include "base/digest.h"
#include "base/fd.h"

namespace gd::image {
namespace {

struct CloseTree {
  void operator()(FTS* tree) const { ::fts_close(tree); }
};

int by_name(const FTSENT** left, const FTSENT** right) {
  return std::strcmp((*left)->fts_name, (*right)->fts_name);
}

Result<void> add_content(Sha256Stream& digest, const char* path, off_t size) {
  const UniqueFd file = TRY(open_file(path, O_RDONLY | O_NOFOLLOW));
  std::array<char, 65536> block;
  off_t left = size;
  while (left > 0) {
    const ssize_t count = ::read(file.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Error{ErrorCode::invalid, std::string(path) + ": shorter than it says"};
    digest.add({block.data(), static_cast<size_t>(count)});
    left -= count;
  }
  return {};
}

Result<void> add_entry(Sha256Stream& digest, const FTSENT& entry, size_t prefix) {
  const struct stat& about = *entry.fts_statp;
  digest.add(std::to_string(about.st_mode) + " " + std::to_string(about.st_uid) + " " +
             std::to_string(about.st_gid) + " " +
             std::to_string(S_ISDIR(about.st_mode) ? 0 : about.st_size) + " ");
  digest.add({entry.fts_path + prefix, entry.fts_pathlen - prefix});
  digest.add(std::string_view("\0", 1));
  if (entry.fts_info == FTS_F) return add_content(digest, entry.fts_accpath, about.st_size);
  if (entry.fts_info != FTS_SL && entry.fts_info != FTS_SLNONE) return {};
  std::array<char, 4096> target;
  const ssize_t length = ::readlink(entry.fts_accpath, target.data(), target.size());
  if (length < 0) return os_error(entry.fts_path);
  digest.add({target.data(), static_cast<size_t>(length)});
  return {};
}

}  // namespace

Result<TreeFacts> measure_tree(const std::string& folder) {
  std::string path = folder;
  char* const roots[] = {path.data(), nullptr};
  const std::unique_ptr<FTS, CloseTree> tree(
      ::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, by_name));
  if (!tree) return os_error(folder);
  Sha256Stream digest;
  TreeFacts facts;
  for (FTSENT* entry = ::fts_read(tree.get()); entry != nullptr; entry = ::fts_read(tree.get())) {
    if (entry->fts_info == FTS_DP) continue;
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
      return os_error(entry->fts_path, entry->fts_errno);
    }
    facts.bytes += static_cast<uint64_t>(entry->fts_statp->st_blocks) * 512;
    TRY(add_entry(digest, *entry, folder.size()));
  }
  facts.digest = digest.finish();
  return facts;
}

}  // namespace gd::image

// Archives for tests, friendly and hostile, made with libarchive's writer.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <string>

#include "base/check.h"

namespace gd::image::test {

struct Member {
  std::string name;
  unsigned type = AE_IFREG;
  std::string content;  // or a link's target
  mode_t mode = 0644;
  int64_t uid = 0;
  std::string xattr;  // a name; the value is "v"
  bool hard_link = false;
};

inline std::string make_tar(const std::vector<Member>& members, bool gzip = false) {
  std::string out(size_t{8} << 20, '\0');
  size_t used = 0;
  archive* to = archive_write_new();
  archive_write_set_format_pax(to);
  if (gzip) archive_write_add_filter_gzip(to);
  GD_CHECK(archive_write_open_memory(to, out.data(), out.size(), &used) == ARCHIVE_OK);
  for (const Member& member : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.name.c_str());
    archive_entry_set_mode(entry, member.type | member.mode);
    archive_entry_set_uid(entry, member.uid);
    archive_entry_set_mtime(entry, 1'700'000'000, 0);
    if (member.hard_link) {
      archive_entry_set_hardlink(entry, member.content.c_str());
    } else if (member.type == AE_IFLNK) {
      archive_entry_set_symlink(entry, member.content.c_str());
    } else if (member.type == AE_IFREG) {
      archive_entry_set_size(entry, static_cast<int64_t>(member.content.size()));
    } else if (member.type == AE_IFCHR || member.type == AE_IFBLK) {
      archive_entry_set_rdev(entry, 0x0101);
    }
    if (!member.xattr.empty()) archive_entry_xattr_add_entry(entry, member.xattr.c_str(), "v", 1);
    GD_CHECK(archive_write_header(to, entry) == ARCHIVE_OK, member.name);
    if (member.type == AE_IFREG && !member.hard_link) {
      archive_write_data(to, member.content.data(), member.content.size());
    }
    archive_entry_free(entry);
  }
  archive_write_close(to);
  archive_write_free(to);
  out.resize(used);
  return out;
}

}  // namespace gd::image::test

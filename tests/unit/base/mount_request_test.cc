// The grammar of mounts: what is taken, in which form it comes back, and what is refused by name.
#include "base/mount_request.h"

#include <gtest/gtest.h>

namespace gd {
namespace {

struct Taken {
  const char* text;
  const char* canonical;
};

TEST(MountRequestTest, IsTakenInPyxisSpellings) {
  const Taken cases[] = {
      {"/a", "/a:/a"},
      {"/a:/b", "/a:/b"},
      {"/a/:/b//", "/a:/b"},
      {"/a:/b:ro", "/a:/b:ro"},
      {"/a:/b:rw", "/a:/b:rw"},
      {"/a:/b:ro+ro", "/a:/b:ro"},
      {"/a:/b:rbind", "/a:/b"},
      {"/a:/b:bind", "/a:/b:bind"},
      {"/a:/b:ro+rprivate+nosuid+nodev+noexec", "/a:/b:ro+noexec"},
      {"/a:/b:x-create=auto+exec+private", "/a:/b"},
      {"/a:/dev/shm/x", "/a:/dev/shm/x"},
      {"/a:/dev/shm", "/a:/dev/shm"},
      {"tmpfs:/fast", "tmpfs:/fast"},
      {"tmpfs:/fast:size=2G+noexec", "tmpfs:/fast:noexec+size=2147483648"},
      {"umount:/data/", "umount:/data"},
      {"volume:genomes-1.2_x", "volume:genomes-1.2_x"},
      {"volume:genomes:ro", "volume:genomes:ro"},
  };
  for (const Taken& one : cases) {
    const Result<MountRequest> request = parse_mount_request(one.text);
    ASSERT_TRUE(request.ok()) << request.error().text;
    EXPECT_EQ(render(*request), one.canonical);
    EXPECT_EQ(*parse_mount_request(one.canonical), *request);
  }
}

struct Refused {
  const char* text;
  const char* why;
};

TEST(MountRequestTest, IsRefusedByName) {
  const Refused cases[] = {
      {"", "'' is not an absolute path"},
      {"a:/b", "source: 'a' is not an absolute path"},
      {"./a:/b", "source: './a' is not an absolute path"},
      {"/a:b", "target: 'b' is not an absolute path"},
      {"/a:", "target: '' is not an absolute path"},
      {"/a/../etc:/b", "source: '/a/../etc' has the part '..'"},
      {"/a:/b/../../etc", "has the part '..'"},
      {"/a:/b/./c", "has the part '.'"},
      {"/a//b:/c", "has an empty part"},
      {"/a\nb:/c", "has a control character"},
      {"/a:/b:ro:x", "has 4 parts"},
      {"/a:/", "target / is the container's own"},
      {"/a:/proc", "target /proc is the container's own"},
      {"/a:/proc/sys", "target /proc/sys is the container's own"},
      {"/a:/sys/fs", "is the container's own"},
      {"/a:/dev", "target /dev is the container's own"},
      {"/a:/dev/null", "is the container's own"},
      {"/a:/run", "target /run is the container's own"},
      {"/a:/run/gd", "target /run/gd is the container's own"},
      {"/a:/run/gd/key", "is the container's own"},
      {"umount:/proc", "is the container's own"},
      {"tmpfs:/sys", "is the container's own"},
      {"/proc", "target /proc is the container's own"},
      {"/a:/b:ro+rw", "ro and rw exclude each other"},
      {"/a:/b:suid", "flag 'suid' is never granted"},
      {"/a:/b:dev", "flag 'dev' is never granted"},
      {"/a:/b:rshared", "flag 'rshared' is never granted"},
      {"/a:/b:rslave", "flag 'rslave' is never granted"},
      {"/a:/b:noexce", "flag 'noexce' is not known"},
      {"/a:/b:", "flag '' is not known"},
      {"/a:/b:size=1G", "only a tmpfs takes size="},
      {"tmpfs:/b:size=0", "size 0 is not between 1 and"},
      {"tmpfs:/b:size=99999999T", "size"},
      {"tmpfs:/b:size=x", "size"},
      {"tmpfs:/b:ro", "of no use"},
      {"tmpfs:/b:bind", "only a path takes bind"},
      {"tmpfs", "names nothing behind tmpfs"},
      {"umount", "names nothing behind umount"},
      {"umount:/b:ro", "umount takes no flags"},
      {"volume:", "is no name of a volume"},
      {"volume:../x", "is no name of a volume"},
  };
  for (const Refused& one : cases) {
    const Result<MountRequest> request = parse_mount_request(one.text);
    ASSERT_FALSE(request.ok()) << one.text;
    EXPECT_EQ(request.error().code, ErrorCode::invalid);
    EXPECT_NE(request.error().text.find(one.why), std::string::npos) << request.error().text;
    EXPECT_EQ(request.error().text.find('\n'), std::string::npos);
  }
}

TEST(MountRequestTest, LimitsHoldAtTheLimit) {
  const std::string path = "/" + std::string(kMaxMountPathBytes - 1, 'x');
  EXPECT_TRUE(plain_path(path).ok());
  EXPECT_FALSE(plain_path(path + "x").ok());
  const std::string name(kMaxVolumeNameBytes, 'v');
  EXPECT_TRUE(parse_mount_request("volume:" + name).ok());
  EXPECT_FALSE(parse_mount_request("volume:" + name + "v").ok());
  const std::string most = std::to_string(kMaxTmpfsBytes);
  EXPECT_TRUE(parse_mount_request("tmpfs:/a:size=" + most).ok());
  EXPECT_FALSE(parse_mount_request("tmpfs:/a:size=" + std::to_string(kMaxTmpfsBytes + 1)).ok());
}

}  // namespace
}  // namespace gd

#include "server/image/sif.h"

#include <string>

namespace gd::image {
namespace {

constexpr std::string_view kMagic("SIF_MAGIC\0", 10);
constexpr size_t kMagicAt = 32, kVersionAt = 42, kTotalAt = 88, kTableAt = 96;

// Within a descriptor.
constexpr size_t kTypeAt = 0, kUsedAt = 4, kOffsetAt = 17, kSizeAt = 25, kExtraAt = 201;
constexpr uint64_t kPartition = 0x4004;
constexpr uint64_t kPrimary = 2;  // of partitions: the system that is run

enum class SifFileSystem : uint8_t { squashfs = 1, ext3 = 2, archive = 3, raw = 4, encrypted = 5 };

uint64_t number_at(std::string_view bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) {
    value |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  }
  return value;
}

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, "SIF file: " + std::move(text)};
}

bool is_within(const FileRange& range, uint64_t file_size) {
  return range.offset <= file_size && range.size <= file_size - range.offset;
}

std::string kind_of(uint64_t file_system) {
  switch (static_cast<SifFileSystem>(file_system)) {
    case SifFileSystem::squashfs: return "squashfs";
    case SifFileSystem::ext3: return "ext3";
    case SifFileSystem::archive: return "an archive";
    case SifFileSystem::raw: return "raw data";
    case SifFileSystem::encrypted: return "an encrypted squashfs";
  }
  return "of kind " + std::to_string(file_system);
}

}  // namespace

Result<FileRange> parse_sif_header(std::string_view header, uint64_t file_size) {
  if (header.size() < kSifHeaderBytes || header.substr(kMagicAt, kMagic.size()) != kMagic) {
    return invalid("its head is not that of one");
  }
  if (header.substr(kVersionAt, 2) != "01") return invalid("a version other than 1");
  const uint64_t total = number_at(header, kTotalAt, 8);
  if (total == 0 || total > kMaxSifDescriptors) {
    return invalid(std::to_string(total) + " descriptors, 1 to " +
                   std::to_string(kMaxSifDescriptors) + " are expected");
  }
  const FileRange table{.offset = number_at(header, kTableAt, 8),
                        .size = total * kSifDescriptorBytes};
  if (!is_within(table, file_size)) return invalid("its table is past its end");
  return table;
}

Result<FileRange> find_sif_squashfs(std::string_view table, uint64_t file_size) {
  for (; table.size() >= kSifDescriptorBytes; table.remove_prefix(kSifDescriptorBytes)) {
    if (table[kUsedAt] == 0 || number_at(table, kTypeAt, 4) != kPartition) continue;
    if (number_at(table, kExtraAt + 4, 4) != kPrimary) continue;
    const uint64_t file_system = number_at(table, kExtraAt, 4);
    if (file_system != static_cast<uint64_t>(SifFileSystem::squashfs)) {
      return invalid("its system is " + kind_of(file_system) + ", only a squashfs can be used");
    }
    const FileRange range{.offset = number_at(table, kOffsetAt, 8),
                          .size = number_at(table, kSizeAt, 8)};
    if (range.size == 0 || !is_within(range, file_size)) {
      return invalid("its system is past its end");
    }
    return range;
  }
  return invalid("it has no primary partition");
}

}  // namespace gd::image

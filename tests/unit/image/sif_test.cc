// SIF files: where the system is, and what is refused.
#include "server/image/sif.h"

#include <gtest/gtest.h>

#include <string>

namespace gd::image {
namespace {

void put(std::string& bytes, size_t at, uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

std::string header(uint64_t descriptors, uint64_t table_at) {
  std::string bytes(kSifHeaderBytes, '\0');
  bytes.replace(32, 12, std::string("SIF_MAGIC\00001", 13).substr(0, 10) + "01");
  put(bytes, 88, descriptors, 8);
  put(bytes, 96, table_at, 8);
  return bytes;
}

struct Descriptor {
  uint64_t type = 0x4004;
  bool used = true;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t file_system = 1;
  uint64_t part = 2;
};

std::string row(const Descriptor& one) {
  std::string bytes(kSifDescriptorBytes, '\0');
  put(bytes, 0, one.type, 4);
  put(bytes, 4, one.used ? 1 : 0, 1);
  put(bytes, 17, one.offset, 8);
  put(bytes, 25, one.size, 8);
  put(bytes, 201, one.file_system, 4);
  put(bytes, 205, one.part, 4);
  return bytes;
}

std::string refusal(const std::string& table, uint64_t size) {
  const Result<FileRange> found = find_sif_squashfs(table, size);
  return found.ok() ? "found" : found.error().text;
}

TEST(Sif, TheTableIsWhereTheHeaderSays) {
  EXPECT_EQ(*parse_sif_header(header(48, 4096), 40'000),
            (FileRange{.offset = 4096, .size = 48 * kSifDescriptorBytes}));
  EXPECT_EQ(*parse_sif_header(header(kMaxSifDescriptors, 128), 1 << 20),
            (FileRange{.offset = 128, .size = kMaxSifDescriptors * kSifDescriptorBytes}));
}

TEST(Sif, AHeaderThatCannotBeBelievedIsRefused) {
  for (const auto& [bytes, size] : std::vector<std::pair<std::string, uint64_t>>{
           {"", 0},
           {std::string(kSifHeaderBytes, 'x'), 1000},
           {header(1, 128).substr(0, 100), 1000},
           {header(0, 128), 1000},
           {header(kMaxSifDescriptors + 1, 128), 1 << 30},
           {header(UINT64_MAX, 128), 1 << 30},
           {header(1, UINT64_MAX), 1000},
           {header(1, 128), 128 + kSifDescriptorBytes - 1}}) {
    EXPECT_EQ(parse_sif_header(bytes, size).error().code, ErrorCode::invalid);
  }
}

TEST(Sif, ThePrimaryPartitionIsTheSystem) {
  const std::string table =
      row({.type = 0x4001, .offset = 1, .size = 2}) + row({.used = false, .offset = 3, .size = 4}) +
      row({.offset = 5, .size = 6, .part = 4}) + row({.offset = 4096, .size = 8192});
  EXPECT_EQ(*find_sif_squashfs(table, 1 << 20), (FileRange{.offset = 4096, .size = 8192}));
}

TEST(Sif, WhatIsNoSquashfsOrNotThereIsRefusedByName) {
  EXPECT_NE(refusal("", 100).find("no primary partition"), std::string::npos);
  EXPECT_NE(refusal(row({.part = 1}), 100).find("no primary partition"), std::string::npos);
  EXPECT_NE(refusal(row({.size = 9, .file_system = 2}), 100).find("ext3"), std::string::npos);
  EXPECT_NE(refusal(row({.size = 9, .file_system = 5}), 100).find("encrypted"), std::string::npos);
  EXPECT_NE(refusal(row({.size = 9, .file_system = 77}), 100).find("kind 77"), std::string::npos);
  EXPECT_NE(refusal(row({.offset = 92, .size = 9}), 100).find("past its end"), std::string::npos);
  EXPECT_NE(refusal(row({.offset = UINT64_MAX, .size = 9}), 100).find("past"), std::string::npos);
  EXPECT_NE(refusal(row({.size = 0}), 100).find("past its end"), std::string::npos);
  EXPECT_EQ(refusal(row({.offset = 91, .size = 9}), 100), "found");
}

}  // namespace
}  // namespace gd::image

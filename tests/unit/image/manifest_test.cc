// Manifests, indexes and configurations from registries that nobody vouches for.
#include "server/image/manifest.h"

#include <gtest/gtest.h>

namespace gd::image {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'b');

std::string blob(const std::string& size = "7", const std::string& more = "") {
  return R"({"digest":")" + kDigest + R"(","size":)" + size + more + "}";
}
std::string manifest(const std::string& config, const std::string& layers) {
  return R"({"config":)" + config + R"(,"layers":[)" + layers + "]}";
}
std::string layers(size_t count) {
  std::string text = blob();
  for (size_t i = 1; i < count; ++i) text += "," + blob();
  return text;
}

TEST(Manifest, LayersComeInTheirOrder) {
  const Result<Manifest> parsed = parse_manifest(manifest(blob("1"), blob("2") + "," + blob("3")));
  ASSERT_TRUE(parsed.ok()) << parsed.error().text;
  EXPECT_EQ(parsed->config, (Blob{kDigest, 1}));
  EXPECT_EQ(parsed->layers, (std::vector<Blob>{{kDigest, 2}, {kDigest, 3}}));
}

TEST(Manifest, WhatCannotBeBelievedIsRefused) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {R"({"manifests":[]})", "an index of several"},
      {R"({"schemaVersion":1,"fsLayers":[]})", "schema 1"},
      {manifest(blob(), ""), "0 layers"},
      {manifest(blob(), layers(kMaxLayers + 1)), "129 layers, 1 to 128"},
      {manifest(blob("-1"), blob()), "without digest or size"},
      {manifest(blob("1.5"), blob()), "without digest or size"},
      {manifest(blob(), "7"), "without digest or size"},
      {manifest(blob(), R"({"digest":"sha256:../../etc","size":1})"), "is not sha256"},
      {manifest(blob(), blob(std::to_string(kMaxBlobBytes + 1))), "at most 68719476736"},
      {manifest(blob(), blob("1", R"(,"urls":["http://x"])")), "kept elsewhere"},
      {std::string(200, '[') + std::string(200, ']'), "nested too deeply"},
      {std::string(kMaxManifestBytes + 1, ' '), "at most 4194304"},
  };
  for (const auto& [text, why] : cases) {
    const Result<Manifest> parsed = parse_manifest(text);
    ASSERT_FALSE(parsed.ok()) << text.substr(0, 100);
    EXPECT_NE(parsed.error().text.find(why), std::string::npos) << parsed.error().text;
  }
  EXPECT_TRUE(parse_manifest(manifest(blob(), layers(kMaxLayers))).ok());
  EXPECT_TRUE(parse_manifest(manifest(blob(), blob(std::to_string(kMaxBlobBytes)))).ok());
}

TEST(Manifest, OfAnIndexTheOneForThisMachineIsChosen) {
  const auto entry = [](const std::string& os, const std::string& architecture, char digit) {
    return R"({"digest":"sha256:)" + std::string(64, digit) + R"(","size":7,"platform":{"os":")" +
           os + R"(","architecture":")" + architecture + R"("}})";
  };
  const std::string index = R"({"manifests":[{"digest":"x"},)" + entry("windows", "amd64", 'a') +
                            "," + entry("linux", "arm64", 'b') + "," +
                            entry("linux", "amd64", 'c') + "]}";
  EXPECT_EQ(choose_manifest(index, "amd64")->digest, "sha256:" + std::string(64, 'c'));
  EXPECT_EQ(choose_manifest(index, "arm64")->digest, "sha256:" + std::string(64, 'b'));
  EXPECT_EQ(choose_manifest(index, "riscv64").error().text,
            "index: has no image for linux/riscv64");
  EXPECT_FALSE(choose_manifest(R"({"manifests":[{"platform":{"os":"linux"}}]})", "amd64").ok());
  EXPECT_FALSE(choose_manifest(R"({"manifests":7})", "amd64").ok());
  EXPECT_EQ(image_architecture("x86_64"), "amd64");
  EXPECT_EQ(image_architecture("riscv64"), "riscv64");
}

TEST(Manifest, AnIndexNamesOne) {
  EXPECT_EQ(parse_index(R"({"manifests":[)" + blob() + "]}")->digest, kDigest);
  EXPECT_FALSE(parse_index(R"({"manifests":[)" + layers(2) + "]}").ok());
  EXPECT_FALSE(parse_index(R"({"manifests":[]})").ok());
}

TEST(ImageConfig, EnvironmentAndFolder) {
  const Result<Config> config =
      parse_config(R"({"config":{"Env":["PATH=/a","EMPTY="],"WorkingDir":"/w"}})");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->environment, (std::vector<std::string>{"PATH=/a", "EMPTY="}));
  EXPECT_EQ(config->workdir, "/w");
  EXPECT_EQ(*parse_config("{}"), Config{});
  EXPECT_EQ(*parse_config(R"({"config":{"Env":null,"WorkingDir":"relative"}})"), Config{});
  for (const char* entry : {"\"=x\"", "\"none\"", "7", "\"A=\\u0000\""}) {
    EXPECT_FALSE(parse_config(R"({"config":{"Env":[)" + std::string(entry) + "]}}").ok()) << entry;
  }
}

}  // namespace
}  // namespace gd::image

#include "server/image/oci_archive.h"

#include <unistd.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/check.h"

namespace gd::image {
namespace {

using Json = nlohmann::json;
constexpr uint64_t kMaxOctalSize = (uint64_t{1} << 33) - 1;  // eleven digits
constexpr char kOciType[] = "application/vnd.oci.image.";
#if defined(__aarch64__)
constexpr char kArchitecture[] = "arm64";
#else
constexpr char kArchitecture[] = "amd64";
#endif

std::string sha256_of(std::string_view text) {
  Sha256Stream digest;
  digest.add(text);
  return digest.finish();
}

std::string octal(uint64_t value, size_t digits) {
  std::string text(digits, '0');
  for (size_t i = digits; i-- > 0; value >>= 3) text[i] = static_cast<char>('0' + (value & 7));
  return text;
}

uint64_t padded(uint64_t size) {
  return (size + kTarBlock - 1) / kTarBlock * kTarBlock;
}

std::string config_text(const Config& config, const std::string& layer) {
  Json inner = {{"Env", config.environment}};
  if (!config.workdir.empty()) inner["WorkingDir"] = config.workdir;
  if (!config.entrypoint.empty()) inner["Entrypoint"] = config.entrypoint;
  const Json whole = {{"os", "linux"},
                      {"architecture", kArchitecture},
                      {"config", inner},
                      {"rootfs", {{"type", "layers"}, {"diff_ids", {"sha256:" + layer}}}}};
  return whole.dump(-1, ' ', false, Json::error_handler_t::replace);  // of what is no UTF-8
}

Json blob(const char* type, const std::string& sha256, uint64_t size) {
  return {
      {"mediaType", std::string(kOciType) + type}, {"digest", "sha256:" + sha256}, {"size", size}};
}

}  // namespace

std::string tar_header(std::string_view name, uint64_t size) {
  std::string block(kTarBlock, '\0');
  GD_CHECK(name.size() <= 100, name);
  const auto put = [&block](size_t at, std::string_view text) {
    std::memcpy(block.data() + at, text.data(), text.size());
  };
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  if (size <= kMaxOctalSize) {
    put(124, octal(size, 11));
  } else {
    block[124] = static_cast<char>(0x80);
    for (size_t i = 0; i < 8; ++i) block[135 - i] = static_cast<char>(size >> (8 * i));
  }
  put(136, "00000000000");
  put(148, "        ");
  const bool folder = name.ends_with('/');
  if (folder) put(104, "755");
  block[156] = folder ? '5' : '0';
  put(257, std::string_view("ustar\00000", 8));
  uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(148, octal(sum, 6));
  block[154] = '\0';
  return block;
}

Result<void> OciArchive::write(std::string_view bytes, uint64_t at) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("write");
    bytes.remove_prefix(static_cast<size_t>(count));
    at += static_cast<uint64_t>(count);
  }
  return {};
}

Result<void> OciArchive::add(std::string_view layer_bytes) {
  digest_.add(layer_bytes);
  TRY(write(layer_bytes, kLayerAt + kTarBlock + layer_bytes_));
  layer_bytes_ += layer_bytes.size();
  return {};
}

Result<void> OciArchive::entry(const std::string& name, std::string_view content) {
  TRY(write(tar_header(name, content.size()), end_));
  TRY(write(content, end_ + kTarBlock));
  end_ += kTarBlock + padded(content.size());
  return {};
}

Result<void> OciArchive::finish(const Config& config) {
  const std::string layer = digest_.finish();
  const std::string folder = "blobs/sha256/";
  TRY(write(tar_header("blobs/", 0) + tar_header(folder, 0), 0));
  TRY(write(tar_header(folder + layer, layer_bytes_), kLayerAt));
  end_ = kLayerAt + kTarBlock + padded(layer_bytes_);
  const std::string about = config_text(config, layer);
  TRY(entry(folder + sha256_of(about), about));
  const Json manifest = {{"schemaVersion", 2},
                         {"mediaType", std::string(kOciType) + "manifest.v1+json"},
                         {"config", blob("config.v1+json", sha256_of(about), about.size())},
                         {"layers", {blob("layer.v1.tar", layer, layer_bytes_)}}};
  const std::string manifest_text = manifest.dump();
  TRY(entry(folder + sha256_of(manifest_text), manifest_text));
  const Json index = {
      {"schemaVersion", 2},
      {"manifests", {blob("manifest.v1+json", sha256_of(manifest_text), manifest_text.size())}}};
  TRY(entry("index.json", index.dump()));
  TRY(entry("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
  const std::string end(2 * kTarBlock, '\0');
  return write(end, end_);
}

}  // namespace gd::image

// Manifests and configurations from anywhere: bounded, and never an exception.
#include <cstdint>

#include "base/check.h"
#include "base/image_name.h"
#include "server/image/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::image::Manifest> manifest = gd::image::parse_manifest(text);
  if (manifest.ok()) {
    GD_CHECK(manifest->layers.size() <= gd::image::kMaxLayers);
    for (const gd::image::Blob& layer : manifest->layers) GD_CHECK(gd::is_sha256(layer.digest));
  }
  (void)gd::image::parse_index(text).ok();
  const gd::Result<gd::image::Blob> chosen = gd::image::choose_manifest(text, "amd64");
  if (chosen.ok()) GD_CHECK(gd::is_sha256(chosen->digest));
  const gd::Result<gd::image::Config> config = gd::image::parse_config(text);
  if (!config.ok()) GD_CHECK(config.error().text.find('\n') == std::string::npos);
  return 0;
}

// Names of images and of kept containers from anywhere: what is accepted has one form, which
// parses to the same.
#include <cstdint>

#include "base/check.h"
#include "base/image_name.h"
#include "proto/container_name.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::ContainerName> container = gd::parse_container_name(text);
  GD_CHECK(!container.ok() || container->name == text.substr(0, text.find(':')));
  const gd::Result<gd::SaveForm> form = gd::parse_save_form(text);
  GD_CHECK(form.ok() || form.error().text.find('\n') == std::string::npos);
  const gd::Result<gd::ImageName> name = gd::parse_image_name(text);
  if (!name.ok()) {
    GD_CHECK(!name.error().text.empty() && name.error().text.find('\n') == std::string::npos);
    return 0;
  }
  const std::string canonical = gd::render(*name);
  const gd::Result<gd::ImageName> again = gd::parse_image_name(canonical);
  // A name at the limit may be longer in full.
  GD_CHECK(again.ok() ? *again == *name : canonical.size() > gd::kMaxImageNameBytes, canonical);
  return 0;
}

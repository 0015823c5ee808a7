// Configuration files from anywhere: errors name a line each, and what is
// accepted can be read by every getter.
#include <algorithm>
#include <array>
#include <cstdint>

#include "base/check.h"
#include "base/config.h"

namespace {

using gd::ConfigType;

constexpr std::array<gd::ConfigKey, 10> kKeys = {{
    {"a", ConfigType::text, "", "Text."},
    {"i", ConfigType::integer, "5", "Number.", -10, 10},
    {"r", ConfigType::real, "0.5", "Real."},
    {"f", ConfigType::boolean, "no", "Flag."},
    {"c", ConfigType::choice, "x", "Choice.", 0, 0, "x|y"},
    {"l", ConfigType::list, "", "List."},
    {"m", ConfigType::size_mib, "4G", "Size.", 1, 1 << 20},
    {"b", ConfigType::size_bytes, "64K", "Bytes.", 1, 1 << 20},
    {"t", ConfigType::time_limit, "UNLIMITED", "Limit."},
    {"v", ConfigType::interval, "30s", "Interval.", 1, 1 << 20},
}};
constexpr std::array<gd::ConfigKind, 2> kSchema = {{
    {"", gd::SectionNaming::unnamed, "Top.", kKeys},
    {"partition", gd::SectionNaming::named, "Part.", kKeys},
}};

void read_all_keys(const gd::ConfigView& view) {
  GD_CHECK(view.integer("i") >= -10 && view.integer("i") <= 10);
  GD_CHECK(view.mib("m") >= 1 && view.mib("m") <= 1 << 20);
  GD_CHECK(view.bytes("b") >= 1 && view.bytes("b") <= 1 << 20);
  GD_CHECK(view.text("c") == "x" || view.text("c") == "y");
  (void)view.text("a");
  (void)view.real("r");
  (void)view.flag("f");
  (void)view.list("l");
  (void)view.time_limit("t");
  (void)view.interval("v");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::Config> config = gd::Config::load(kSchema, text, "f");
  if (!config.ok()) {
    const std::string& errors = config.error().text;
    const auto lines = static_cast<size_t>(std::count(errors.begin(), errors.end(), '\n')) + 1;
    GD_CHECK(errors.starts_with("f:") && lines <= gd::kMaxConfigErrors + 1, errors);
    return 0;
  }
  read_all_keys(config->top());
  for (const gd::ConfigView& view : config->all("partition")) read_all_keys(view);
  return 0;
}

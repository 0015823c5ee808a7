// A slurm.conf from anywhere: either an error of one line, or a gd.conf that gd itself reads.
#include <cstdint>

#include "base/check.h"
#include "cmd/import_slurm.h"
#include "proto/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::cmd::Imported> made = gd::cmd::import_slurm(text, "slurm.conf");
  if (!made.ok()) {
    GD_CHECK(!made.error().text.empty());
    return 0;
  }
  GD_CHECK(gd::parse_settings(made->config, "gd.conf").ok(), made->config);
  for (const std::string& note : made->notes) {
    GD_CHECK(note.find('\n') == std::string::npos, note);
  }
  return 0;
}

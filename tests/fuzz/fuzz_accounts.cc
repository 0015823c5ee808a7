// A dump file as sacctmgr loads it: whatever it holds, it is refused or gives edits that name
// something, and what it gives is dumped as a file that can be read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cmd/sacctmgr_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto plan = gd::cmd::plan_load(text, gd::cmd::Site{}, true);
  if (!plan.ok()) {
    GD_CHECK(!plan.error().text.empty());
    return 0;
  }
  for (const gd::SectionEdit& edit : plan->request.edits) {
    GD_CHECK(!edit.kind.empty() && !edit.name.empty());
    for (const gd::EntryEdit& entry : edit.entries) GD_CHECK(!entry.key.empty());
  }
  return 0;
}

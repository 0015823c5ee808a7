// Limits and licences from anywhere: bounded, and what is accepted survives a round trip.
#include <cstdint>

#include "base/check.h"
#include "proto/limit_values.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::TresLimits> tres = gd::parse_tres_limits(text);
  if (tres.ok() && *tres != gd::TresLimits{}) {
    GD_CHECK(tres->gres.size() <= gd::kMaxTresKinds, tres->gres.size());
    const std::string shown = gd::format_tres_limits(*tres);
    const gd::Result<gd::TresLimits> again = gd::parse_tres_limits(shown);
    GD_CHECK(again.ok() && *again == *tres, shown);
  }
  const auto licences = gd::parse_licences(text);
  if (licences.ok() && !licences->empty()) {
    const std::string shown = gd::format_licences(*licences);
    GD_CHECK(gd::parse_licences(shown).ok() && *gd::parse_licences(shown) == *licences, shown);
  }
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return 0;
  gd::QosLimits qos;
  gd::AssocLimits account;
  (void)gd::set_limit(qos, text.substr(0, equals), text.substr(equals + 1));
  (void)gd::set_limit(account, text.substr(0, equals), text.substr(equals + 1));
  return 0;
}

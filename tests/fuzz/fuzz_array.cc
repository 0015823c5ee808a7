// Arrays and dependencies from anywhere: bounded, well-formed, and what is accepted
// survives a round trip.
#include <cstdint>

#include "base/check.h"
#include "proto/dependency.h"
#include "proto/index_set.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const gd::Result<gd::ArraySpec> array = gd::parse_array_spec(text);
  if (array.ok()) {
    GD_CHECK(array->elements.is_valid() && !array->elements.empty(), array->elements.runs.size());
    const std::string shown = gd::format_array_spec(*array);
    const gd::Result<gd::ArraySpec> again = gd::parse_array_spec(shown);
    GD_CHECK(again.ok() && again->limit == array->limit, shown);
    GD_CHECK(again->elements.minus(array->elements).empty(), shown);
    GD_CHECK(array->elements.minus(again->elements).empty(), shown);
    gd::IndexSet rest = array->elements;
    rest = rest.minus(gd::IndexSet::of(rest.front()));
    GD_CHECK(rest.is_valid() && rest.size() + 1 == array->elements.size(), shown);
    GD_CHECK(array->elements.contains(rest) && array->elements.common(rest) == rest, shown);
  }
  const gd::Result<gd::Dependency> dependency = gd::parse_dependency(text);
  if (dependency.ok()) {
    GD_CHECK(dependency->terms.size() <= gd::kMaxDependencyTerms, dependency->terms.size());
    GD_CHECK(gd::format_dependency(*dependency).size() < 64 * (size + 1), size);
  }
  return 0;
}

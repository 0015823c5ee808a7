// Which types a variant may hold, as a concept for the constructors of classes made of one.
#pragma once

#include <concepts>
#include <variant>

namespace gd {

template <class Body, class Variant>
inline constexpr bool is_alternative_of = false;
template <class Body, class... Each>
inline constexpr bool is_alternative_of<Body, std::variant<Each...>> = (std::same_as<Body, Each> ||
                                                                        ...);

}  // namespace gd

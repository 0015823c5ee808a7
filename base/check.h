// GD_CHECK: what must hold unless we have a bug. On in release builds too.
//
//   GD_CHECK(node.used <= node.total, node.id, node.used, node.total);
//
// A failed check prints the condition, the place and the values on standard
// error and aborts: no state that we do not understand reaches the disk.
#pragma once

#include <sstream>
#include <string>

namespace gd::check_detail {

[[noreturn]] void fail(const char* file, int line, const char* condition, const char* names,
                       const std::string& values);

template <class... Values>
std::string print(const Values&... values) {
  std::ostringstream out;
  ((out << ' ' << values), ...);
  return out.str();
}

}  // namespace gd::check_detail

#define GD_CHECK(condition, ...)                                                \
  do {                                                                          \
    if (!(condition)) [[unlikely]] {                                            \
      ::gd::check_detail::fail(__FILE__, __LINE__, #condition, "" #__VA_ARGS__, \
                               ::gd::check_detail::print(__VA_ARGS__));         \
    }                                                                           \
  } while (false)

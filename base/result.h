// Error, Result<T> and TRY: the one error path of the project.
//
// A function that can fail for reasons of input or of the world returns
// Result<T>. The error is a code (what the caller can do about it) and a text
// (what a person reads). Each layer may put a context in front with in(); only
// main prints. Programmer errors are not values: see base/check.h.
//
//   Result<uint64_t> size = parse_number<uint64_t>(text);
//   if (!size.ok()) return std::move(size).error().in("memory");
//   const UniqueFd file = TRY(open_file(path, O_RDONLY));
//
// Texts are lower case, one line, without a period, and carry the numbers.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace gd {

// On the wire: never renumber.
enum class ErrorCode : uint8_t {
  internal = 0,  // a fault of ours or of the machine
  usage = 1,     // the caller spelt it wrong; exit code 2
  invalid = 2,   // well spelt, but not acceptable
  not_found = 3,
  denied = 4,  // not permitted to this identity
  exists = 5,
  unavailable = 6,      // try again later: no connection, full, low disk
  exhausted = 7,        // a limit or quota is reached
  conflict = 8,         // not in this state
  unauthenticated = 9,  // no identity yet: log in
};

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string text;

  // The same error, told from one layer further up: "context: text".
  [[nodiscard]] Error in(std::string_view context) && {
    return {code, std::string(context) + ": " + text};
  }
  [[nodiscard]] Error in(std::string_view context) const& { return Error{*this}.in(context); }
  bool operator==(const Error&) const = default;
};

// The single door from errno: "open /etc/gd.conf: Permission denied".
[[nodiscard]] Error os_error(std::string_view what, int number = errno);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const = delete;  // ok() says which half is meant

  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  T take() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }

  [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
  [[nodiscard]] Error error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit

  [[nodiscard]] bool ok() const { return ok_; }
  explicit operator bool() const = delete;
  void take() && {}
  [[nodiscard]] const Error& error() const& { return error_; }
  [[nodiscard]] Error error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace gd

// Value of `expr`, or return its error from the enclosing function. The name is
// a new one each time, so that TRY(a(TRY(b()))) shadows nothing.
#define TRY(expr) GD_TRY_AS(expr, __COUNTER__)
#define GD_TRY_AS(expr, number) GD_TRY_NAMED(expr, number)
#define GD_TRY_NAMED(expr, number)                                        \
  __extension__({                                                         \
    auto gd_try_##number = (expr);                                        \
    if (!gd_try_##number.ok()) return std::move(gd_try_##number).error(); \
    std::move(gd_try_##number).take();                                    \
  })

// Writes JSON, piece by piece, into a string.
//
//   JsonWriter json{JsonStyle::pretty};
//   json.begin_object().key("job").number(42).key("nodes").begin_array();
//   json.string("node01").end_array().end_object();
//
// Ours, though libraries exist, because every command prints JSON and the usual
// header costs each of them seconds of compilation; writing needs no more than
// this. Reading is not here. Calls out of order (a value without a key in an
// object, an end without a begin) are bugs and abort. Octets that are not UTF-8
// become U+FFFD, so the output is always valid.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace gd {

enum class JsonStyle : uint8_t { compact, pretty };

class JsonWriter {
 public:
  explicit JsonWriter(JsonStyle style = JsonStyle::compact) : style_(style) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('{', '}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close('[', ']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  JsonWriter& real(double value);  // not finite: null, as JSON has no such number
  template <std::integral T>
  requires(!std::same_as<T, bool>) JsonWriter& number(T value) {
    if constexpr (std::is_signed_v<T>)
      return raw(std::to_string(int64_t{value}));
    else
      return raw(std::to_string(uint64_t{value}));
  }

  // The text so far; a whole document once every begin has its end.
  [[nodiscard]] const std::string& text() const { return out_; }
  [[nodiscard]] std::string take();  // pretty: with a line end

 private:
  struct Level {
    char bracket;
    bool empty = true;
    bool key_given = false;
  };
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket, char end);
  JsonWriter& raw(std::string_view token);
  void before_value();
  void new_line();
  void append_quoted(std::string_view text);

  JsonStyle style_;
  std::string out_;
  std::vector<Level> levels_;
};

}  // namespace gd

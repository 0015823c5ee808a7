// What a program has switched on in its terminal, learnt from what it writes to it: modes of
// keys, mouse, wrapping and the cursor, margins, character sets, the alternate screen.
//
// For who must put a terminal into a state (again) without having been there: redo() goes from a
// plain terminal to this one, undo() back to a plain one. Neither draws; what the screen shows is
// server/screen/terminal_model.h's. Pure. Whatever the bytes are, at most kMaxControlBytes of a
// control sequence are kept: a longer one is passed over. Cost: one step a byte.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"

namespace gd {

inline constexpr size_t kMaxControlBytes = 128;  // of one control sequence, after its beginning

class TerminalModes {
 public:
  TerminalModes();

  void take(std::string_view bytes);
  void on_resize() { margins_.reset(); }  // a terminal gives its margins up then

  // The alternate screen's mode, 47, 1047 or 1049, while it is shown.
  [[nodiscard]] std::optional<uint16_t> alternate() const { return alternate_; }
  [[nodiscard]] bool is_set(uint16_t dec_mode) const;

  // But for the alternate screen and the cursor, which come with the drawing. Margins and origin
  // move the cursor: it is to be placed after this, counted from origin_row().
  [[nodiscard]] Bytes redo() const;
  [[nodiscard]] uint16_t origin_row() const;  // 0-based
  // Nothing if the terminal is plain.
  [[nodiscard]] Bytes undo() const;

  static constexpr size_t kModes = 18;

 private:
  enum class State : uint8_t { text, escape, designate, control, string, string_escape };
  void take_escape(char c);
  void take_control(char c);
  void on_control(char final);
  void set_modes(std::string_view parameters, bool on);
  void set_dec_mode(uint16_t number, bool on);
  void soft_reset();

  State state_ = State::text;
  std::string control_;     // of the sequence so far, after ESC [
  char designated_ = 0;     // '(' or ')'
  std::bitset<kModes> on_;  // of the table in the source
  std::optional<uint16_t> alternate_;
  std::optional<std::pair<uint16_t, uint16_t>> margins_;  // 1-based, both in it
  std::string sets_ = "BB";                               // G0, G1
  uint16_t cursor_style_ = 0;
  uint16_t key_format_ = 0;  // xterm's modifyOtherKeys
  bool shifted_ = false;     // G1 is in use
  bool keypad_ = false;
  bool insert_ = false;
};

}  // namespace gd

#include "base/terminal_modes.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace gd {
namespace {

struct DecMode {
  uint16_t number;
  bool plain;  // of a terminal that nobody has touched
};

// Those that a plain terminal differs by, in the order in which they are set.
constexpr std::array<DecMode, TerminalModes::kModes> kTable{{
    {1, false},     // keys of the cursor
    {5, false},     // reverse video
    {7, true},      // wrap
    {9, false},     // mouse: presses
    {12, false},    // blinking cursor
    {25, true},     // cursor
    {66, false},    // keypad
    {1000, false},  // mouse
    {1002, false},
    {1003, false},
    {1004, false},  // focus
    {1005, false},  // how the mouse is told
    {1006, false},
    {1007, false},
    {1015, false},
    {1016, false},
    {2004, false},  // bracketed paste
    {6, false},     // origin: last, for it moves the cursor
}};

constexpr char kEscape = '\x1b';

std::string dec(uint16_t number, bool on) {
  return "\x1b[?" + std::to_string(number) + (on ? "h" : "l");
}

std::bitset<TerminalModes::kModes> plain_modes() {
  std::bitset<TerminalModes::kModes> plain;
  for (size_t i = 0; i < kTable.size(); ++i) plain[i] = kTable[i].plain;
  return plain;
}

// "1;25" as numbers; what is missing, or no number, is 0.
std::vector<uint16_t> numbers_in(std::string_view parameters) {
  std::vector<uint16_t> numbers;
  for (const std::string_view part : split(parameters, ';')) {
    const Result<uint16_t> number = parse_number<uint16_t>(part);
    numbers.push_back(number.ok() ? *number : 0);
  }
  return numbers;
}

}  // namespace

TerminalModes::TerminalModes() : on_(plain_modes()) {}

void TerminalModes::take(std::string_view bytes) {
  for (const char c : bytes) {
    if (state_ == State::string || state_ == State::string_escape) {
      const bool ends =
          c == '\a' || c == '\x18' || c == '\x1a' || (state_ == State::string_escape && c == '\\');
      state_ = ends ? State::text : c == kEscape ? State::string_escape : State::string;
      continue;
    }
    if (c == kEscape) {
      state_ = State::escape;
    } else if (c == '\x18' || c == '\x1a') {  // CAN, SUB
      state_ = State::text;
    } else if (c == '\x0e' || c == '\x0f') {  // SO, SI: obeyed in the middle of a sequence, too
      shifted_ = c == '\x0e';
    } else if ((c >= 0 && c < 0x20) || c == 0x7f || (c < 0 && state_ != State::control)) {
      continue;  // obeyed, or dropped, in the middle of a sequence, which goes on behind it
    } else if (state_ == State::escape) {
      take_escape(c);
    } else if (state_ == State::designate) {
      if (c >= 0x30) sets_[designated_ == '(' ? 0 : 1] = c;
      state_ = State::text;
    } else if (state_ == State::control) {
      take_control(c);
    }
  }
}

void TerminalModes::take_escape(char c) {
  state_ = State::text;
  switch (c) {
    case '[':
      control_.clear();
      state_ = State::control;
      return;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_': state_ = State::string; return;
    case '(':
    case ')':
      designated_ = c;
      state_ = State::designate;
      return;
    case '=': keypad_ = true; return;
    case '>': keypad_ = false; return;
    case 'c': *this = TerminalModes(); return;
    default: return;
  }
}

void TerminalModes::take_control(char c) {
  if (c >= 0x40 && c <= 0x7e) {
    state_ = State::text;
    if (control_.size() <= kMaxControlBytes) on_control(c);
  } else if (c >= 0x20 && c < 0x40 && control_.size() <= kMaxControlBytes) {
    control_ += c;  // one more than is taken says that it was too long
  }
}

void TerminalModes::on_control(char final) {
  std::string_view rest = control_;
  if ((final == 'h' || final == 'l') && take_prefix(rest, "?")) {
    return set_modes(rest, final == 'h');
  }
  const std::vector<uint16_t> numbers = numbers_in(rest);
  if (final == 'h' || final == 'l') {
    if (std::ranges::count(numbers, uint16_t{4}) > 0) insert_ = final == 'h';
  } else if (final == 'p' && rest == "!") {
    soft_reset();
  } else if (final == 'q' && rest.ends_with(' ')) {
    const Result<uint16_t> style = parse_number<uint16_t>(rest.substr(0, rest.size() - 1), 0, 6);
    cursor_style_ = style.ok() ? *style : 0;
  } else if (final == 'm' && take_prefix(rest, ">4")) {
    const Result<uint16_t> format = parse_number<uint16_t>(rest.substr(rest.empty() ? 0 : 1), 0, 3);
    key_format_ = format.ok() ? *format : 0;
  } else if (final == 'r' && rest.find_first_not_of("0123456789;") == std::string_view::npos) {
    const uint16_t top = std::max<uint16_t>(numbers[0], 1);
    const uint16_t bottom = numbers.size() > 1 ? numbers[1] : 0;
    margins_.reset();
    if (bottom > top) margins_.emplace(top, bottom);
  }
}

void TerminalModes::set_modes(std::string_view parameters, bool on) {
  for (const uint16_t number : numbers_in(parameters)) set_dec_mode(number, on);
}

void TerminalModes::set_dec_mode(uint16_t number, bool on) {
  if (number == 47 || number == 1047 || number == 1049) {
    alternate_ = on ? std::optional(number) : std::nullopt;
    return;
  }
  const auto found =
      std::ranges::find_if(kTable, [&](const DecMode& mode) { return mode.number == number; });
  if (found != kTable.end()) on_[static_cast<size_t>(found - kTable.begin())] = on;
}

bool TerminalModes::is_set(uint16_t dec_mode) const {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].number == dec_mode) return on_[i];
  }
  return alternate_ == dec_mode;
}

// DECSTR: not what is drawn, and nothing of the mouse.
void TerminalModes::soft_reset() {
  for (const uint16_t number : {1, 6, 66}) set_dec_mode(number, false);
  for (const uint16_t number : {7, 25}) set_dec_mode(number, true);
  margins_.reset();
  sets_ = "BB";
  shifted_ = keypad_ = insert_ = false;
}

uint16_t TerminalModes::origin_row() const {
  return is_set(6) && margins_ ? static_cast<uint16_t>(margins_->first - 1) : uint16_t{0};
}

Bytes TerminalModes::redo() const {
  Bytes out;
  if (margins_) {
    out += "\x1b[" + std::to_string(margins_->first) + ";" + std::to_string(margins_->second) + "r";
  }
  const auto plain = plain_modes();
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (on_[i] != plain[i]) out += dec(kTable[i].number, on_[i]);
  }
  if (keypad_) out += "\x1b=";
  if (insert_) out += "\x1b[4h";
  if (cursor_style_ != 0) out += "\x1b[" + std::to_string(cursor_style_) + " q";
  if (key_format_ != 0) out += "\x1b[>4;" + std::to_string(key_format_) + "m";
  if (sets_[0] != 'B') out += std::string("\x1b(") + sets_[0];
  if (sets_[1] != 'B') out += std::string("\x1b)") + sets_[1];
  if (shifted_) out += '\x0e';
  return out;
}

Bytes TerminalModes::undo() const {
  Bytes out;
  if (shifted_) out += '\x0f';
  if (sets_ != "BB") out += "\x1b(B\x1b)B";
  if (key_format_ != 0) out += "\x1b[>4m";
  if (cursor_style_ != 0) out += "\x1b[0 q";
  if (insert_) out += "\x1b[4l";
  if (keypad_) out += "\x1b>";
  const auto plain = plain_modes();
  Bytes moving;  // these send the cursor home
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (on_[i] == plain[i]) continue;
    (kTable[i].number == 6 ? moving : out) += dec(kTable[i].number, plain[i]);
  }
  if (margins_) moving += "\x1b[r";
  if (!moving.empty())
    out +=
        "\x1b"
        "7" +
        moving +
        "\x1b"
        "8";
  if (alternate_) out += dec(*alternate_, false);
  return out;
}

}  // namespace gd

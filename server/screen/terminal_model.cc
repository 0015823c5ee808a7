// The cells behind libvterm's state, which calls back for each change of them.
#include "server/screen/terminal_model.h"

#include <vterm.h>

#include <algorithm>
#include <deque>
#include <optional>

#include "base/check.h"
#include "base/terminal_modes.h"
#include "base/text.h"
#include "server/screen/cells.h"

namespace gd::screen {
namespace {

constexpr size_t kMaxPiece = 4096;

ScreenSize bounded(ScreenSize size) {
  return {.rows = std::clamp<uint16_t>(size.rows, 1, kMaxScreenRows),
          .columns = std::clamp<uint16_t>(size.columns, 1, kMaxScreenColumns)};
}

Colour to_colour(const VTermColor& from) {
  if (VTERM_COLOR_IS_DEFAULT_FG(&from) || VTERM_COLOR_IS_DEFAULT_BG(&from)) return {};
  if (VTERM_COLOR_IS_INDEXED(&from)) {
    return {.kind = Colour::Kind::indexed, .value = {from.indexed.idx}};
  }
  return {.kind = Colour::Kind::rgb, .value = {from.rgb.red, from.rgb.green, from.rgb.blue}};
}

std::string place(int row, int column) {
  return "\x1b[" + std::to_string(row + 1) + ";" + std::to_string(column + 1) + "H";
}

// The last lines that have left the screen at its top, as they are drawn.
class History {
 public:
  void add(Bytes line) {
    bytes_ += line.size() + kLineEnd;
    lines_.push_back(std::move(line));
    while (bytes_ > kMaxHistoryBytes) {
      bytes_ -= lines_.front().size() + kLineEnd;
      lines_.pop_front();
    }
  }
  [[nodiscard]] const std::deque<Bytes>& lines() const { return lines_; }

 private:
  static constexpr size_t kLineEnd = 2;
  std::deque<Bytes> lines_;
  size_t bytes_ = 0;  // with their ends
};

// Takes out of a program's bytes what keeps libvterm busy for minutes, or for ever:
//
//   numbers in control sequences are cut to four digits, for it does things as often as it is told;
//   "repeat the character" (REP) is cancelled unless a character of ASCII stands right before it:
//   with none before, libvterm repeats one of no width until the line is full, which is never.
class Tamer {
 public:
  void apply(Bytes& bytes) {
    size_t kept = 0;
    for (char c : bytes) {
      if (c == kEscape) {
        state_ = State::escape;
      } else if (c == kCancel || c == kSubstitute) {
        state_ = State::text;
        repeatable_ = false;
      } else if (is_control(c)) {
        // Obeyed in the middle of a sequence, which goes on behind it, in its number even.
        if (state_ == State::text || c == kBell) repeatable_ = false;
        if (state_ == State::string && c == kBell) state_ = State::text;
      } else if (!take(c)) {
        continue;
      }
      bytes[kept++] = c;
    }
    bytes.resize(kept);
  }

 private:
  enum class State : uint8_t { text, escape, control, string };
  static constexpr size_t kMaxDigits = 4;
  static constexpr char kBell = 0x07, kCancel = 0x18, kSubstitute = 0x1a, kEscape = 0x1b;
  static bool is_control(char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }

  // False: it is left out. It may become another one.
  bool take(char& c) {
    switch (state_) {
      case State::text: repeatable_ = c >= 0x20; return true;
      case State::string: return true;
      case State::escape: begin(c); return true;
      case State::control: return take_control(c);
    }
    return true;
  }

  void begin(char c) {
    if (c <= 0x2f) return;  // its end comes yet, as in "ESC ( B"; also what is above ASCII
    digits_ = 0;
    state_ = c == '['                                                   ? State::control
             : c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_' ? State::string
                                                                        : State::text;
    if (state_ != State::control) repeatable_ = false;
  }

  bool take_control(char& c) {
    if (c == ';' || c == ':') digits_ = 0;
    if (c >= '0' && c <= '9') return ++digits_ <= kMaxDigits;
    if (c < 0x40) return true;  // no end yet; also what is above ASCII
    state_ = State::text;
    if (c == 'b' && !repeatable_) c = kCancel;
    if (c != 'b') repeatable_ = false;
    return true;
  }

  State state_ = State::text;
  size_t digits_ = 0;
  bool repeatable_ = false;  // what came last is a character of ASCII, or its repetition
};

struct FreeVterm {
  void operator()(VTerm* terminal) const { ::vterm_free(terminal); }
};

}  // namespace

class TerminalModel::State {
 public:
  explicit State(ScreenSize size) : normal_(size), alternate_(size) {
    terminal_.reset(::vterm_new(size.rows, size.columns));
    GD_CHECK(terminal_ != nullptr);
    ::vterm_set_utf8(terminal_.get(), 1);
    // Answers to a program's questions are the true terminal's to give.
    ::vterm_output_set_callback(
        terminal_.get(), [](const char*, size_t, void*) {}, nullptr);
    VTermState* state = ::vterm_obtain_state(terminal_.get());
    ::vterm_state_set_callbacks(state, &kCallbacks, this);
    ::vterm_state_reset(state, 1);
  }

  void feed(std::string_view bytes) {
    modes_.take(bytes);
    // libvterm keeps the characters of one call on its stack.
    for (size_t at = 0; at < bytes.size(); at += kMaxPiece) {
      Bytes piece(bytes.substr(at, kMaxPiece));
      tamer_.apply(piece);
      (void)::vterm_input_write(terminal_.get(), piece.data(), piece.size());
    }
  }
  void resize(ScreenSize size) {
    modes_.on_resize();
    ::vterm_set_size(terminal_.get(), size.rows, size.columns);
  }
  [[nodiscard]] ScreenSize size() const { return normal_.size(); }

  [[nodiscard]] Bytes snapshot(Drawing drawing) const {
    Bytes out = draw_normal(drawing);
    if (in_alternate_) {
      out += place(below_.row, below_.col);
      out += "\x1b[?" + std::to_string(modes_.alternate().value_or(1049)) + "h\x1b[2J";
      for (int row = 0; row < alternate_.size().rows; ++row) {
        const Bytes line = draw_row(alternate_, row, drawing);
        if (!line.empty()) out += place(row, 0) + line;
      }
    }
    out += modes_.redo();
    out += place(cursor_.row - std::min<int>(modes_.origin_row(), cursor_.row), cursor_.col);
    if (wraps_next_) append_last_mark(out);
    append_pen(out, Pen{}, pen_);
    if (!title_.empty()) out += "\x1b]2;" + title_ + "\a";
    return out;
  }

 private:
  static State& self(void* user) { return *static_cast<State*>(user); }
  [[nodiscard]] Cells& shown() { return in_alternate_ ? alternate_ : normal_; }
  [[nodiscard]] const Cells& shown() const { return in_alternate_ ? alternate_ : normal_; }

  // From the top of the history to the bottom of the screen in one go: the other terminal
  // scrolls the first part off, as this one did.
  [[nodiscard]] Bytes draw_normal(Drawing drawing) const {
    const int rows = normal_.size().rows;
    Bytes out = place(rows - 1, 0) + std::string(static_cast<size_t>(rows), '\n') + "\x1b[H\x1b[J";
    if (drawing == Drawing::in_colour) {
      for (const Bytes& line : history_.lines()) out += line + "\r\n";
    }
    for (int row = 0; row < rows; ++row) {
      if (row > 0) out += "\r\n";
      out += draw_row(normal_, row, drawing);
    }
    return out;
  }

  // A terminal that has drawn its last column waits with the wrap for the next character, and
  // only drawing brings it there.
  void append_last_mark(Bytes& out) const {
    int column = cursor_.col;
    if (shown().at(cursor_.row, column).width == 0 && column > 0) --column;
    const Cell& cell = shown().at(cursor_.row, column);
    if (cell.marks[0] == 0) return;
    out += place(cursor_.row - std::min<int>(modes_.origin_row(), cursor_.row), column);
    append_pen(out, Pen{}, cell.pen);
    append_marks(out, cell);
    append_pen(out, cell.pen, Pen{});
  }

  // What libvterm says lies on the screen; that is not relied on.
  [[nodiscard]] VTermRect within(VTermRect area) const {
    const ScreenSize size = shown().size();
    return {.start_row = std::clamp<int>(area.start_row, 0, size.rows),
            .end_row = std::clamp<int>(area.end_row, 0, size.rows),
            .start_col = std::clamp<int>(area.start_col, 0, size.columns),
            .end_col = std::clamp<int>(area.end_col, 0, size.columns)};
  }

  void put(const VTermGlyphInfo& glyph, VTermPos at) {
    Cells& cells = shown();
    const int width = std::clamp(glyph.width, 1, 2);
    if (at.row < 0 || at.row >= cells.size().rows) return;
    if (at.col < 0 || at.col + width > cells.size().columns) return;
    Cell cell{.width = static_cast<uint8_t>(width), .pen = pen_};
    size_t count = 0;
    if (glyph.width < 1) cell.marks[count++] = U' ';  // a mark over nothing
    for (size_t i = 0; count < kMaxMarks && glyph.chars[i] != 0; ++i) {
      const uint32_t mark = glyph.chars[i];
      if (mark < 0x20 || (mark >= 0x7f && mark < 0xa0)) continue;  // a control is not drawn again
      cell.marks[count++] = mark;
    }
    cells.at(at.row, at.col) = cell;
    if (width == 2) cells.at(at.row, at.col + 1) = Cell{.width = 0, .pen = pen_};
    const bool at_end = at.col + width == cells.size().columns;
    wraps_next_ = at_end && glyph.width > 0 && modes_.is_set(7);
  }

  void move(VTermRect to, VTermRect from) {
    Cells& cells = shown();
    to = within(to);
    from = within(from);
    keep_scrolled_off(to, from);
    const int rows = std::min(to.end_row - to.start_row, from.end_row - from.start_row);
    const int columns = std::min(to.end_col - to.start_col, from.end_col - from.start_col);
    const bool down = to.start_row > from.start_row;
    const bool right = to.start_col > from.start_col;
    for (int i = 0; i < rows; ++i) {
      const int row = down ? rows - 1 - i : i;
      for (int j = 0; j < columns; ++j) {
        const int column = right ? columns - 1 - j : j;
        cells.at(to.start_row + row, to.start_col + column) =
            cells.at(from.start_row + row, from.start_col + column);
      }
    }
  }

  // Whole lines that the normal screen loses at its top.
  void keep_scrolled_off(VTermRect to, VTermRect from) {
    const bool whole = to.start_col == 0 && to.end_col == normal_.size().columns;
    if (in_alternate_ || !whole || to.start_row != 0 || from.start_row <= 0) return;
    for (int row = 0; row < from.start_row; ++row) {
      history_.add(draw_row(normal_, row, Drawing::in_colour));
    }
  }

  void erase(VTermRect area) {
    Cells& cells = shown();
    area = within(area);
    Cell blank;
    blank.pen.ground = pen_.ground;
    for (int row = area.start_row; row < area.end_row; ++row) {
      for (int column = area.start_col; column < area.end_col; ++column) {
        cells.at(row, column) = blank;
      }
    }
    wraps_next_ = false;
  }

  void on_cursor(VTermPos to) {
    const bool stays = to.row == cursor_.row && to.col == cursor_.col;
    const ScreenSize size = shown().size();
    cursor_ = {.row = std::clamp<int>(to.row, 0, size.rows - 1),
               .col = std::clamp<int>(to.col, 0, size.columns - 1)};
    const int width = shown().at(cursor_.row, cursor_.col).width;
    const bool at_end = cursor_.col + std::max(width, 1) >= size.columns;
    wraps_next_ = wraps_next_ && (stays || at_end);
  }

  void reset_pen() { pen_ = Pen{}; }
  void set_pen(VTermAttr attribute, const VTermValue& value) {
    switch (attribute) {
      case VTERM_ATTR_BOLD: pen_.bold = value.boolean != 0; return;
      case VTERM_ATTR_UNDERLINE: pen_.underline = static_cast<uint8_t>(value.number & 3); return;
      case VTERM_ATTR_ITALIC: pen_.italic = value.boolean != 0; return;
      case VTERM_ATTR_BLINK: pen_.blink = value.boolean != 0; return;
      case VTERM_ATTR_REVERSE: pen_.reverse = value.boolean != 0; return;
      case VTERM_ATTR_STRIKE: pen_.strike = value.boolean != 0; return;
      case VTERM_ATTR_FOREGROUND: pen_.text = to_colour(value.color); return;
      case VTERM_ATTR_BACKGROUND: pen_.ground = to_colour(value.color); return;
      default: return;
    }
  }

  void set_property(VTermProp property, const VTermValue& value) {
    if (property == VTERM_PROP_ALTSCREEN) {
      const bool enters = value.boolean != 0;
      if (enters && !in_alternate_) below_ = cursor_;
      in_alternate_ = enters;
    } else if (property == VTERM_PROP_TITLE) {
      title_ = printable(value.string == nullptr ? "" : value.string, kMaxTitleBytes);
    }
  }

  // Rows that are cut off at the bottom would take the cursor along: the top goes instead.
  void on_size(ScreenSize size, VTermPos* moved) {
    VTermPos& normal_cursor = in_alternate_ ? below_ : cursor_;
    const int lost = std::max(0, normal_cursor.row - (size.rows - 1));
    for (int row = 0; row < lost; ++row) {
      history_.add(draw_row(normal_, row, Drawing::in_colour));
    }
    normal_.scroll_up(lost);
    normal_cursor.row -= lost;
    if (!in_alternate_) moved->row = -lost;
    normal_.resize(size);
    alternate_.resize(size);
    for (VTermPos* position : {&below_, &cursor_}) {
      position->row = std::clamp(position->row, 0, size.rows - 1);
      position->col = std::clamp(position->col, 0, size.columns - 1);
    }
    wraps_next_ = false;
  }

  static constexpr VTermStateCallbacks kCallbacks{
      .putglyph =
          [](VTermGlyphInfo* glyph, VTermPos at, void* user) {
            self(user).put(*glyph, at);
            return 1;
          },
      .movecursor =
          [](VTermPos to, VTermPos, int, void* user) {
            self(user).on_cursor(to);
            return 1;
          },
      .scrollrect = [](VTermRect, int, int, void*) { return 0; },  // as a move and an erasure
      .moverect =
          [](VTermRect to, VTermRect from, void* user) {
            self(user).move(to, from);
            return 1;
          },
      .erase =
          [](VTermRect area, int, void* user) {
            self(user).erase(area);
            return 1;
          },
      .initpen =
          [](void* user) {
            self(user).reset_pen();
            return 1;
          },
      .setpenattr =
          [](VTermAttr attribute, VTermValue* value, void* user) {
            self(user).set_pen(attribute, *value);
            return 1;
          },
      .settermprop =
          [](VTermProp property, VTermValue* value, void* user) {
            self(user).set_property(property, *value);
            return 1;
          },
      .bell = nullptr,
      .resize =
          [](int rows, int columns, VTermPos* moved, void* user) {
            self(user).on_size({static_cast<uint16_t>(rows), static_cast<uint16_t>(columns)},
                               moved);
            return 1;
          },
      .setlineinfo = nullptr};

  std::unique_ptr<VTerm, FreeVterm> terminal_;
  TerminalModes modes_;
  Tamer tamer_;
  Cells normal_;
  Cells alternate_;
  History history_;
  Pen pen_;
  VTermPos cursor_{};
  VTermPos below_{};  // the normal screen's cursor while the alternate one is shown
  std::string title_;
  bool in_alternate_ = false;
  bool wraps_next_ = false;
};

TerminalModel::TerminalModel(ScreenSize size) : state_(std::make_unique<State>(bounded(size))) {}

TerminalModel::~TerminalModel() = default;

void TerminalModel::feed(std::string_view bytes) {
  state_->feed(bytes);
}

void TerminalModel::resize(ScreenSize size) {
  if (bounded(size) != state_->size()) state_->resize(bounded(size));
}

ScreenSize TerminalModel::size() const {
  return state_->size();
}

Bytes TerminalModel::snapshot() const {
  Bytes drawn = state_->snapshot(Drawing::in_colour);
  if (drawn.size() > kMaxSnapshotBytes) drawn = state_->snapshot(Drawing::plain);
  return drawn;
}

}  // namespace gd::screen

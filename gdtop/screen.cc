#include "gdtop/screen.h"

#define NCURSES_NOMACROS  // functions, so that they can be named with ::
#include <ncurses.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>

#include "base/process.h"
#include "cmd/format.h"

namespace gd::top {
namespace {

constexpr int kEscapeKey = 27;
constexpr int kDelete = 127;
constexpr int kControlH = 8;

enum Pair : short { pair_busy = 1, pair_idle, pair_warning, pair_title };

void start_colours() {
  const auto forbidden = get_env("NO_COLOR");
  const bool wanted = !forbidden || forbidden->empty();
  if (!wanted || !::has_colors()) return;
  ::start_color();
  ::use_default_colors();
  ::init_pair(pair_busy, COLOR_GREEN, -1);
  ::init_pair(pair_idle, COLOR_YELLOW, -1);
  ::init_pair(pair_warning, COLOR_RED, -1);
  ::init_pair(pair_title, COLOR_CYAN, -1);
}

attr_t attributes_of(const Line& line) {
  attr_t attributes = A_NORMAL;
  switch (line.style) {
    case Style::title: attributes = A_BOLD | COLOR_PAIR(pair_title); break;
    case Style::heading: attributes = A_BOLD | A_UNDERLINE; break;
    case Style::busy: attributes = COLOR_PAIR(pair_busy); break;
    case Style::idle: attributes = COLOR_PAIR(pair_idle); break;
    case Style::warning: attributes = COLOR_PAIR(pair_warning); break;
    case Style::error: attributes = A_BOLD | COLOR_PAIR(pair_warning); break;
    case Style::plain:
    case Style::help: break;
  }
  return line.chosen ? attributes | A_REVERSE : attributes;
}

std::optional<Key> key_of(int code) {
  switch (code) {
    case KEY_UP: return Key{KeyKind::up};
    case KEY_DOWN: return Key{KeyKind::down};
    case '<':
    case KEY_LEFT: return Key{KeyKind::left};
    case '>':
    case KEY_RIGHT: return Key{KeyKind::right};
    case KEY_PPAGE: return Key{KeyKind::page_up};
    case KEY_NPAGE: return Key{KeyKind::page_down};
    case KEY_HOME: return Key{KeyKind::home};
    case KEY_END: return Key{KeyKind::end};
    case '\n':
    case '\r':
    case KEY_ENTER: return Key{KeyKind::enter};
    case '\t': return Key{KeyKind::tab};
    case kEscapeKey: return Key{KeyKind::escape};
    case kDelete:
    case kControlH:
    case KEY_BACKSPACE: return Key{KeyKind::backspace};
    default: break;
  }
  if (code < ' ' || code >= kDelete) return std::nullopt;
  return Key{KeyKind::character, static_cast<char>(code)};
}

bool hung_up() {
  pollfd terminal{STDIN_FILENO, POLLIN, 0};
  return ::poll(&terminal, 1, 0) > 0 && (terminal.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

}  // namespace

Result<Screen> Screen::open() {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    return Error{ErrorCode::invalid,
                 "this is no terminal; gdstat --live prints the jobs once for a file or a pipe"};
  }
  (void)std::setlocale(LC_CTYPE, "");
  if (::newterm(nullptr, stdout, stdin) == nullptr) {
    return Error{ErrorCode::invalid,
                 "the terminal '" + get_env("TERM").value_or("") + "' is not known here; set TERM"};
  }
  Screen screen;
  start_colours();
  ::cbreak();
  ::noecho();
  ::nonl();
  ::keypad(stdscr, TRUE);
  ::set_escdelay(50);
  (void)::curs_set(0);
  return screen;
}

Screen::~Screen() {
  if (open_) (void)::endwin();
}

Screen::Size Screen::size() const {
  int rows = 0;
  int columns = 0;
  getmaxyx(stdscr, rows, columns);
  return {static_cast<size_t>(std::max(rows, 1)), static_cast<size_t>(std::max(columns, 1))};
}

void Screen::draw(std::span<const Line> lines) {
  ::erase();
  const size_t columns = size().columns;
  for (size_t row = 0; row < lines.size(); ++row) {
    const Line& line = lines[row];
    (void)::attrset(static_cast<int>(attributes_of(line)));
    std::string text = line.text;
    // The cursor's bar goes all the way.
    if (line.chosen) text.append(columns - std::min(columns, cmd::text_columns(text)), ' ');
    (void)::mvaddnstr(static_cast<int>(row), 0, text.c_str(), static_cast<int>(text.size()));
  }
  (void)::attrset(A_NORMAL);
  (void)::refresh();
}

Screen::Input Screen::wait(Milliseconds patience) {
  ::timeout(static_cast<int>(patience.count()));
  const int code = ::getch();
  if (code == ERR) return {.key = {}, .resized = false, .closed = hung_up()};
  if (code == KEY_RESIZE) return {.key = {}, .resized = true, .closed = false};
  return {.key = key_of(code), .resized = false, .closed = false};
}

}  // namespace gd::top

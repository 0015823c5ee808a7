// gdtop without a terminal: keys in, lines of text out. Pure; the screen is screen.h.
//
// What is shown follows from the data, the keys so far and the size alone, so a size may
// change between any two calls. The cursor stays on its job or node while others move.
// Cost: one string a cell of all rows at each render().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/live_table.h"

namespace gd::top {

inline constexpr size_t kMaxUserFilter = 64;

enum class KeyKind : uint8_t {
  character,
  up,
  down,
  left,
  right,
  page_up,
  page_down,
  home,
  end,
  enter,
  escape,
  backspace,
  tab
};
struct Key {
  KeyKind kind = KeyKind::character;
  char character = 0;
};

enum class Action : uint8_t { none, refresh, quit };

struct Data {
  std::string cluster;
  TimePoint now{};
  std::vector<JobView> jobs;
  std::vector<NodeView> nodes;
};

enum class Style : uint8_t { plain, title, heading, idle, busy, warning, error, help };
struct Line {
  std::string text;
  Style style = Style::plain;
  bool chosen = false;  // the cursor is here
  bool operator==(const Line&) const = default;
};

class Model {
 public:
  void set_data(Data data);
  void set_error(std::string text) { error_ = std::move(text); }  // empty: all is well
  void set_user(std::string user);                                // empty: all users
  Action press(const Key& key);
  // At most `rows` lines of at most `columns` characters.
  [[nodiscard]] std::vector<Line> render(size_t rows, size_t columns);

 private:
  enum class Table : uint8_t { jobs, nodes };
  enum class Mode : uint8_t { browse, help, ask_user };
  Action browse(const Key& key);
  Action choose(char letter);
  void ask_user(const Key& key);
  void move(ptrdiff_t by);
  void next_sort(ptrdiff_t by);
  void sort_by(cmd::JobSort sort);
  void refill();
  void remember_cursor();
  [[nodiscard]] size_t count() const;
  [[nodiscard]] const std::string& name_at(size_t row) const;
  [[nodiscard]] std::string title() const;
  [[nodiscard]] std::string subtitle() const;
  [[nodiscard]] std::vector<Line> rows(size_t columns, Line& heading) const;
  [[nodiscard]] static std::vector<Line> help();

  Data data_;
  std::vector<cmd::LiveJob> jobs_;  // shown, in order
  std::vector<cmd::LiveNode> nodes_;
  std::string error_;
  std::string user_;
  std::string typed_;
  Mode mode_ = Mode::browse;
  Table table_ = Table::jobs;
  cmd::JobSort job_sort_ = cmd::JobSort::cpu;
  cmd::NodeSort node_sort_ = cmd::NodeSort::node;
  bool reversed_ = false;
  size_t cursor_ = 0;
  std::string cursor_name_;  // of the job or node
  size_t top_ = 0;           // first row that is shown
  size_t page_ = 10;         // rows that were shown last
};

}  // namespace gd::top

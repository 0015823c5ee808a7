// What a terminal shows: fed with what a program writes to it, it gives, at any moment, the bytes
// that draw the same on another terminal of that size.
//
//   TerminalModel model({24, 80});
//   model.feed(output);
//   send(model.snapshot());       // then the output that follows
//
// Both screens (a full-screen program's and the one below), colours, the cursor, modes, margins,
// the title, and the last lines that have scrolled off. libvterm reads the control sequences; the
// cells are ours, since its own hide the screen below the alternate one. Lines are not broken
// anew when the width changes: what does not fit is cut.
//
// Whatever the bytes are: at most kMaxScreenRows x kMaxScreenColumns cells a screen,
// kMaxHistoryBytes of lines that scrolled off. Not for a process with rights: see gdscreen.
// Cost: libvterm's, and one cell a character.
#pragma once

#include <memory>

#include "base/fd.h"

namespace gd::screen {

inline constexpr uint16_t kMaxScreenRows = 300;  // a larger terminal is modelled so far
inline constexpr uint16_t kMaxScreenColumns = 600;
inline constexpr size_t kMaxHistoryBytes = size_t{128} << 10;
inline constexpr size_t kMaxTitleBytes = 256;
inline constexpr size_t kMaxSnapshotBytes = size_t{8} << 20;

struct ScreenSize {
  uint16_t rows = 24;
  uint16_t columns = 80;
  bool operator==(const ScreenSize&) const = default;
};

class TerminalModel {
 public:
  explicit TerminalModel(ScreenSize size);
  ~TerminalModel();
  TerminalModel(const TerminalModel&) = delete;
  TerminalModel& operator=(const TerminalModel&) = delete;

  void feed(std::string_view bytes);
  void resize(ScreenSize size);
  [[nodiscard]] ScreenSize size() const;

  // For a terminal that is plain: its lines are scrolled off, not lost. At most
  // kMaxSnapshotBytes; a screen that would need more is drawn without colours.
  [[nodiscard]] Bytes snapshot() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace gd::screen

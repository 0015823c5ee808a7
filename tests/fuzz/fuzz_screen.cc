// Whatever a program writes to its terminal: modes, model and recording take it, and what is drawn
// of it draws the same again.
#include <cstdint>

#include "base/check.h"
#include "base/terminal_modes.h"
#include "base/text.h"
#include "proto/screen_frames.h"
#include "server/screen/recording.h"
#include "server/screen/terminal_model.h"

namespace {

using gd::screen::TerminalModel;

// Without the lines that scrolled off, of which clearing makes more.
std::string screen_of(const TerminalModel& model) {
  const std::string all = model.snapshot();
  const std::string mark = "\x1b[H\x1b[J";
  size_t at = all.find(mark) + mark.size();
  while (all.compare(at, 2, "\r\n") == 0) at += 2;
  return all.substr(at);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 160) return 0;  // a few bytes may ask for ten thousand characters
  // Of one column, or two, libvterm has its own idea where a line goes on.
  const gd::screen::ScreenSize screen{.rows = static_cast<uint16_t>(3 + data[0] % 8),
                                      .columns = static_cast<uint16_t>(3 + data[1] % 24)};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);

  gd::TerminalModes modes;
  modes.take(bytes);
  gd::TerminalModes other;
  other.take(modes.redo());
  GD_CHECK(other.redo() == modes.redo());

  TerminalModel model(screen);
  model.feed(bytes.substr(0, bytes.size() / 2));
  model.resize({.rows = screen.columns, .columns = screen.rows});
  model.feed(bytes.substr(bytes.size() / 2));
  TerminalModel copy(model.size());
  copy.feed(model.snapshot());
  TerminalModel second(model.size());
  second.feed(copy.snapshot());
  if (copy.snapshot().size() < gd::screen::kMaxHistoryBytes / 2) {
    GD_CHECK(screen_of(copy) == screen_of(second), gd::printable(screen_of(copy), 4000),
             gd::printable(screen_of(second), 4000));
  }

  gd::screen::Recording recording(gd::Milliseconds{0});
  for (const char c : bytes.substr(0, 4096)) (void)recording.shown({&c, 1}, gd::Milliseconds{1});

  gd::ScreenFrameReader reader;
  reader.add(bytes);
  for (auto frame = reader.next(); frame.ok() && *frame; frame = reader.next()) {
  }
  return 0;
}

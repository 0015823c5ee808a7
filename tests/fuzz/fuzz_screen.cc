// Whatever a program writes to its terminal: modes, model and recording take it in no time, and
// what is drawn of it can be drawn on. Whether that looks the same is terminal_model_test's to ask:
// of noise libvterm makes what it does not make twice, such as a cursor restored that was never
// saved.
#include <cstdint>

#include "base/check.h"
#include "base/terminal_modes.h"
#include "proto/screen_frames.h"
#include "server/screen/recording.h"
#include "server/screen/terminal_model.h"

namespace {

using gd::screen::TerminalModel;

// Of at most 27 x 27 cells, each with its colours and marks, and what scrolled off.
constexpr size_t kMostDrawn = gd::screen::kMaxHistoryBytes + 27 * 27 * 128;

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
  GD_CHECK(copy.snapshot().size() <= kMostDrawn, copy.snapshot().size());

  gd::screen::Recording recording(gd::Milliseconds{0});
  for (const char c : bytes.substr(0, 4096)) (void)recording.shown({&c, 1}, gd::Milliseconds{1});

  gd::ScreenFrameReader reader;
  reader.add(bytes);
  for (auto frame = reader.next(); frame.ok() && *frame; frame = reader.next()) {
  }
  return 0;
}

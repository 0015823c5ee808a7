#include "proto/screen_frames.h"

#include <utility>

#include "base/check.h"

namespace gd {

std::string screen_frame(ScreenFrameKind kind, std::string_view bytes) {
  GD_CHECK(bytes.size() <= kMaxScreenFrame, bytes.size());
  return byte_frame(static_cast<uint8_t>(kind), 0, bytes);
}

Result<std::optional<ScreenFrame>> ScreenFrameReader::next() {
  std::optional<ByteFrame> frame = TRY(reader_.next());
  if (!frame) return std::optional<ScreenFrame>{};
  return std::optional(
      ScreenFrame{static_cast<ScreenFrameKind>(frame->kind), std::move(frame->bytes)});
}

}  // namespace gd

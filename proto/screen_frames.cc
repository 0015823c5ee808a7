#include "proto/screen_frames.h"

#include "base/check.h"

namespace gd {

std::string screen_frame(ScreenFrameKind kind, std::string_view bytes) {
  GD_CHECK(bytes.size() <= kMaxScreenFrame, bytes.size());
  std::string frame;
  frame.reserve(kScreenFrameHead + bytes.size());
  frame += static_cast<char>(kind);
  for (size_t shift = 0; shift < 32; shift += 8) {
    frame += static_cast<char>(bytes.size() >> shift & 0xff);
  }
  frame += bytes;
  return frame;
}

Result<std::optional<ScreenFrame>> ScreenFrameReader::next() {
  const std::string_view rest = std::string_view(held_).substr(taken_);
  if (rest.size() < kScreenFrameHead) {
    held_.erase(0, std::exchange(taken_, 0));
    return std::optional<ScreenFrame>{};
  }
  const auto kind = static_cast<ScreenFrameKind>(rest[0]);
  size_t length = 0;
  for (size_t i = 0; i < 4; ++i) {
    length |= size_t{static_cast<unsigned char>(rest[1 + i])} << (8 * i);
  }
  const bool known = kind >= ScreenFrameKind::output && kind <= ScreenFrameKind::fault;
  if (!known || length > kMaxScreenFrame) {
    return Error{ErrorCode::invalid, "no frame of a screen: kind " +
                                         std::to_string(static_cast<int>(kind)) + ", " +
                                         std::to_string(length) + " bytes"};
  }
  if (rest.size() < kScreenFrameHead + length) {
    held_.erase(0, std::exchange(taken_, 0));
    return std::optional<ScreenFrame>{};
  }
  ScreenFrame frame{kind, Bytes(rest.substr(kScreenFrameHead, length))};
  taken_ += kScreenFrameHead + length;
  return std::optional<ScreenFrame>{std::move(frame)};
}

}  // namespace gd

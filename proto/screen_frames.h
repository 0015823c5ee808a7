// What a shepherd and its gdscreen say to each other over their socket.
//
// Frames are those of proto/byte_frames.h, number 0. The shepherd sends all that the terminal shows
// and each change of its size, in order; it asks, and the answer is the screen after all that was
// sent before the question. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "proto/byte_frames.h"

namespace gd {

inline constexpr size_t kMaxScreenFrame = size_t{8} << 20;  // bytes after the head

enum class ScreenFrameKind : uint8_t {
  output = 1,  // to gdscreen: what the program has written
  resize = 2,  // "ROWS COLUMNS"
  ask = 3,     // nothing
  screen = 4,  // from it: the answer, bytes that draw it
  fault = 5,   // the recording goes on no more: text
};

inline constexpr ByteFrameRules kScreenRules{
    .last_kind = static_cast<uint8_t>(ScreenFrameKind::fault),
    .most_bytes = kMaxScreenFrame,
    .what = "no frame of a screen"};

struct ScreenFrame {
  ScreenFrameKind kind = ScreenFrameKind::output;
  Bytes bytes;
  bool operator==(const ScreenFrame&) const = default;
};

// REQUIRES: at most kMaxScreenFrame bytes.
std::string screen_frame(ScreenFrameKind kind, std::string_view bytes);

class ScreenFrameReader {
 public:
  void add(std::string_view bytes) { reader_.add(bytes); }
  // The next whole frame; nothing: more bytes are needed. An error ends the conversation.
  Result<std::optional<ScreenFrame>> next();

 private:
  ByteFrameReader reader_{kScreenRules};
};

}  // namespace gd

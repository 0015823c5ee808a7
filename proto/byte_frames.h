// Frames in a stream of bytes between two programs of ours, of which neither speaks msgpack.
//
//   frame = kind (1 byte), number (4, little-endian), length (4, little-endian), `length` bytes
//
// What kinds there are, what they number and how long they may be is each conversation's own:
// proto/task_frames.h, proto/screen_frames.h, proto/tree_frames.h. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace gd {

inline constexpr size_t kByteFrameHead = 9;

struct ByteFrame {
  uint8_t kind = 0;
  uint32_t number = 0;
  Bytes bytes;
  bool operator==(const ByteFrame&) const = default;
};

// What goes before `bytes` bytes.
std::string byte_frame_head(uint8_t kind, uint32_t number, size_t bytes);
std::string byte_frame(uint8_t kind, uint32_t number, std::string_view bytes);

// What a conversation's frames are like.
struct ByteFrameRules {
  uint8_t last_kind = 0;  // they are 1 to this
  size_t most_bytes = 0;
  std::string_view what;  // for errors: "no frame of its tasks"
};

class ByteFrameReader {
 public:
  explicit ByteFrameReader(ByteFrameRules rules) : rules_(rules) {}
  void add(std::string_view bytes) { held_ += bytes; }
  // The next whole frame; nothing: more bytes are needed. An error ends the conversation.
  Result<std::optional<ByteFrame>> next();
  [[nodiscard]] bool between_frames() const { return taken_ == held_.size(); }

 private:
  ByteFrameRules rules_;
  std::string held_;
  size_t taken_ = 0;
};

// Where frames begin in a stream that passes by, for who joins in the middle: heads are read, what
// is in frames is not looked at. Of bytes that are no frames it makes something, in bounds.
class ByteFrameScan {
 public:
  // All bytes of the stream in order. Gives where in these the first frame begins; nothing: none
  // does. Their end is the next ones' beginning.
  std::optional<size_t> pass(std::string_view bytes);

 private:
  std::string head_;   // of the frame that is passing, as far as it has come
  size_t inside_ = 0;  // bytes of it still to come, once the head is whole
};

}  // namespace gd

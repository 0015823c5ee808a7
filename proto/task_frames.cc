#include "proto/task_frames.h"

#include <utility>

#include "base/check.h"

namespace gd {

std::string task_frame_head(TaskFrameKind kind, uint32_t task, size_t bytes) {
  GD_CHECK(bytes <= kMaxTaskFrame, bytes);
  return byte_frame_head(static_cast<uint8_t>(kind), task, bytes);
}

Result<std::optional<TaskFrame>> TaskFrameReader::next() {
  std::optional<ByteFrame> frame = TRY(reader_.next());
  if (!frame) return std::optional<TaskFrame>{};
  return std::optional(
      TaskFrame{static_cast<TaskFrameKind>(frame->kind), frame->number, std::move(frame->bytes)});
}

}  // namespace gd

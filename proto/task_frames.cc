#include "proto/task_frames.h"

#include "base/check.h"

namespace gd {
namespace {

void put_number(std::string& out, uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift & 0xff);
}

uint32_t number_at(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) {
    number |= uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return number;
}

}  // namespace

std::string task_frame_head(TaskFrameKind kind, uint32_t task, size_t bytes) {
  GD_CHECK(bytes <= kMaxTaskFrame, bytes);
  std::string head;
  head += static_cast<char>(kind);
  put_number(head, task);
  put_number(head, static_cast<uint32_t>(bytes));
  return head;
}

Result<std::optional<TaskFrame>> TaskFrameReader::next() {
  if (held_.size() < kTaskFrameHead) return std::optional<TaskFrame>{};
  const auto kind = static_cast<TaskFrameKind>(held_[0]);
  const uint32_t length = number_at(held_, 5);
  const bool known = kind >= TaskFrameKind::output && kind <= TaskFrameKind::ended;
  if (!known || length > kMaxTaskFrame) {
    return Error{ErrorCode::invalid, "what the step sends is no frame of its tasks: kind " +
                                         std::to_string(static_cast<int>(kind)) + ", " +
                                         std::to_string(length) + " bytes"};
  }
  if (held_.size() < kTaskFrameHead + length) return std::optional<TaskFrame>{};
  TaskFrame frame{kind, number_at(held_, 1), held_.substr(kTaskFrameHead, length)};
  held_.erase(0, kTaskFrameHead + length);
  return std::optional<TaskFrame>{std::move(frame)};
}

}  // namespace gd

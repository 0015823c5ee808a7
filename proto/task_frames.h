// What gdtasks, which runs the tasks of a step on one node, says on its standard output to
// the client: pieces of the tasks' output, and how they ended.
//
// A frame (proto/byte_frames.h) has the task's number. What a task writes goes to a pipe of its
// own, so no task can write a frame. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "proto/byte_frames.h"

namespace gd {

inline constexpr size_t kMaxTaskFrame = size_t{64} << 10;  // bytes after the head

// In the environment of gdtasks, from the client: the one task that gets the input, or "none".
// Not there: all tasks do.
inline constexpr char kInputTaskVariable[] = "GD_INPUT_TASK";

enum class TaskFrameKind : uint8_t {
  output = 1,
  error = 2,
  ended = 3,  // text: the wait status as a decimal number; nothing more of this task follows
};

inline constexpr ByteFrameRules kTaskRules{.last_kind = static_cast<uint8_t>(TaskFrameKind::ended),
                                           .most_bytes = kMaxTaskFrame,
                                           .what = "what the step sends is no frame of its tasks"};

struct TaskFrame {
  TaskFrameKind kind = TaskFrameKind::output;
  uint32_t task = 0;
  Bytes bytes;
  bool operator==(const TaskFrame&) const = default;
};

// REQUIRES: at most kMaxTaskFrame bytes.
std::string task_frame_head(TaskFrameKind kind, uint32_t task, size_t bytes);

class TaskFrameReader {
 public:
  void add(std::string_view bytes) { reader_.add(bytes); }
  // The next whole frame; nothing: more bytes are needed. An error ends the conversation.
  Result<std::optional<TaskFrame>> next();

 private:
  ByteFrameReader reader_{kTaskRules};
};

}  // namespace gd

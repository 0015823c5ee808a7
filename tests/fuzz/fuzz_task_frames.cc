// What a step sends in place of frames: any bytes, in pieces of any size, give the same frames,
// and each of them is written as it was read.
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "proto/task_frames.h"

namespace {

std::vector<gd::TaskFrame> read(std::string_view bytes, size_t piece) {
  std::vector<gd::TaskFrame> frames;
  gd::TaskFrameReader reader;
  while (!bytes.empty()) {
    reader.add(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (true) {
      auto frame = reader.next();
      if (!frame.ok()) return frames;
      if (!*frame) break;
      frames.push_back(**frame);
    }
  }
  return frames;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const std::vector<gd::TaskFrame> frames = read(bytes, SIZE_MAX);
  GD_CHECK(read(bytes, 3) == frames, frames.size());
  std::string again;
  for (const gd::TaskFrame& frame : frames) {
    again += gd::task_frame_head(frame.kind, frame.task, frame.bytes.size()) + frame.bytes;
  }
  GD_CHECK(bytes.starts_with(again), again.size());
  return 0;
}

#include "server/agent/stream_buffer.h"

#include <algorithm>

#include "base/check.h"

namespace gd::agent {

void StreamBuffer::append(std::string_view bytes) {
  GD_CHECK(bytes.size() <= room(), bytes.size(), room());
  held_.append(bytes);
}

void StreamBuffer::make_room(size_t bytes) {
  const size_t wanted = std::min(bytes, kMaxStreamWindow);
  if (wanted > room()) trim(wanted - room());
}

void StreamBuffer::trim(size_t bytes) {
  held_.erase(0, bytes);
  begin_ += bytes;
  acknowledged_ = std::max(acknowledged_, begin_);
  sent_ = std::max(sent_, begin_);
}

Bytes StreamBuffer::take(size_t most) {
  const uint64_t credit = acknowledged_ + kMaxStreamWindow;
  const uint64_t until = std::min({sent_ + most, end(), std::max(credit, sent_)});
  Bytes piece = held_.substr(sent_ - begin_, until - sent_);
  sent_ = until;
  return piece;
}

Result<void> StreamBuffer::acknowledge(uint64_t position) {
  if (position > sent_) {
    return Error{ErrorCode::invalid, "acknowledged up to byte " + std::to_string(position) +
                                         ", only " + std::to_string(sent_) + " were sent"};
  }
  acknowledged_ = std::max(acknowledged_, position);
  const uint64_t keep_from = acknowledged_ - std::min<uint64_t>(acknowledged_, replay_);
  // Erasing from the front moves the rest: only when that is worth it.
  if (keep_from > begin_ && (keep_from - begin_ >= kMaxStreamChunk || acknowledged_ == end())) {
    trim(keep_from - begin_);
  }
  return {};
}

uint64_t StreamBuffer::rewind(uint64_t from) {
  const uint64_t start = std::clamp(from, begin_, end());
  acknowledged_ = start;
  sent_ = start;
  return start;
}

uint64_t StreamBuffer::skip_to_end() {
  sent_ = acknowledged_ = end();
  trim(held_.size() - std::min(held_.size(), replay_));
  return end();
}

}  // namespace gd::agent

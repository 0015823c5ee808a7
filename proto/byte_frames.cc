#include "proto/byte_frames.h"

#include <algorithm>
#include <utility>

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

std::string byte_frame_head(uint8_t kind, uint32_t number, size_t bytes) {
  std::string head;
  head += static_cast<char>(kind);
  put_number(head, number);
  put_number(head, static_cast<uint32_t>(bytes));
  return head;
}

std::string byte_frame(uint8_t kind, uint32_t number, std::string_view bytes) {
  return byte_frame_head(kind, number, bytes.size()).append(bytes);
}

Result<std::optional<ByteFrame>> ByteFrameReader::next() {
  const std::string_view rest = std::string_view(held_).substr(taken_);
  const auto kind = rest.empty() ? uint8_t{1} : static_cast<uint8_t>(rest[0]);
  const uint32_t length = rest.size() < kByteFrameHead ? 0 : number_at(rest, 5);
  if (kind == 0 || kind > rules_.last_kind || length > rules_.most_bytes) {
    return Error{ErrorCode::invalid, std::string(rules_.what) + ": kind " + std::to_string(kind) +
                                         ", " + std::to_string(length) + " bytes"};
  }
  if (rest.size() < kByteFrameHead || rest.size() < kByteFrameHead + length) {
    held_.erase(0, std::exchange(taken_, 0));  // once for all that were whole
    return std::optional<ByteFrame>{};
  }
  ByteFrame frame{kind, number_at(rest, 1), Bytes(rest.substr(kByteFrameHead, length))};
  taken_ += kByteFrameHead + length;
  return std::optional<ByteFrame>{std::move(frame)};
}

std::optional<size_t> ByteFrameScan::pass(std::string_view bytes) {
  std::optional<size_t> first;
  size_t at = 0;
  while (at < bytes.size()) {
    if (inside_ > 0) {
      const size_t step = std::min(inside_, bytes.size() - at);
      inside_ -= step;
      at += step;
      continue;
    }
    if (head_.empty() && !first) first = at;
    const size_t step = std::min(kByteFrameHead - head_.size(), bytes.size() - at);
    head_ += bytes.substr(at, step);
    at += step;
    if (head_.size() < kByteFrameHead) break;
    inside_ = number_at(head_, 5);
    head_.clear();
  }
  return first;
}

}  // namespace gd

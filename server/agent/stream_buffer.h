// The part of one output stream that may still be wanted, with positions.
//
//   0 ....... begin ........ acknowledged ........ sent ........ end
//             | kept for a     | on its way         | waiting
//             | client that    | to the client      | to be sent
//             | comes back     |
//
// Positions count bytes since the step began. Never more than kMaxStreamWindow bytes are
// held: room() says how many may be appended. Two ways to make room:
//   acknowledged bytes go, but for the last `replay` of them (a terminal's screen);
//   make_room() drops the oldest, acknowledged or not: for a terminal nobody looks at.
// Pure; cost: one copy in, one copy out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "proto/message_type.h"

namespace gd::agent {

class StreamBuffer {
 public:
  explicit StreamBuffer(size_t replay = 0) : replay_(replay) {}

  [[nodiscard]] uint64_t begin() const { return begin_; }
  [[nodiscard]] uint64_t end() const { return begin_ + held_.size(); }
  [[nodiscard]] uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] uint64_t sent() const { return sent_; }
  [[nodiscard]] size_t room() const { return kMaxStreamWindow - held_.size(); }
  [[nodiscard]] bool all_acknowledged() const { return acknowledged_ == end(); }

  void append(std::string_view bytes);  // REQUIRES: bytes.size() <= room()
  void make_room(size_t bytes);         // so that room() >= bytes, at most the whole window

  // The next piece to send, at most `most` bytes and never more than the credit that the
  // receiver's acknowledgements give; counts as sent. Empty: nothing to send now.
  [[nodiscard]] Bytes take(size_t most);

  // An error if the receiver claims what was never sent.
  Result<void> acknowledge(uint64_t position);

  // A receiver begins, or begins again, at `from`, or at the oldest byte held if that
  // one is gone already. Gives where it will begin.
  uint64_t rewind(uint64_t from);
  // One begins with what is still to come. Gives where that is.
  uint64_t skip_to_end();

 private:
  void trim(size_t bytes);

  size_t replay_;
  std::string held_;
  uint64_t begin_ = 0;
  uint64_t acknowledged_ = 0;
  uint64_t sent_ = 0;
};

}  // namespace gd::agent

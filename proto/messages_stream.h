// Interactive stdio: client <-> gdnoded <-> gdshep, and the few things that a
// node's agent and a shepherd tell each other besides.
//
// Towards the shepherd the same messages go over a unix stream socket, each with
// a 4-byte little-endian length in front. Flow control is by credit: no more than
// kMaxStreamWindow bytes of a stream are under way without a StreamAck.
// Positions count bytes of a stream since the step began, so a client that comes
// back says where it was and loses nothing that is still in the shepherd's buffer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "proto/ids.h"
#include "proto/job_record.h"
#include "proto/message_type.h"
#include "proto/messages_node.h"

namespace gd {

enum class StreamId : uint8_t { input = 0, output = 1, error = 2 };

struct TerminalSize {
  uint16_t rows = 24;
  uint16_t columns = 80;
  bool operator==(const TerminalSize&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("rows", self.rows);
    field("cols", self.columns);
  }
};

struct StreamOpen {  // first on a connection; held until the step has started
  static constexpr MessageType kType = MessageType::stream_open;
  Bytes ticket;
  std::optional<TerminalSize> size;
  std::string term;                     // TERM
  std::optional<uint64_t> output_from;  // coming back: positions already seen
  std::optional<uint64_t> error_from;
  std::optional<uint32_t> tail_lines;  // of files, at first: so many lines before their end
  bool watch = false;                  // beside the step's own client, from now on
  bool operator==(const StreamOpen&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("ticket", self.ticket);
    field("size", self.size);
    field("term", self.term);
    field("out", self.output_from);
    field("err", self.error_from);
    field("tail", self.tail_lines);
    field("watch", self.watch);
  }
};

struct StreamOpened {
  static constexpr MessageType kType = MessageType::stream_opened;
  JobId job;
  StepId step;
  uint64_t input_at = 0;   // bytes of input the step has taken so far
  uint64_t output_at = 0;  // position of the first byte that will follow
  uint64_t error_at = 0;
  Bytes screen;  // what draws a terminal as it was at output_at; empty: draw what follows
  bool operator==(const StreamOpened&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("step", self.step);
    field("in", self.input_at);
    field("out", self.output_at);
    field("err", self.error_at);
    field("screen", self.screen);
  }
};

struct StreamData {
  static constexpr MessageType kType = MessageType::stream_data;
  StreamId stream = StreamId::input;
  uint64_t position = 0;  // of the first byte
  Bytes bytes;
  bool operator==(const StreamData&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("stream", self.stream);
    field("pos", self.position);
    field("bytes", self.bytes);
  }
};

struct StreamEnd {  // end of file of one stream
  static constexpr MessageType kType = MessageType::stream_end;
  StreamId stream = StreamId::input;
  bool operator==(const StreamEnd&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("stream", self.stream); }
};

struct StreamAck {  // all before `position` has been written out
  static constexpr MessageType kType = MessageType::stream_ack;
  StreamId stream = StreamId::input;
  uint64_t position = 0;
  bool operator==(const StreamAck&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("stream", self.stream);
    field("pos", self.position);
  }
};

struct StreamResize {
  static constexpr MessageType kType = MessageType::stream_resize;
  TerminalSize size;
  bool operator==(const StreamResize&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("size", self.size); }
};

struct StreamSignal {
  static constexpr MessageType kType = MessageType::stream_signal;
  int32_t signal = 0;
  bool operator==(const StreamSignal&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("signal", self.signal); }
};

struct StreamPing {  // both ways; a client silent for kStreamSilence counts as gone
  static constexpr MessageType kType = MessageType::stream_ping;
  bool bye = false;  // leaving on purpose: detach at once
  bool operator==(const StreamPing&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("bye", self.bye); }
};

struct StreamNotice {  // a word from the node to whoever is at the terminal
  static constexpr MessageType kType = MessageType::stream_notice;
  std::string text;
  bool operator==(const StreamNotice&) const = default;
  static constexpr void visit(auto& self, auto&& field) { field("text", self.text); }
};

struct StreamExit {  // the step has ended and its output has been sent
  static constexpr MessageType kType = MessageType::stream_exit;
  ExitStatus exit;
  EndCause cause = EndCause::exited;
  std::string error;
  std::vector<std::string> warnings;
  bool operator==(const StreamExit&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("exit", self.exit);
    field("cause", self.cause);
    field("error", self.error);
    field("warnings", self.warnings);
  }
};

// ---- agent <-> shepherd

struct ShepherdStatus {  // at connect, and at each change
  static constexpr MessageType kType = MessageType::shepherd_status;
  StepStatus status;
  int32_t shepherd_pid = 0;
  int32_t init_pid = 0;  // the container's pid 1, seen from outside
  bool operator==(const ShepherdStatus&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("status", self.status);
    field("pid", self.shepherd_pid);
    field("init", self.init_pid);
  }
};

struct ShepherdOrder {  // what the agent passes on
  static constexpr MessageType kType = MessageType::shepherd_order;
  std::optional<EndOrder> end;
  std::optional<SignalOrder> signal;
  std::optional<LimitOrder> limit;
  bool client_gone = false;  // the interactive client has left
  bool forget = false;       // confirmed: remove the folder and exit
  bool operator==(const ShepherdOrder&) const = default;
  static constexpr void visit(auto& self, auto&& field) {
    field("end", self.end);
    field("signal", self.signal);
    field("limit", self.limit);
    field("gone", self.client_gone);
    field("forget", self.forget);
  }
};

inline constexpr Seconds kStreamPing{5};
inline constexpr Seconds kStreamSilence{20};

}  // namespace gd

// The client's end of one step's streams (proto/messages_stream.h), without descriptors:
// positions, credit, coming back. What reads and writes is cmd/session.h.
//
// Input that the step has not taken yet is kept, at most kMaxStreamWindow bytes of it, so
// that after a lost connection nothing is lost and nothing is doubled. Silence of
// kStreamSilence, or an error from the node while it was open, opens a new connection with
// the positions reached; give_up_after is how long that is tried.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "proto/messages.h"
#include "proto/socket.h"

namespace gd::cmd {

struct StreamEvents {
  std::function<void(const StreamOpened&)> on_opened;
  std::function<void(StreamId, std::string_view bytes)> on_output;
  std::function<void(std::string_view bytes)> on_screen;  // draws the terminal; to be written()
  std::function<void(const std::string& text)> on_notice;
  std::function<void(const StreamExit&)> on_exit;
  std::function<void()> on_taken_over;         // another client has come
  std::function<void(uint64_t bytes)> on_gap;  // output that nobody has any more
};

class StreamClient {
 public:
  StreamClient(SocketContext& sockets, StreamAccess access, CurveKeys keys, StreamEvents events)
      : sockets_(sockets),
        access_(std::move(access)),
        keys_(std::move(keys)),
        events_(std::move(events)) {}

  Result<void> open(std::optional<TerminalSize> size, std::string term);
  // Of a step whose streams are files: so many lines before their end; nothing: all of them.
  Result<void> follow(std::optional<uint32_t> tail_lines);
  // Beside the step's own client, from now on. A loss of the connection, or of the node's patience,
  // is an error.
  Result<void> watch();
  [[nodiscard]] ClientSocket& socket() { return *socket_; }
  // All messages that have come. An error ends the session.
  Result<void> receive();
  // Pings, and comes back if the node is silent; to be called about once a second.
  Result<void> tick();

  [[nodiscard]] size_t input_room() const { return kMaxStreamWindow - unacked_.size(); }
  void send_input(std::string_view bytes);  // at most input_room()
  void end_input();
  void written(StreamId stream, uint64_t bytes);  // output that has reached its descriptor
  void resize(TerminalSize size);
  void send_signal(int signal);
  // On purpose: the node need not wait for us. Nothing is heard from then on.
  void leave();
  [[nodiscard]] bool is_open() const { return opened_; }

 private:
  static constexpr Milliseconds kGiveUpAfter = 60s;
  struct Incoming {
    uint64_t received = 0;   // position of the next byte
    uint64_t pending = 0;    // given to on_output, not written() yet
    uint64_t uncounted = 0;  // the same of on_screen: no part of the stream
  };
  Result<void> connect();
  Result<void> handle(Message&& message);
  Result<void> on_opened(const StreamOpened& opened);
  void on_data(StreamData&& data);
  void flush_input();
  void send(const Message& message);
  Incoming& incoming(StreamId stream) { return stream == StreamId::error ? error_ : output_; }
  [[nodiscard]] Error lost() const;

  SocketContext& sockets_;
  StreamAccess access_;
  CurveKeys keys_;
  StreamEvents events_;
  std::optional<ClientSocket> socket_;
  std::optional<TerminalSize> size_;
  std::string term_;
  std::optional<uint32_t> tail_lines_;
  bool watch_ = false;
  bool opened_ = false;
  bool left_ = false;
  bool seen_ = false;  // ever: positions count from here on
  Incoming output_, error_;
  uint64_t input_start_ = 0;  // position of unacked_'s first byte
  uint64_t input_sent_ = 0;
  std::string unacked_;
  bool input_ended_ = false;
  bool end_sent_ = false;
  Milliseconds heard_{};     // boot time of the last message
  Milliseconds answered_{};  // of the last message while it was open
  Milliseconds pinged_{};
};

}  // namespace gd::cmd

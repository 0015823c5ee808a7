#include "cmd/stream_client.h"

#include <algorithm>

#include "base/duration.h"
#include "proto/codec.h"

namespace gd::cmd {

Result<void> StreamClient::open(std::optional<TerminalSize> size, std::string term) {
  size_ = size;
  term_ = std::move(term);
  answered_ = boot_time();
  return connect();
}

Result<void> StreamClient::follow(std::optional<uint32_t> tail_lines) {
  tail_lines_ = tail_lines;
  return open(std::nullopt, "");
}

Result<void> StreamClient::watch() {
  watch_ = true;
  return open(std::nullopt, "");
}

Result<void> StreamClient::connect() {
  opened_ = false;
  socket_.reset();
  socket_ =
      TRY(ClientSocket::connect(sockets_, "tcp://" + access_.address, access_.node_key, keys_));
  heard_ = pinged_ = boot_time();
  StreamOpen open{.ticket = access_.ticket, .size = size_, .term = term_, .watch = watch_};
  if (seen_) {
    open.output_from = output_.received;
    open.error_from = error_.received;
  } else {
    open.tail_lines = tail_lines_;
  }
  send(open);
  return {};
}

void StreamClient::send(const Message& message) {
  (void)socket_->send(1, encode(message));
}

Error StreamClient::lost() const {
  return Error{ErrorCode::unavailable, "lost the connection to the node at " + access_.address +
                                           " for " + format_interval(kGiveUpAfter)};
}

Result<void> StreamClient::receive() {
  // What comes now may be the word of a node that does not know us any more: no loss.
  while (std::optional<Reply> reply = left_ ? std::nullopt : socket_->receive()) {
    heard_ = boot_time();
    Message message = TRY(decode(reply->body));
    const auto* error = std::get_if<ErrorReply>(&message);
    if (error == nullptr) {
      TRY(handle(std::move(message)));
      continue;
    }
    // A refusal of the first opening is final. Later it means that the node, or its agent,
    // has started anew and does not know this connection: open again.
    if (!seen_ || watch_) return Error{error->code, error->text};
    if (boot_time() - answered_ > kGiveUpAfter) return Error{error->code, error->text};
    opened_ = false;
    heard_ = boot_time() - kStreamSilence + 1s;  // tick() comes back in a second
  }
  return {};
}

Result<void> StreamClient::handle(Message&& message) {
  answered_ = boot_time();
  if (const auto* opened = std::get_if<StreamOpened>(&message)) return on_opened(*opened);
  if (auto* data = std::get_if<StreamData>(&message)) {
    on_data(std::move(*data));
  } else if (const auto* ack = std::get_if<StreamAck>(&message)) {
    if (ack->stream != StreamId::input || ack->position <= input_start_) return {};
    if (ack->position > input_sent_)
      return Error{ErrorCode::invalid, "the node took more input than was sent"};
    unacked_.erase(0, ack->position - input_start_);
    input_start_ = ack->position;
    flush_input();
  } else if (const auto* ping = std::get_if<StreamPing>(&message)) {
    if (ping->bye && events_.on_taken_over) events_.on_taken_over();
  } else if (const auto* notice = std::get_if<StreamNotice>(&message)) {
    if (events_.on_notice) events_.on_notice(notice->text);
  } else if (const auto* exit = std::get_if<StreamExit>(&message)) {
    if (events_.on_exit) events_.on_exit(*exit);
  }
  return {};
}

Result<void> StreamClient::on_opened(const StreamOpened& opened) {
  for (const auto& [mine, at] :
       {std::pair{&output_, opened.output_at}, std::pair{&error_, opened.error_at}}) {
    const bool drawn = mine == &output_ && !opened.screen.empty();
    if (seen_ && at > mine->received && !drawn && events_.on_gap) {
      events_.on_gap(at - mine->received);
    }
    mine->received = std::max(mine->received, at);
  }
  if (!seen_) input_start_ = input_sent_ = opened.input_at;
  if (opened.input_at < input_start_ || opened.input_at > input_start_ + unacked_.size()) {
    return Error{ErrorCode::conflict, "the node is at byte " + std::to_string(opened.input_at) +
                                          " of the input, which is not here any more"};
  }
  unacked_.erase(0, opened.input_at - input_start_);
  input_start_ = input_sent_ = opened.input_at;
  opened_ = seen_ = true;
  end_sent_ = false;
  flush_input();
  if (events_.on_opened) events_.on_opened(opened);
  if (!opened.screen.empty() && events_.on_screen) {
    output_.uncounted += opened.screen.size();
    events_.on_screen(opened.screen);
  }
  return {};
}

void StreamClient::on_data(StreamData&& data) {
  Incoming& stream = incoming(data.stream);
  if (data.position > stream.received) {  // cannot be, on one connection: told, not hidden
    if (events_.on_gap) events_.on_gap(data.position - stream.received);
    stream.received = data.position;
  }
  const uint64_t known = stream.received - data.position;
  if (known >= data.bytes.size()) return;
  stream.received = data.position + data.bytes.size();
  stream.pending += data.bytes.size() - known;
  if (events_.on_output) events_.on_output(data.stream, std::string_view(data.bytes).substr(known));
}

void StreamClient::written(StreamId stream, uint64_t bytes) {
  Incoming& from = incoming(stream);
  const uint64_t uncounted = std::min(from.uncounted, bytes);
  from.uncounted -= uncounted;
  from.pending -= std::min(from.pending, bytes - uncounted);
  if (opened_) send(StreamAck{.stream = stream, .position = from.received - from.pending});
}

void StreamClient::send_input(std::string_view bytes) {
  unacked_ += bytes;
  flush_input();
}

void StreamClient::end_input() {
  input_ended_ = true;
  flush_input();
}

void StreamClient::flush_input() {
  if (!opened_) return;
  const uint64_t end = input_start_ + unacked_.size();
  while (input_sent_ < end) {
    const size_t from = input_sent_ - input_start_;
    const std::string piece = unacked_.substr(from, kMaxStreamChunk);
    send(StreamData{.stream = StreamId::input, .position = input_sent_, .bytes = piece});
    input_sent_ += piece.size();
  }
  if (input_ended_ && !end_sent_) {
    end_sent_ = true;
    send(StreamEnd{.stream = StreamId::input});
  }
}

void StreamClient::resize(TerminalSize size) {
  size_ = size;
  if (opened_) send(StreamResize{.size = size});
}

void StreamClient::send_signal(int signal) {
  send(StreamSignal{.signal = signal});
}

void StreamClient::leave() {
  left_ = true;
  send(StreamPing{.bye = true});
}

Result<void> StreamClient::tick() {
  if (left_) return {};
  const Milliseconds now = boot_time();
  if (now - pinged_ >= kStreamPing) {
    pinged_ = now;
    if (opened_) send(StreamPing{});
  }
  if (now - heard_ < kStreamSilence) return {};
  if (seen_ && watch_)
    return Error{ErrorCode::unavailable, "lost the connection to the node at " + access_.address};
  // Before the first opening silence is normal: the node holds it until the step starts. It
  // is put again, in case the node did; the controller tells if the job has ended instead.
  if (seen_ && now - answered_ > kGiveUpAfter + kStreamSilence) return lost();
  return connect();
}

}  // namespace gd::cmd

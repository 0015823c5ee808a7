#include "server/agent/stream_host.h"

namespace gd::agent {

Result<void> StreamHost::begin(StdioEnds ends, ScreenKeeper* screen) {
  screen_ = screen;
  streams_ = std::make_unique<StepStreams>(poller_, std::move(ends), screen, [this] {
    watchers_moved();
    pump();
  });
  streams_->set_tap(&watchers_);
  if (screen_ != nullptr) {
    screen_->set_events([this] { streams_->consumed(); },
                        [this](const std::string& text) { notify(text); });
  }
  TRY(streams_->start());
  if (opening_) greet();
  pump();
  return {};
}

void StreamHost::attach(FrameChannel channel, const StreamOpen& open) {
  if (client_) {
    send(StreamPing{.bye = true});
    drop_client();
  }
  client_ = std::move(channel);
  failed_ = false;
  opening_ = open;  // its screen is asked for anew: an answer under way is an older client's
  watch();
  if (events_.on_attached) events_.on_attached();
  if (!streams_) return tell_waiting();
  greet();
  pump();
  on_ready(0);  // what came together with the opening message
}

Result<void> StreamHost::attach_watcher(FrameChannel& channel) {
  if (!streams_) return Error{ErrorCode::conflict, "the step has not begun yet"};
  if (streams_->is_terminal()) {
    return Error{ErrorCode::conflict, "the step has a terminal, which is one client's at a time"};
  }
  return watchers_.attach(channel);
}

// They have taken output or sent input, or the program has gone on.
void StreamHost::watchers_moved() {
  watchers_.feed([this](std::string_view bytes) { return streams_->inject_input(bytes); });
  streams_->consumed();
  pump_watchers();
}

void StreamHost::pump_watchers() {
  if (exit_ && streams_->all_ended()) return watchers_.end(*exit_);
  watchers_.pump();
}

void StreamHost::greet() {
  streams_->set_audience(StepStreams::Audience::somebody);
  wants_screen() ? ask_screen() : welcome(std::nullopt);
}

bool StreamHost::wants_screen() const {
  if (screen_ == nullptr || !screen_->alive() || !streams_->is_terminal()) return false;
  const StreamBuffer& output = streams_->buffer(StreamId::output);
  if (opening_->output_from) return *opening_->output_from < output.begin();
  return output.end() > 0;
}

// The screen is of this moment; what comes from now on waits in the buffer.
void StreamHost::ask_screen() {
  if (opening_->size) (void)streams_->resize(*opening_->size).ok();
  (void)streams_->buffer(StreamId::output).skip_to_end();
  screen_->ask([this](std::optional<Bytes> screen) {
    if (!client_ || !opening_) return;
    welcome(std::move(screen));
    pump();
  });
}

void StreamHost::welcome(std::optional<Bytes> screen) {
  const StreamOpen open = *std::exchange(opening_, std::nullopt);
  StreamBuffer& output = streams_->buffer(StreamId::output);
  StreamBuffer& error = streams_->buffer(StreamId::error);
  StreamOpened opened{.job = job_, .step = step_};
  opened.input_at = streams_->input_taken();
  opened.output_at =
      screen ? output.sent() : output.rewind(open.output_from.value_or(output.begin()));
  opened.error_at = error.rewind(open.error_from.value_or(error.begin()));
  input_acknowledged_ = streams_->input_written();
  output_end_ = error_end_ = exit_sent_ = delivered_ = false;
  if (screen) {
    opened.screen = *std::move(screen);
  } else if (open.size) {
    if (output.end() > 0) {
      streams_->redraw(*open.size);
    } else {
      (void)streams_->resize(*open.size).ok();
    }
  }
  send(opened);
}

void StreamHost::notify(const std::string& text) {
  if (!client_ || opening_) return;
  send(StreamNotice{.text = text});
  pump();
}

// How it gets on is news for who comes later, and no reason for one more line to who is here.
void StreamHost::set_waiting(std::string text) {
  const bool first = waiting_.empty();
  waiting_ = std::move(text);
  if (first) tell_waiting();
}

void StreamHost::tell_waiting() {
  if (!client_ || streams_ || waiting_.empty()) return;
  send(StreamNotice{.text = waiting_});
  if (failed_) return detach(Leaving::lost);
  watch();
}

void StreamHost::end(StreamExit exit) {
  exit_ = std::move(exit);
  if (streams_) {
    streams_->drain();
    pump_watchers();
  }
  pump();
}

void StreamHost::pump() {
  if (!client_ || !streams_ || opening_ || pumping_) return;
  pumping_ = true;
  pump_stream(StreamId::output);
  pump_stream(StreamId::error);
  if (streams_->input_written() > input_acknowledged_) {
    input_acknowledged_ = streams_->input_written();
    send(StreamAck{.stream = StreamId::input, .position = input_acknowledged_});
  }
  if (exit_ && output_end_ && error_end_ && !exit_sent_) {
    exit_sent_ = true;
    send(*exit_);
  }
  pumping_ = false;
  if (failed_) return detach(Leaving::lost);
  watch();
  if (exit_sent_ && !delivered_ && !client_->wants_write()) {
    delivered_ = true;
    if (events_.on_delivered) events_.on_delivered();
  }
}

void StreamHost::pump_stream(StreamId stream) {
  StreamBuffer& buffer = streams_->buffer(stream);
  while (!failed_ && client_->backlog() < kMaxClientBacklog) {
    const uint64_t position = buffer.sent();
    Bytes bytes = buffer.take(kMaxStreamChunk);
    if (bytes.empty()) break;
    send(StreamData{.stream = stream, .position = position, .bytes = std::move(bytes)});
  }
  if (streams_->ended(stream) && buffer.sent() == buffer.end() && !end_sent(stream)) {
    end_sent(stream) = true;
    send(StreamEnd{.stream = stream});
  }
}

void StreamHost::on_ready(uint32_t events) {
  if (!client_) return;
  if ((events & EPOLLOUT) != 0) failed_ = !client_->flush().ok() || failed_;
  bool closed = false;
  if ((events & ~uint32_t{EPOLLOUT}) != 0) {
    const Result<bool> more = client_->fill();
    closed = !more.ok() || !*more;
  }
  while (client_ && !failed_) {
    Result<std::optional<Message>> message = client_->next();
    Result<void> done;
    if (!message.ok()) {
      done = std::move(message).error();
    } else if (!*message) {
      break;
    } else {
      done = handle(**message);
    }
    if (done.ok()) continue;
    send(ErrorReply{.code = done.error().code, .text = done.error().text});
    failed_ = true;
  }
  if (!client_) return;
  if (failed_ || closed) return detach(Leaving::lost);
  pump();
}

Result<void> StreamHost::handle(const Message& message) {
  if (const auto* data = std::get_if<StreamData>(&message)) {
    if (data->stream != StreamId::input || data->bytes.size() > kMaxStreamChunk) {
      return Error{ErrorCode::invalid, "not a piece of input"};
    }
    // Before the program runs the client has no position to count from.
    if (!streams_ || opening_) return Error{ErrorCode::conflict, "input before the step began"};
    return streams_->give_input(data->position, data->bytes);
  }
  if (const auto* end = std::get_if<StreamEnd>(&message)) {
    if (end->stream == StreamId::input && streams_) streams_->end_input();
    return {};
  }
  if (const auto* ack = std::get_if<StreamAck>(&message)) {
    if (ack->stream == StreamId::input || !streams_) return {};
    TRY(streams_->buffer(ack->stream).acknowledge(ack->position));
    streams_->consumed();
    pump_watchers();
    return {};
  }
  if (const auto* resize = std::get_if<StreamResize>(&message)) {
    if (opening_) opening_->size = resize->size;
    return streams_ ? streams_->resize(resize->size) : Result<void>{};
  }
  if (const auto* signal = std::get_if<StreamSignal>(&message)) {
    if (events_.on_signal) events_.on_signal(signal->signal);
    return {};
  }
  if (const auto* ping = std::get_if<StreamPing>(&message)) {
    if (ping->bye) {
      detach(Leaving::on_purpose);
    } else {
      send(StreamPing{});
    }
    return {};
  }
  return Error{ErrorCode::invalid,
               "a stream has no use for " + std::string(name(type_of(message)))};
}

void StreamHost::send(const Message& message) {
  if (client_ && !failed_) failed_ = !client_->send(message).ok();
}

void StreamHost::watch() {
  const uint32_t events = uint32_t{EPOLLIN} | (client_->wants_write() ? uint32_t{EPOLLOUT} : 0U);
  if (events == watched_) return;
  if (watched_ == 0) {
    const auto ready = [this](uint32_t what) { on_ready(what); };
    failed_ = !poller_.add(client_->fd(), events, ready).ok() || failed_;
  } else {
    (void)poller_.modify(client_->fd(), events).ok();
  }
  watched_ = events;
}

void StreamHost::drop_client() {
  if (!client_) return;
  if (watched_ != 0) poller_.remove(client_->fd());
  watched_ = 0;
  if (screen_ != nullptr) screen_->forget_question();
  opening_.reset();
  client_.reset();
}

void StreamHost::detach(Leaving how) {
  drop_client();
  failed_ = false;
  if (streams_) streams_->set_audience(StepStreams::Audience::nobody);
  if (events_.on_detached) events_.on_detached(how);
}

}  // namespace gd::agent

#include "server/agent/stream_watchers.h"

#include <algorithm>

#include "base/duration.h"

namespace gd::agent {
namespace {

// In the socket towards a watcher; the rest waits in his buffers.
constexpr size_t kMostInSocket = size_t{256} << 10;

}  // namespace

StreamWatchers::~StreamWatchers() {
  for (Watcher& watcher : watchers_) watcher.broken = true;
  sweep();
}

Result<void> StreamWatchers::attach(FrameChannel& channel) {
  if (watchers_.size() >= kMaxWatchers) {
    return Error{ErrorCode::exhausted,
                 std::to_string(watchers_.size()) + " watch this step already, which is the most"};
  }
  watchers_.emplace_back();
  const Place place = std::prev(watchers_.end());
  place->channel = std::move(channel);
  send(*place, StreamOpened{.job = job_, .step = step_});
  if (exit_) pump(*place);
  on_ready(place, EPOLLIN);  // what came together with the opening message
  return {};
}

bool StreamWatchers::full(const Watcher& watcher) {
  return std::ranges::any_of(
      watcher.buffers, [](const StreamBuffer& buffer) { return buffer.room() < kMaxStreamChunk; });
}

bool StreamWatchers::has_room() const {
  return std::ranges::none_of(watchers_, [](const Watcher& watcher) { return full(watcher); });
}

void StreamWatchers::shown(StreamId stream, std::string_view bytes) {
  const bool framed = form_ == OutputForm::frames && stream == StreamId::output;
  const std::optional<size_t> begins = framed ? frames_.pass(bytes) : std::optional<size_t>{0};
  for (Watcher& watcher : watchers_) {
    std::string_view mine = bytes;
    if (framed && !watcher.joined) {
      if (!begins) continue;
      watcher.joined = true;
      mine.remove_prefix(*begins);
    }
    StreamBuffer& to = buffer(watcher, stream);
    if (mine.size() > to.room()) {
      let_go(watcher, "the step has ended, and more of its output waits than is kept for you");
    } else {
      to.append(mine);
    }
  }
}

void StreamWatchers::pump() {
  for (Place place = watchers_.begin(); place != watchers_.end(); ++place) {
    pump(*place);
    mind(place);
  }
  sweep();
}

void StreamWatchers::pump(Watcher& watcher) {
  bool all = true;
  for (const StreamId stream : {StreamId::output, StreamId::error}) {
    StreamBuffer& from = buffer(watcher, stream);
    while (!watcher.broken && watcher.channel.backlog() < kMostInSocket) {
      const uint64_t position = from.sent();
      Bytes bytes = from.take(kMaxStreamChunk);
      if (bytes.empty()) break;
      send(watcher, StreamData{.stream = stream, .position = position, .bytes = std::move(bytes)});
    }
    all = all && from.sent() == from.end();
  }
  if (!exit_ || watcher.ended || !all) return;
  watcher.ended = true;
  for (const StreamId stream : {StreamId::output, StreamId::error}) {
    send(watcher, StreamEnd{.stream = stream});
  }
  send(watcher, *exit_);
}

// While one has no room the program waits, so somebody must look at the clock.
void StreamWatchers::mind(Place place) {
  if (!full(*place) || place->broken) {
    poller_.cancel(place->timer);
    place->late = false;
    return watch(place);
  }
  if (!place->late) {
    place->late = true;
    place->timer = poller_.call_after(kWatcherPatience, [this, place] {
      let_go(*place, "nothing was taken for " + format_interval(kWatcherPatience) +
                         " while the step waited: attach again");
      (void)place->channel.flush().ok();
      sweep();
      moved_();
    });
  }
  watch(place);
}

void StreamWatchers::feed(const std::function<size_t(std::string_view)>& take) {
  for (Place place = watchers_.begin(); place != watchers_.end(); ++place) {
    if (place->input.empty() || place->broken) continue;
    const size_t taken = take(place->input);
    if (taken == 0) continue;
    place->input.erase(0, taken);
    place->input_at += taken;
    send(*place, StreamAck{.stream = StreamId::input, .position = place->input_at});
    watch(place);
  }
}

void StreamWatchers::end(const StreamExit& exit) {
  exit_ = exit;
  pump();
}

void StreamWatchers::on_ready(Place place, uint32_t events) {
  Watcher& watcher = *place;
  if ((events & EPOLLOUT) != 0) watcher.broken = !watcher.channel.flush().ok() || watcher.broken;
  bool closed = false;
  if ((events & ~uint32_t{EPOLLOUT}) != 0) {
    const Result<bool> more = watcher.channel.fill();
    closed = !more.ok() || !*more;
  }
  while (!watcher.broken) {
    Result<std::optional<Message>> message = watcher.channel.next();
    if (message.ok() && !*message) break;
    const Result<void> done =
        message.ok() ? handle(watcher, **message) : Result<void>(message.error());
    if (!done.ok()) let_go(watcher, done.error().text);
  }
  watcher.broken = watcher.broken || closed;
  pump();
  moved_();
}

Result<void> StreamWatchers::handle(Watcher& watcher, const Message& message) {
  if (const auto* data = std::get_if<StreamData>(&message)) {
    const uint64_t expected = watcher.input_at + watcher.input.size();
    const bool fits = watcher.input.size() + data->bytes.size() <= kMaxStreamWindow;
    if (data->stream != StreamId::input || data->position != expected || !fits) {
      return Error{ErrorCode::invalid, "not the next piece of input"};
    }
    watcher.input += data->bytes;
  } else if (const auto* ack = std::get_if<StreamAck>(&message)) {
    if (ack->stream != StreamId::input)
      return buffer(watcher, ack->stream).acknowledge(ack->position);
  } else if (const auto* ping = std::get_if<StreamPing>(&message)) {
    watcher.broken = ping->bye;
    if (!ping->bye) send(watcher, StreamPing{});
  }
  return {};  // the end of his input, signals and sizes are none of the step's
}

void StreamWatchers::send(Watcher& watcher, const Message& message) {
  if (!watcher.broken) watcher.broken = !watcher.channel.send(message).ok();
}

void StreamWatchers::let_go(Watcher& watcher, std::string text) {
  send(watcher, ErrorReply{.code = ErrorCode::exhausted, .text = std::move(text)});
  watcher.broken = true;
}

void StreamWatchers::watch(Place place) {
  if (place->broken) return;
  const uint32_t events =
      uint32_t{EPOLLIN} | (place->channel.wants_write() ? uint32_t{EPOLLOUT} : 0U);
  if (events == place->watched) return;
  if (place->watched == 0) {
    const auto ready = [this, place](uint32_t what) { on_ready(place, what); };
    place->broken = !poller_.add(place->channel.fd(), events, ready).ok();
  } else {
    (void)poller_.modify(place->channel.fd(), events).ok();
  }
  place->watched = events;
}

void StreamWatchers::sweep() {
  std::erase_if(watchers_, [this](Watcher& watcher) {
    if (!watcher.broken) return false;
    poller_.cancel(watcher.timer);
    if (watcher.watched != 0) poller_.remove(watcher.channel.fd());
    return true;
  });
}

}  // namespace gd::agent

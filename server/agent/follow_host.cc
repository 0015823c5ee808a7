#include "server/agent/follow_host.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

namespace gd::agent {
namespace {

size_t index_of(StreamId stream) {
  return stream == StreamId::error ? 1 : 0;
}

Result<uint64_t> size_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return os_error("the size of the output file");
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::conflict, "its output goes to no plain file: nothing to follow"};
  }
  return static_cast<uint64_t>(std::max<off_t>(status.st_size, 0));
}

// Up to `most` bytes from `offset` on; none at the end, or where it cannot be read.
Bytes read_from(int fd, uint64_t offset, size_t most) {
  Bytes bytes(most, '\0');
  const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return bytes;
}

}  // namespace

size_t last_lines(std::string_view text, uint32_t lines) {
  if (lines == 0) return text.size();
  size_t at = text.size();
  if (at > 0 && text[at - 1] == '\n') --at;  // ends the last line
  for (uint32_t found = 0; at > 0; --at) {
    if (text[at - 1] == '\n' && ++found == lines) return at;
  }
  return 0;
}

FollowHost::~FollowHost() {
  poller_.cancel(timer_);
  while (!followers_.empty()) drop(followers_.begin()->first);
}

Result<void> FollowHost::attach(FrameChannel& channel, const StreamOpen& open) {
  if (followers_.size() >= kMaxFollowers) {
    return Error{ErrorCode::exhausted, "the step has " + std::to_string(followers_.size()) +
                                           " followers, the most it takes"};
  }
  const uint64_t id = next_id_++;
  Follower& follower = followers_[id];
  follower.channel = std::move(channel);
  follower.opening = open;
  if (begun_ || exit_) greet(follower);
  settle(id);
  if (followers_.contains(id)) on_ready(id, 0);  // what came together with the opening message
  schedule(kFollowPoll);
  return {};
}

void FollowHost::begin() {
  begun_ = true;
  for (auto& [id, follower] : followers_) greet(follower);
  pump_all();
}

void FollowHost::end(StreamExit exit) {
  exit_ = std::move(exit);
  for (auto& [id, follower] : followers_) {
    if (follower.opening) greet(follower);
  }
  pump_all();
}

// A step that never began has no files: its follower hears why.
void FollowHost::greet(Follower& follower) {
  const StreamOpen open = *std::exchange(follower.opening, std::nullopt);
  for (const StreamId stream : {StreamId::output, StreamId::error}) {
    if (!begun_) break;
    Result<File> file = open_file(stream, open);
    if (!file.ok()) return refuse(follower, file.error());
    follower.files[index_of(stream)] = std::move(file).take();
  }
  const StreamOpened opened{.job = job_,
                            .step = step_,
                            .output_at = follower.files[0].sent,
                            .error_at = follower.files[1].sent};
  send(follower, opened);
}

Result<FollowHost::File> FollowHost::open_file(StreamId stream, const StreamOpen& open) const {
  File file;
  file.fd = TRY(open_(stream));
  if (!file.fd.valid()) return file;
  const uint64_t size = TRY(size_of(file.fd.get()));
  const auto& asked = stream == StreamId::error ? open.error_from : open.output_from;
  if (asked) {
    file.offset = std::min(*asked, size);
    file.sent = *asked;  // truncated since: positions go on from where they were
  } else if (open.tail_lines) {
    const uint64_t from = size > kMaxTailBytes ? size - kMaxTailBytes : 0;
    const Bytes end = read_from(file.fd.get(), from, static_cast<size_t>(size - from));
    file.offset = file.sent = from + last_lines(end, *open.tail_lines);
  }
  file.acknowledged = file.sent;
  return file;
}

FollowHost::Left FollowHost::pump_file(Follower& follower, StreamId stream) {
  constexpr int kRounds = 4;  // whoever reads a large file must not keep the rest waiting
  File& file = follower.files[index_of(stream)];
  for (int round = 0; file.fd.valid() && round < kRounds; ++round) {
    const uint64_t credit =
        kMaxStreamWindow - std::min<uint64_t>(file.sent - file.acknowledged, kMaxStreamWindow);
    if (credit == 0 || follower.channel.backlog() >= kMaxFollowBacklog) return Left::nothing;
    const size_t most = std::min<size_t>(credit, kMaxStreamChunk);
    Bytes bytes = read_from(file.fd.get(), file.offset, most);
    if (bytes.empty()) {
      const Result<uint64_t> size = size_of(file.fd.get());
      if (!size.ok() || *size >= file.offset) return Left::nothing;
      file.offset = 0;
      continue;
    }
    const uint64_t position = file.sent;
    file.offset += bytes.size();
    file.sent += bytes.size();
    send(follower, StreamData{.stream = stream, .position = position, .bytes = std::move(bytes)});
    if (follower.gone) return Left::nothing;
  }
  return file.fd.valid() ? Left::more : Left::nothing;
}

FollowHost::Left FollowHost::pump(Follower& follower) {
  if (follower.gone || follower.opening || follower.exit_sent) return Left::nothing;
  bool more = false;
  bool all_sent = true;
  for (const StreamId stream : {StreamId::output, StreamId::error}) {
    if (pump_file(follower, stream) == Left::more) more = true;
    const File& file = follower.files[index_of(stream)];
    if (!file.fd.valid()) continue;
    const Result<uint64_t> size = size_of(file.fd.get());
    all_sent = all_sent && (!size.ok() || file.offset >= *size);
  }
  if (exit_ && all_sent && !follower.gone) {
    send(follower, *exit_);
    follower.exit_sent = !follower.gone;
  }
  return more ? Left::more : Left::nothing;
}

void FollowHost::pump_all() {
  std::vector<uint64_t> ids;
  for (const auto& [id, follower] : followers_) ids.push_back(id);
  bool more = false;
  for (const uint64_t id : ids) {
    if (pump(followers_.at(id)) == Left::more) more = true;
    settle(id);
  }
  if (!followers_.empty()) schedule(more ? Milliseconds{0} : kFollowPoll);
}

void FollowHost::schedule(Milliseconds delay) {
  poller_.cancel(timer_);
  timer_ = poller_.call_after(delay, [this] { pump_all(); });
}

// After anything that may have ended a follower, or filled her socket.
void FollowHost::settle(uint64_t id) {
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  Follower& follower = found->second;
  if (follower.gone) return drop(id);
  if (follower.exit_sent && !follower.channel.wants_write() && !delivered_) {
    delivered_ = true;
    if (on_delivered_) on_delivered_();
  }
  watch(id, follower);
}

void FollowHost::on_ready(uint64_t id, uint32_t events) {
  Follower& follower = followers_.at(id);
  bool alive = (events & EPOLLOUT) == 0 || follower.channel.flush().ok();
  if (alive && (events & ~uint32_t{EPOLLOUT}) != 0) {
    const Result<bool> more = follower.channel.fill();
    alive = more.ok() && *more;
  }
  while (!follower.gone) {
    Result<std::optional<Message>> message = follower.channel.next();
    if (!message.ok()) {
      refuse(follower, message.error());
    } else if (!*message) {
      break;
    } else if (const Result<void> done = handle(follower, **message); !done.ok()) {
      refuse(follower, done.error());
    }
  }
  if (!alive) return drop(id);
  if (pump(follower) == Left::more) schedule(Milliseconds{0});
  settle(id);
}

Result<void> FollowHost::handle(Follower& follower, const Message& message) {
  if (const auto* ack = std::get_if<StreamAck>(&message)) {
    File& file = follower.files[index_of(ack->stream)];
    if (ack->position > file.sent) {
      return Error{ErrorCode::invalid,
                   "byte " + std::to_string(ack->position) + " is acknowledged and was never sent"};
    }
    file.acknowledged = std::max(file.acknowledged, ack->position);
    return {};
  }
  if (const auto* ping = std::get_if<StreamPing>(&message)) {
    follower.gone = ping->bye;
    if (!follower.gone) send(follower, StreamPing{});
    return {};
  }
  // She only reads: what is meant for a program's input, terminal or signals is nobody's here.
  return Error{ErrorCode::invalid,
               "a follower has no use for " + std::string(name(type_of(message)))};
}

void FollowHost::send(Follower& follower, const Message& message) {
  if (!follower.channel.send(message).ok()) follower.gone = true;
}

void FollowHost::refuse(Follower& follower, const Error& error) {
  send(follower, ErrorReply{.code = error.code, .text = error.text});
  follower.gone = true;
}

void FollowHost::watch(uint64_t id, Follower& follower) {
  const uint32_t events =
      uint32_t{EPOLLIN} | (follower.channel.wants_write() ? uint32_t{EPOLLOUT} : 0U);
  if (events == follower.watched) return;
  if (follower.watched == 0) {
    const auto ready = [this, id](uint32_t what) { on_ready(id, what); };
    if (!poller_.add(follower.channel.fd(), events, ready).ok()) return drop(id);
  } else {
    (void)poller_.modify(follower.channel.fd(), events).ok();
  }
  follower.watched = events;
}

void FollowHost::drop(uint64_t id) {
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  if (found->second.watched != 0) poller_.remove(found->second.channel.fd());
  followers_.erase(found);
}

}  // namespace gd::agent

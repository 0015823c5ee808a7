#include "cmd/tree_session.h"

#include <algorithm>

#include "base/duration.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/job_wait.h"
#include "proto/paths.h"

namespace gd::cmd {
namespace {

constexpr Milliseconds kTick = 1s;

}  // namespace

StepRequest tree_step(JobId job, const std::vector<std::string>& arguments) {
  StepRequest step{.request = new_request_id(),
                   .job = job,
                   .name = "copy",
                   .argv = {std::string(kInsideClient) + "/gdtree"},
                   .sharing = StepSharing::overlap};
  step.argv.insert(step.argv.end(), arguments.begin(), arguments.end());
  return step;
}

void TreeSession::send(const std::vector<std::string>& paths, Folders folders) {
  sender_.emplace(paths, folders);
}

Result<void> TreeSession::receive_to(const std::string& target, size_t sources,
                                     ReceiveRules rules) {
  receiver_.emplace(TRY(
      TreeReceiver::open(target, sources, rules, [this](const std::string& text) { say(text); })));
  return {};
}

Result<int> TreeSession::run(const StepRequest& step) {
  StepReply reply = TRY(client_.ask<StepReply>(step));
  nodes_.resize(reply.access.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].name = reply.access[i].node;
    nodes_[i].stream = std::make_unique<StreamClient>(
        client_.sockets(), std::move(reply.access[i].access), client_.keys(), events(i));
    TRY(nodes_[i].stream->open(std::nullopt, ""));
  }
  ticked_ = progressed_ = boot_time();
  while (!done()) TRY(wait_for_news());
  return outcome();
}

bool TreeSession::done() const {
  return std::ranges::all_of(nodes_, [](const Node& node) { return node.exit.has_value(); });
}

Result<void> TreeSession::wait_for_news() {
  std::vector<WaitItem> items;
  for (const Node& node : nodes_) {
    if (!node.exit) items.emplace_back(node.stream->socket());
  }
  (void)wait(items, kTick);
  for (Node& node : nodes_) {
    if (node.exit) continue;
    Result<void> received = node.stream->receive();
    if (!received.ok()) return std::move(received).error().in(node.name);
  }
  TRY(std::exchange(trouble_, {}));
  send_more();
  return boot_time() - ticked_ < kTick ? Result<void>{} : tick();
}

Result<void> TreeSession::tick() {
  ticked_ = boot_time();
  std::vector<std::string> waits;
  for (Node& node : nodes_) {
    if (node.exit) continue;
    TRY(node.stream->tick());
    const bool busy = sent_all_ || !node.stream->is_open() || node.stream->input_room() == 0;
    if (busy) waits.push_back(node.name);
  }
  if (!patience_ || ticked_ - progressed_ <= *patience_) return {};
  return Error{ErrorCode::unavailable,
               join(waits, ", ") + ": nothing was taken for " + format_interval(*patience_)};
}

StreamEvents TreeSession::events(size_t at) {
  StreamEvents events;
  events.on_opened = [this](const StreamOpened&) { send_more(); };
  events.on_output = [this, at](StreamId stream, std::string_view bytes) {
    on_output(nodes_[at], stream, bytes);
  };
  events.on_exit = [this, at](const StreamExit& exit) {
    nodes_[at].exit = exit;
    progressed_ = boot_time();
  };
  events.on_gap = [this](uint64_t) {
    trouble_ = Error{ErrorCode::unavailable, "a part of the copy was lost"};
  };
  events.on_taken_over = [this] {
    trouble_ = Error{ErrorCode::conflict, "somebody has taken over the copy's step"};
  };
  return events;
}

void TreeSession::on_output(Node& node, StreamId stream, std::string_view bytes) {
  progressed_ = boot_time();
  if (stream == StreamId::error) {
    show_errors(node, bytes);
  } else if (receiver_) {
    Result<void> taken = receiver_->take(bytes);
    if (!taken.ok() && trouble_.ok()) trouble_ = std::move(taken);
  }
  node.stream->written(stream, bytes.size());
}

// That all nodes take which still do.
size_t TreeSession::room() const {
  size_t least = kMaxStreamWindow;
  for (const Node& node : nodes_) {
    if (node.exit) continue;
    // The first to be opened is told so before the others have their streams.
    const bool open = node.stream != nullptr && node.stream->is_open();
    least = std::min(least, open ? node.stream->input_room() : 0);
  }
  return least;
}

// As much as the windows take; a frame is never more than that.
void TreeSession::send_more() {
  if (!sender_ || sent_all_) return;
  while (true) {
    const size_t most = room();
    if (most == 0) return;
    if (frames_.empty()) frames_ = sender_->next();
    if (frames_.empty()) break;
    const std::string piece = frames_.substr(0, most);
    for (const Node& node : nodes_) {
      if (!node.exit) node.stream->send_input(piece);
    }
    frames_.erase(0, piece.size());
    progressed_ = boot_time();
  }
  sent_all_ = true;
  for (const Node& node : nodes_) {
    if (!node.exit) node.stream->end_input();
  }
}

void TreeSession::show_errors(Node& node, std::string_view bytes) {
  node.errors += bytes;
  for (size_t end = 0; (end = node.errors.find('\n')) != std::string::npos;) {
    say(prefix(node) + printable(std::string_view(node.errors).substr(0, end), 4096));
    node.errors.erase(0, end + 1);
  }
  if (node.errors.size() > kMaxTextBytes) node.errors.clear();
}

std::string TreeSession::prefix(const Node& node) const {
  return nodes_.size() == 1 ? "" : node.name + ": ";
}

void TreeSession::say(const std::string& text) {
  ++said_;
  context_.warn(text);
}

Result<int> TreeSession::outcome() const {
  bool failed = false;
  for (const Node& node : nodes_) {
    if (!node.exit->error.empty()) {
      return Error{ErrorCode::conflict, prefix(node) + node.exit->error};
    }
    failed = failed || shell_code(node.exit->exit) != 0;
  }
  if (receiver_ && !receiver_->done()) {
    return Error{ErrorCode::unavailable, "the copy was broken off in the middle"};
  }
  if (!failed && said_ == 0) return kExitDone;
  if (said_ == 0) return Error{ErrorCode::conflict, "the copy's step in the job was ended"};
  return kExitRefused;
}

}  // namespace gd::cmd

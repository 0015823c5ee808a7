// Files between here and a job, by a step of it that runs gdtree (server/agent/tree_main.cc) on
// one or on several of its nodes: what is here is a sender to all of them, or a receiver from one.
//
// All nodes get the same bytes, as fast as the slowest takes them. A node whose gdtree has ended,
// for it could not go on, holds nobody back. What went wrong there is told here, a line each.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/client.h"
#include "cmd/context.h"
#include "cmd/stream_client.h"
#include "proto/tree_receive.h"
#include "proto/tree_send.h"

namespace gd::cmd {

// gdtree with these arguments, beside the job's other steps.
StepRequest tree_step(JobId job, const std::vector<std::string>& arguments);

class TreeSession {
 public:
  TreeSession(Client& client, Context& context) : client_(client), context_(context) {}
  TreeSession(const TreeSession&) = delete;
  TreeSession& operator=(const TreeSession&) = delete;

  // One of the two, once.
  void send(const std::vector<std::string>& paths, Folders folders);
  Result<void> receive_to(const std::string& target, size_t sources, ReceiveRules rules);
  // So long without any progress is an error; not set: as long as the nodes answer.
  void give_up_after(Seconds patience) { patience_ = patience; }

  // Exit code; an error for what ended the copy as a whole.
  Result<int> run(const StepRequest& step);

 private:
  struct Node {
    std::string name;
    std::unique_ptr<StreamClient> stream;
    std::string errors;  // the beginning of a line
    std::optional<StreamExit> exit;
  };
  StreamEvents events(size_t at);
  Result<void> wait_for_news();
  Result<void> tick();
  void on_output(Node& node, StreamId stream, std::string_view bytes);
  void send_more();
  [[nodiscard]] size_t room() const;
  void show_errors(Node& node, std::string_view bytes);
  void say(const std::string& text);
  [[nodiscard]] bool done() const;
  [[nodiscard]] std::string prefix(const Node& node) const;
  [[nodiscard]] Result<int> outcome() const;

  Client& client_;
  Context& context_;
  std::optional<TreeSender> sender_;
  std::optional<TreeReceiver> receiver_;
  std::optional<Seconds> patience_;
  std::vector<Node> nodes_;
  Bytes frames_;  // of the sender's, not yet taken by the streams
  bool sent_all_ = false;
  size_t said_ = 0;
  Milliseconds ticked_{};
  Milliseconds progressed_{};
  Result<void> trouble_;
};

}  // namespace gd::cmd

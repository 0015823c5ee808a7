// What jobs would get on this node, asked by the controller: one short gdshep --explain each.
//
// gdnoded has threads and must not take on users' rights, so a process of its own judges; it
// gets the launch by a memory file and answers in lines (step_explain.h). A question beyond
// kMaxExplaining at once, and one not answered within kExplainTime, is answered by an error.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/poller.h"
#include "base/process.h"
#include "base/result.h"
#include "proto/messages_node.h"

namespace gd::agent {

inline constexpr size_t kMaxExplaining = 8;
inline constexpr Milliseconds kExplainTime = 15s;
inline constexpr size_t kMaxExplainBytes = size_t{256} << 10;

class Explainer {
 public:
  using Answer = std::function<void(const NodeExplained&)>;

  Explainer(Poller& poller, std::string program, std::string settings, Answer answer)
      : poller_(poller),
        program_(std::move(program)),
        settings_(std::move(settings)),
        answer_(std::move(answer)) {}
  Explainer(const Explainer&) = delete;
  Explainer& operator=(const Explainer&) = delete;
  ~Explainer();

  void explain(const NodeExplain& question);

 private:
  struct Run {
    uint64_t number = 0;
    Pidfd child;
    UniqueFd output;
    std::string said;
    TimerId timer = TimerId::none;
  };
  Result<void> start(const NodeExplain& question);
  void on_output(int fd);
  void finish(int fd, const std::string& error);

  Poller& poller_;
  std::string program_;
  std::string settings_;
  Answer answer_;
  std::map<int, Run> runs_;  // by output
};

// The lines of gdshep --explain: "line TEXT", "refused TEXT", last "done" or "error CODE TEXT".
NodeExplained parse_explanation(uint64_t number, std::string_view said);

}  // namespace gd::agent

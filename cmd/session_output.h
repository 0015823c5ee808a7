// One of the two outputs of a session: written without blocking, with labels if asked for.
//
// Without labels each byte is acknowledged as it is written. With them, all that has come is
// acknowledged whenever nothing is left to write: what is held of an unfinished line is bounded by
// LineLabels::kMaxHeldLine, and the rest by the stream's window.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cmd/fd_writer.h"
#include "cmd/line_labels.h"

namespace gd::cmd {

class SessionOutput {
 public:
  // An empty label: none.
  SessionOutput(int fd, const std::string& label) : writer_(fd) {
    if (!label.empty()) labels_.emplace(label);
  }

  void start(Poller& poller, std::function<void(size_t)> acknowledge) {
    acknowledge_ = std::move(acknowledge);
    writer_.start(poller, [this](size_t count) {
      if (!labels_) return acknowledge_(count);
      if (writer_.idle()) acknowledge_all();
    });
  }
  void add(std::string_view bytes) {
    if (!labels_) return writer_.add(bytes);
    received_ += bytes.size();
    const std::string text = labels_->take(bytes);
    if (!text.empty()) writer_.add(text);
    if (writer_.idle()) acknowledge_all();
  }
  // Nothing more will come.
  void end() {
    const std::string rest = labels_ ? labels_->finish() : std::string();
    if (!rest.empty()) writer_.add(rest);
  }
  [[nodiscard]] bool idle() const { return writer_.idle(); }
  [[nodiscard]] int error() const { return writer_.error(); }

 private:
  void acknowledge_all() {
    if (const size_t count = std::exchange(received_, 0); count > 0) acknowledge_(count);
  }

  FdWriter writer_;
  std::optional<LineLabels> labels_;
  std::function<void(size_t)> acknowledge_;
  size_t received_ = 0;  // and not acknowledged
};

}  // namespace gd::cmd

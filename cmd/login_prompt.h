// How gdlogin asks: on the terminal, with the echo off for secrets, or, when standard
// input is no terminal, a line of it for each question that wants an answer.
//
// The terminal gets its echo back on every way out: an answer, an error, a signal
// that ends or stops the process.
#pragma once

#include "cmd/login_client.h"

namespace gd::cmd {

inline constexpr size_t kMaxTypedBytes = 511;  // PAM's own limit

class StandardPrompter final : public Prompter {
 public:
  StandardPrompter(int input, int output) : input_(input), output_(output) {}
  Result<std::string> ask(PromptKind kind, const std::string& text) override;

 private:
  Result<std::string> read_line();
  Result<std::string> read_secret(const std::string& text);

  int input_;
  int output_;
};

}  // namespace gd::cmd

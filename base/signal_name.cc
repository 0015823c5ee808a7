// Signals by name. Real-time ones are told from SIGRTMIN on, as kill(1) does.
// Declared in process.h.
#include <csignal>
#include <cstring>

#include "base/process.h"
#include "base/text.h"

namespace gd {

Result<int> parse_signal(std::string_view text) {
  const Error unknown{ErrorCode::invalid, "'" + printable(text) +
                                              "' is not a signal; write a name as TERM or a "
                                              "number from 1 to " +
                                              std::to_string(SIGRTMAX)};
  const Result<int> number = parse_number<int>(text, 1, SIGRTMAX);
  if (number.ok()) return number;
  std::string name = to_upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (name == signal_name(signal)) return signal;
  }
  if (name == "IOT") return SIGABRT;
  if (name == "CLD") return SIGCHLD;
  if (name == "POLL") return SIGIO;
  if (name == "RTMAX") return SIGRTMAX;
  std::string_view offset = name;
  if (take_prefix(offset, "RTMAX-")) {
    const Result<int> below = parse_number<int>(offset, 0, SIGRTMAX - SIGRTMIN);
    if (below.ok()) return SIGRTMAX - *below;
  }
  return unknown;
}

std::string signal_name(int signal) {
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) {
    const int offset = signal - SIGRTMIN;
    return offset == 0 ? "RTMIN" : "RTMIN+" + std::to_string(offset);
  }
  if (signal == SIGIO) return "IO";  // which the C library calls POLL
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? name : std::to_string(signal);
}

}  // namespace gd

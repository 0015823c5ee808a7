#include "proto/cpu_bind.h"

#include "base/text.h"

namespace gd {

Result<CpuBindChoice> parse_cpu_bind(std::string_view text) {
  CpuBindChoice choice;
  for (const std::string_view word : split(text, ',')) {
    if (word == "none" || word == "no") {
      choice.unit = CpuBind::none;
    } else if (word == "threads") {
      choice.unit = CpuBind::threads;
    } else if (word == "cores") {
      choice.unit = CpuBind::cores;
    } else if (word == "sockets") {
      choice.unit = CpuBind::sockets;
    } else if (word == "v" || word == "verbose") {
      choice.verbose = true;
    } else if (word == "q" || word == "quiet") {
      choice.verbose = false;
    } else {
      return Error{ErrorCode::usage, "'" + printable(word, 60) +
                                         "' is none of none, threads, cores, sockets, verbose, "
                                         "quiet: processors are not named one by one"};
    }
  }
  return choice;
}

std::string_view to_string(CpuBind unit) {
  switch (unit) {
    case CpuBind::none: break;
    case CpuBind::threads: return "threads";
    case CpuBind::cores: return "cores";
    case CpuBind::sockets: return "sockets";
  }
  return "none";
}

}  // namespace gd

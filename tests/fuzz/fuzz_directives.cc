// #SBATCH lines of any script: no crash, words that quoting gives back.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "cmd/directives.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = gd::cmd::read_directives(text);
  if (!read.ok()) return 0;
  for (const gd::cmd::Directive& directive : *read) {
    std::string line;
    for (const std::string& word : directive.words) line += " " + gd::shell_quote(word);
    const auto again = gd::cmd::split_shell_words(line);
    if (!again.ok() || *again != directive.words) std::abort();
  }
  return 0;
}

// What gdctl shows: records, keys, the controller's health.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "cmd/context.h"
#include "cmd/gdctl.h"

namespace gd::cmd {

Result<int> show_words(const CtlOptions& options, Context& context,
                       std::span<const std::string> words);
Result<int> write_words(const CtlOptions& options, Context& context,
                        std::span<const std::string> words);
Result<int> list_keys(const CtlOptions& options, Context& context, const std::string& user);
Result<int> ping(const CtlOptions& options, Context& context, std::span<const std::string> words);

// Z85 has characters that user names have not; a short or plain word is a name.
bool look_like_key(std::string_view word);

}  // namespace gd::cmd

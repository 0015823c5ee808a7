// A squashfs, SIF or erofs file of a user's as an image of the store.
//
// The file is copied first, of a SIF file its squashfs alone, for an id that nobody has; a tool
// that runs as that id, without a network, turns it into a tar stream; and that goes through the
// same sandbox as every layer. The image's digest is made of the stream's: the same content has
// the same one. What /etc/environment of the tree sets is the image's environment.
//
// REQUIRES: root, one thread, SIGPIPE ignored.
#pragma once

#include <string>

#include "base/result.h"
#include "server/image/pull.h"
#include "server/image/store.h"

namespace gd::image {

// `stage` is a folder of the store's; the digest comes back. Errors: not what its name says it
// is (invalid), no tool for it on this node (unavailable), what unpacking refuses.
Result<std::string> build_from_file(const Store& store, const PullOrder& order,
                                    const std::string& stage);

// NAME=value lines, with "export", quotes and comments as shells take them; others are skipped.
std::vector<std::string> parse_environment_file(std::string_view text);

// `there` with a line for each of `variables` (NAME=value) that it does not set. Pure.
std::string add_environment(const std::string& there, const std::vector<std::string>& variables);

}  // namespace gd::image

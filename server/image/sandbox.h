// unpack_layer() in a process that can do nothing else.
//
// It is uid 0 of a user namespace whose ids are the subordinate range, so nobody of the node; its
// root is the folder that it fills; it has no network, no other processes' sight and no
// privilege to gain. What it is fed is hashed here, by the one who trusts nobody: content and
// digest cannot differ. On disk, id N of the image is ids.start + N.
//
// REQUIRES: root, one thread, SIGPIPE ignored.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "server/image/manifest.h"
#include "server/image/unpack.h"

namespace gd::image {

struct IdRange {
  uint32_t start = 0;
  uint32_t count = 65536;
};

// `archive`: a file or pipe; `tree`: a folder that belongs to ids.start. An expected digest that
// is empty is whatever it is, and an expected size then the most. The error says what was refused.
Result<Unpacked> unpack_in_sandbox(int archive, const Blob& expected, int tree, const IdRange& ids,
                                   const UnpackLimits& limits);

}  // namespace gd::image

// gdstore's half of --container-save: which ids, which files, which image is below. See
// step_save.h for who asks.
//
// What gd itself has put into the container is not saved: of /etc/hosts and /etc/resolv.conf, and
// of /etc/passwd and /etc/group without root inside, the image's own stay. A squashfs has no
// place for an image's environment: it goes to /etc/environment, where gd and enroot read it.
#pragma once

#include "base/result.h"
#include "server/agent/shepherd_settings.h"
#include "server/agent/step_folder.h"

namespace gd::agent {

// `tree` and `file` as image::SaveOrder; the file's size comes back. `digest`: of the image below,
// which the caller holds. REQUIRES: root, one thread, SIGPIPE ignored.
Result<uint64_t> save_container(const ShepherdSettings& settings, const StepFolder& step,
                                const std::string& digest, int tree, int file);

}  // namespace gd::agent

// The allow list of the standard profile, by name.
//
// What a program without any capability can use: the calls of ordinary computation, files,
// sockets, memory, processes and signals. Not here: mounts, namespaces, modules, keyrings,
// tracing of the kernel, clocks' setting, swap, quotas, bpf, io_uring, userfaultfd. Calls
// that are allowed only with certain arguments are in seccomp.cc.
#pragma once

#include <array>
#include <span>

namespace gd::container {

std::span<const char* const> standard_allow_list();

}  // namespace gd::container

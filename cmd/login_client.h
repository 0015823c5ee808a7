// The client's identity: its key file, silent enrolment, and the login dialogue.
//
//   key file   $GD_KEY, or ~/.config/gd/CLUSTER.key; 0600, ours, no symbolic link
//              line 1: PUBLIC SECRET
//              line 2, optional: CONTROLLER CONTROLLER_KEY [job ID]
//
// A new enrolment always makes a new pair: an old public key, which others may have
// seen, is never bound again. Line 2 is what the enrolment told, for machines without
// a controller.pub. Jobs' keys carry it too, and say whose they are: such a key is never
// renewed, since who holds it has that job's rights and no others.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "proto/ids.h"
#include "proto/messages_identity.h"
#include "proto/paths.h"
#include "proto/socket.h"

namespace gd::cmd {

struct LoginSettings {
  std::string cluster;
  std::string run_dir;
  std::string controller;      // host:port
  std::string controller_key;  // of controller.pub; empty: as the key file or the enrolment says
};

struct Identity {
  CurveKeys keys;
  std::string controller;
  std::string controller_key;
  std::optional<JobId> job;  // the key is this job's own
};

Result<std::string> key_file_path(const LoginSettings& settings);

// The key file's, or a new one enrolled by the unix sockets of this machine. Else
// ErrorCode::unauthenticated: "not logged in to cluster X: run gdlogin". No network.
Result<Identity> ensure_identity(const LoginSettings& settings);

// After the controller answered ErrorCode::unauthenticated: enrols a new key, silently,
// unless the file has changed meanwhile (then that one is given). To be tried once.
// A job's key is not renewed: the error says so.
Result<Identity> renew_identity(const LoginSettings& settings, const Identity& rejected);

// How the dialogue asks its person; a terminal, or lines of standard input.
struct Prompter {
  virtual ~Prompter() = default;
  virtual Result<std::string> ask(PromptKind kind, const std::string& text) = 0;
};

// The PAM conversation with the controller, for a new key; stored when it is done.
Result<LoginDone> login(const LoginSettings& settings, const std::string& user, Prompter& prompter,
                        SocketContext& context);

}  // namespace gd::cmd

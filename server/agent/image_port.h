// Where local users ask about this node's images: a unix socket, one line a connection.
//
//   list | pull NAME | remove NAME          everybody, for what is hers or everybody's
//   containers | discard [USER/]NAME        everybody, for what is hers; root for all
//   remove-shared NAME | prune MIB | verify root
//
// Who asks is the kernel's word (SO_PEERCRED). The answer is gdstore's: it is started with the
// connection as its standard output, so that nothing of it passes through here. A client that
// does not finish its line within kImageClientTime is dropped. Prunes by itself, too, and sweeps
// job directories (job_dirs.h).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/poller.h"
#include "base/process.h"
#include "base/result.h"

namespace gd::agent {

inline constexpr size_t kMaxImageClients = 64;
inline constexpr size_t kMaxImageLineBytes = 2048;
inline constexpr Milliseconds kImageClientTime = 10s;
inline constexpr Milliseconds kPruneEvery = 600s;

struct ImagePortSettings {
  std::string socket;    // path
  std::string program;   // gdstore
  std::string settings;  // its file
  uint64_t keep_mib = 0;
};

// The arguments of gdstore for a request of this user, or why she may not. Pure.
Result<std::vector<std::string>> store_arguments(std::string_view line, uid_t uid);

class ImagePort {
  struct Badge {};  // only create() has one

 public:
  static Result<std::unique_ptr<ImagePort>> create(Poller& poller, ImagePortSettings settings);
  ImagePort(Badge, Poller& poller, ImagePortSettings settings, UniqueFd listening)
      : poller_(poller), settings_(std::move(settings)), listening_(std::move(listening)) {}
  ImagePort(const ImagePort&) = delete;
  ImagePort& operator=(const ImagePort&) = delete;
  ~ImagePort();

 private:
  struct Client {
    UniqueFd fd;
    uid_t uid = 0;
    std::string line;
    TimerId timer = TimerId::none;
  };
  void on_connect();
  void on_readable(int fd);
  void serve(Client client);
  void prune();
  void run(const std::vector<std::string>& arguments, int output);
  void drop(int fd);

  Poller& poller_;
  ImagePortSettings settings_;
  UniqueFd listening_;
  std::map<int, Client> clients_;  // by descriptor, until their line is whole
  std::map<int, Pidfd> children_;  // by pidfd
};

}  // namespace gd::agent

// The names of files that more than one process must know.
//
//   <config>                    GD_CONF or /etc/gd/gd.conf
//   <state_dir>/                gdctld: db/, controller.key, ticket.key
//   <run_dir>/gdauthd.sock      enrolment on the controller's host (SO_PEERCRED)
//   <run_dir>/gdnoded.sock      enrolment through a node that may vouch
//   <run_dir>/images.sock       a node's images, for its users (gdimage)
//   <key file>                  of a user: ~/.config/gd/CLUSTER.key, 0600: "public secret\n"
//   <controller key file>       /etc/gd/controller.pub, 0644: Z85 public key of the controller
#pragma once

#include <string>

namespace gd {

inline constexpr char kDefaultConfig[] = "/etc/gd/gd.conf";
inline constexpr char kConfigVariable[] = "GD_CONF";
inline constexpr char kAuthSocketName[] = "gdauthd.sock";
inline constexpr char kNodeSocketName[] = "gdnoded.sock";
inline constexpr char kImageSocketName[] = "images.sock";
inline constexpr char kControllerKeyFile[] = "/etc/gd/controller.pub";

// Inside of a job's container, where gd's commands find their cluster and their key whatever
// the image is. /run is the job's own and no user's mount is laid over it.
inline constexpr char kInsideClient[] = "/run/gd/client";         // the commands; last on PATH
inline constexpr char kInsideTasks[] = "/run/gd/client/gdtasks";  // runs a step's tasks
inline constexpr char kInsideConfig[] = "/run/gd/gd.conf";
inline constexpr char kInsideControllerKey[] = "/run/gd/controller.pub";
inline constexpr char kInsideKey[] = "/run/gd/key";  // 0600, the user's

inline constexpr char kKeyVariable[] = "GD_KEY";
inline constexpr int kDefaultPort = 6820;
inline constexpr int kDefaultStreamPort = 6821;

std::string config_path();  // from the environment, or the default

}  // namespace gd

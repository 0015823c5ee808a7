// JobSpec: what somebody asked for. A plain value, the same from the command line
// to the disk; "not given" is an empty optional or an empty text, never a number.
//
// The script and the environment are not in it: they travel beside it once and
// are stored by digest (proto/job_record.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "proto/cpu_bind.h"
#include "proto/ids.h"
#include "proto/mail.h"
#include "proto/resources.h"

namespace gd {

enum class JobKind : uint8_t {
  batch = 0,
  interactive = 1,  // a command with its stdio at the client: gdrun, gdsh
  allocation = 2,   // resources without a process: salloc
};

enum class OpenMode : uint8_t { by_cluster = 0, truncate = 1, append = 2 };

struct ImageSpec {
  std::string name;          // "host", an absolute directory, ...; empty: the cluster's default
  bool root_inside = false;  // uid 0 inside, the user outside
  bool no_network = false;
  bool read_only = false;   // not even the writable layer
  bool no_home = false;     // the home is not mounted
  bool entrypoint = false;  // the image's own command goes before the job's
  std::string workdir;      // inside; empty: the submit folder, or the image's
  std::vector<std::string>
      env;                     // variables that the submitter's environment decides, not the image
  std::string digest;          // "sha256:...": no other image of that name; empty: whichever it is
  std::string container;       // what is written on the image is kept on the node by this name
  bool container_new = false;  // and none of that name may be there before
  std::string save;            // file for the container as an image, a pattern; empty: none
  bool operator==(const ImageSpec&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("name", self.name);
    field("root", self.root_inside);
    field("nonet", self.no_network);
    field("ro", self.read_only);
    field("nohome", self.no_home);
    field("entry", self.entrypoint);
    field("workdir", self.workdir);
    field("env", self.env);
    field("digest", self.digest);
    field("keep", self.container);
    field("new", self.container_new);
    field("save", self.save);
  }
};

struct JobSpec {
  JobKind kind = JobKind::batch;
  std::string name;
  std::string partition;  // one name, or several with commas; empty: the default
  std::string account;
  std::string qos;
  std::string comment;
  std::string wckey;           // a word of the user's own, for accounting
  std::string mail_user;       // empty: the job's user, on the controller's machine
  MailEvents mail_events = 0;  // of which mail is sent: proto/mail.h

  // How much. Memory is per node unless per cpu is given; both is refused.
  uint32_t nodes_min = 1;
  std::optional<uint32_t> nodes_max;
  std::optional<uint32_t> tasks;
  std::optional<uint32_t> tasks_per_node;
  std::optional<uint32_t> cpus_per_task;
  std::optional<uint64_t> memory_per_node_mib;
  std::optional<uint64_t> memory_per_cpu_mib;
  std::vector<GresCount> gres_per_node;
  std::string constraint;  // node features
  std::string node_list;   // hostlists, folded
  std::string exclude;
  bool exclusive = false;
  std::vector<GresCount> licences;  // of the cluster, each name once
  std::string reservation;          // to run in; empty: outside of all

  // When.
  std::optional<Seconds> time_limit;
  std::optional<TimePoint> begin;
  std::optional<TimePoint> deadline;
  std::string dependency;                   // as it was asked for: proto/dependency.h
  bool kill_on_invalid_dependency = false;  // one that can never be satisfied ends the job
  bool hold = false;
  std::optional<bool> requeue;  // empty: the cluster's default
  // Out of memory, it runs again with more, up to this, per node or per cpu as it asked; 0 asks
  // the controller to say how much. Empty: it ends.
  std::optional<uint64_t> retry_oom_mib;
  int32_t nice = 0;
  std::optional<uint32_t> priority;
  std::string array;  // elements and limit: proto/index_set.h; empty: no array
  std::string cron;   // base/cron_schedule.h: when its crontab has it run; empty: it is of none
  uint32_t cron_line = 0;  // of that crontab

  // What runs, and where its streams go (patterns with %j and so on).
  std::vector<std::string> argv;  // batch: the script's arguments; else the command
  std::string chdir;
  std::string input;
  std::string output;
  std::string error;  // empty: as output
  OpenMode open_mode = OpenMode::by_cluster;
  bool pty = false;
  bool cyclic = false;  // tasks are numbered over the nodes in turn, not node by node
  CpuBindChoice cpu_bind;
  std::string programs;  // interactive: what its tasks run, if not all the same: multi_prog.h
  ImageSpec image;
  std::vector<std::string> mounts;   // SRC:DST[:flags]
  std::vector<std::string> devices;  // names of CDI: VENDOR/CLASS=NAME
  // Somebody reads its output as it comes: the node waits for her at the end.
  bool followed = false;
  bool stays = false;  // interactive: once it runs it lives on while nobody is at its terminal
  std::string record;  // file for a recording of its terminal, a pattern; empty: none
  std::string submit_host;
  std::string submit_dir;
  std::string command;  // the script's path as typed, for scontrol and squeue

  // Signal to send so long before the time limit; Slurm's --signal.
  std::optional<int32_t> warn_signal;
  Seconds warn_before{60};
  bool warn_batch_only = false;

  bool operator==(const JobSpec&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("kind", self.kind);
    field("name", self.name);
    field("part", self.partition);
    field("acct", self.account);
    field("qos", self.qos);
    field("comment", self.comment);
    field("nodes", self.nodes_min);
    field("nodes_max", self.nodes_max);
    field("tasks", self.tasks);
    field("tpn", self.tasks_per_node);
    field("cpt", self.cpus_per_task);
    field("mem", self.memory_per_node_mib);
    field("mem_cpu", self.memory_per_cpu_mib);
    field("gres", self.gres_per_node);
    field("constraint", self.constraint);
    field("nodelist", self.node_list);
    field("exclude", self.exclude);
    field("exclusive", self.exclusive);
    field("time", self.time_limit);
    field("begin", self.begin);
    field("deadline", self.deadline);
    field("dependency", self.dependency);
    field("kill_dep", self.kill_on_invalid_dependency);
    field("hold", self.hold);
    field("requeue", self.requeue);
    field("retry_oom", self.retry_oom_mib);
    field("nice", self.nice);
    field("priority", self.priority);
    field("argv", self.argv);
    field("chdir", self.chdir);
    field("in", self.input);
    field("out", self.output);
    field("err", self.error);
    field("open_mode", self.open_mode);
    field("pty", self.pty);
    field("cyclic", self.cyclic);
    field("cpu_bind", self.cpu_bind);
    field("programs", self.programs);
    field("image", self.image);
    field("mounts", self.mounts);
    field("devices", self.devices);
    field("host", self.submit_host);
    field("submit_dir", self.submit_dir);
    field("command", self.command);
    field("warn_sig", self.warn_signal);
    field("warn_before", self.warn_before);
    field("warn_batch", self.warn_batch_only);
    field("array", self.array);
    field("cron", self.cron);
    field("cron_line", self.cron_line);
    field("wckey", self.wckey);
    field("mail_user", self.mail_user);
    field("mail", self.mail_events);
    field("followed", self.followed);
    field("stays", self.stays);
    field("record", self.record);
    field("lic", self.licences);
    field("resv", self.reservation);
  }
};

// Tasks times cpus, as Slurm counts them.
[[nodiscard]] uint32_t total_cpus(const JobSpec& spec);

}  // namespace gd

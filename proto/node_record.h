// What a node found out about itself, and what the controller keeps of it.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "proto/ids.h"
#include "proto/job_state.h"
#include "proto/resources.h"

namespace gd {

struct NodeInfo {  // measured by the node; configuration can only restrict it
  std::string name;
  std::string version;  // of gd
  std::string boot_id;  // the kernel's: another one means that everything there has ended
  Resources total;
  uint32_t sockets = 1;
  uint32_t cores_per_socket = 1;
  uint32_t threads_per_core = 1;
  uint64_t tmp_disk_mib = 0;
  std::vector<std::string> features;  // found, plus those that its own configuration adds
  std::string os;                     // "Linux 6.1.0-18-amd64"
  std::string architecture;
  std::string cgroup;          // "v2", "v1", "hybrid"
  std::string stream_address;  // host:port for interactive stdio
  std::string stream_key;      // CURVE public key of that port, Z85
  bool operator==(const NodeInfo&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("name", self.name);
    field("version", self.version);
    field("boot", self.boot_id);
    field("total", self.total);
    field("sockets", self.sockets);
    field("cores", self.cores_per_socket);
    field("threads", self.threads_per_core);
    field("tmp", self.tmp_disk_mib);
    field("features", self.features);
    field("os", self.os);
    field("arch", self.architecture);
    field("cgroup", self.cgroup);
    field("stream", self.stream_address);
    field("stream_key", self.stream_key);
  }
};

struct NodeRecord {
  std::string name;
  NodeInfo info;  // as last reported
  NodeState state = NodeState::unknown;
  bool drained = false;   // takes no new jobs
  bool set_down = false;  // by an administrator: stays down until it is resumed
  std::string reason;     // why drained or down
  Uid reason_uid = 0;
  TimePoint reason_time{};
  bool may_vouch = false;  // trusted to say who its local users are
  TimePoint last_heard{};  // not durable: zero after a restart
  bool operator==(const NodeRecord&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("name", self.name);
    field("info", self.info);
    field("state", self.state);
    field("drained", self.drained);
    field("set_down", self.set_down);
    field("reason", self.reason);
    field("by", self.reason_uid);
    field("since", self.reason_time);
    field("vouch", self.may_vouch);
    field("heard", self.last_heard);
  }
};

// What a key may speak as. Kept by fingerprint of the CURVE public key.
enum class KeyKind : uint8_t { user = 0, node = 1, job = 2 };

struct KeyRecord {
  std::string public_key;  // Z85, 40 characters
  KeyKind kind = KeyKind::user;
  Uid uid = 0;
  Gid gid = 0;       // primary, as PAM's host knew it at enrolment
  std::string name;  // the user's or the node's name
  uint32_t job = 0;  // of a job key
  TimePoint made{};
  TimePoint expires{};  // zero: never
  std::string made_by;  // "pam", "peer", "vouched:NODE", "token", "job"
  bool operator==(const KeyRecord&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("key", self.public_key);
    field("kind", self.kind);
    field("uid", self.uid);
    field("gid", self.gid);
    field("name", self.name);
    field("job", self.job);
    field("made", self.made);
    field("expires", self.expires);
    field("by", self.made_by);
  }
};

// The secret half of a job's key, kept so that a launch which is sent again carries the same
// one. Of one life of the job: gone in the batch in which that ends.
struct JobKeyRecord {
  JobId job;
  LaunchNumber launch;
  std::string public_key;  // Z85, 40 characters each
  std::string secret_key;
  bool operator==(const JobKeyRecord&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("job", self.job);
    field("launch", self.launch);
    field("key", self.public_key);
    field("secret", self.secret_key);
  }
};

// A join token, kept by the digest of its secret until it is used or expires.
struct JoinTokenRecord {
  Digest digest;
  std::string node;  // the only name that may join with it; empty: any one
  bool may_vouch = false;
  TimePoint expires{};
  Uid made_by = 0;
  bool operator==(const JoinTokenRecord&) const = default;

  static constexpr void visit(auto& self, auto&& field) {
    field("digest", self.digest);
    field("node", self.node);
    field("vouch", self.may_vouch);
    field("expires", self.expires);
    field("by", self.made_by);
  }
};

}  // namespace gd

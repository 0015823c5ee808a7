// The agent's side of its shepherds: starts them, finds them again, passes orders on, hears
// how their steps are, and notices when one has gone.
//
// A step's folder says all that must be known to find its shepherd after the agent's death.
// The listening socket in it is made here and handed to the shepherd, so that there is no
// time in which a shepherd lives and cannot be reached. A shepherd that has gone without an
// end on file was killed: its container went with it (the kernel's doing), what is left of
// its groups is removed here, and the folder says "lost" before anybody is told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/poller.h"
#include "base/process.h"
#include "base/result.h"
#include "proto/messages_stream.h"
#include "server/agent/frame.h"
#include "server/agent/step_folder.h"
#include "server/container/cgroup.h"

namespace gd::agent {

inline constexpr size_t kMaxSteps = 20000;                   // of a node, at once
inline constexpr size_t kMaxOrderBacklog = size_t{1} << 20;  // bytes a shepherd may leave unread

struct ShepherdPaths {
  std::string program;   // gdshep
  std::string settings;  // file of shepherd_settings.h
  std::string jobs_dir;
  std::string boot_id;
};

struct LinkEvents {
  std::function<void(const StepStatus&)> on_status;
  std::function<void(const StepKey&, const std::string& reason)> on_lost;
  std::function<void(StepSample)> on_sample;
};

class ShepherdLinks {
 public:
  ShepherdLinks(Poller& poller, ShepherdPaths paths, container::Tree tree, LinkEvents events)
      : poller_(poller),
        paths_(std::move(paths)),
        tree_(std::move(tree)),
        events_(std::move(events)) {}
  ~ShepherdLinks();
  ShepherdLinks(const ShepherdLinks&) = delete;
  ShepherdLinks& operator=(const ShepherdLinks&) = delete;

  // Folder, mark, process. A folder that is there and was not started is used; one that was
  // is a conflict: it may have run. Any other error says that no shepherd was started.
  Result<void> start(const StepLaunch& launch);
  // A living shepherd's folder, after a restart of the agent.
  Result<void> adopt(const StepKey& key, pid_t shepherd);
  void order(const StepKey& key, const ShepherdOrder& order);  // to nobody: dropped
  // The shepherd leaves and the folder goes, now or when its client has read the rest.
  void forget(const StepKey& key);

  // Of a step that has a folder here; for who is to look at its streams.
  [[nodiscard]] const StepFolder* folder(const StepKey& key) const;
  [[nodiscard]] size_t size() const { return links_.size(); }

  // Groups and folders of dead shepherds.
  void clean_up_after(const StepKey& key, const StepFolder& folder);

 private:
  struct Link {
    StepFolder folder;
    Pidfd shepherd;
    bool child = false;
    bool forgetting = false;
    bool ended = false;
    FrameChannel channel;
    uint32_t watched = 0;
  };
  Result<Pidfd> spawn_shepherd(const StepFolder& folder);
  Result<void> connect(const StepKey& key, Link& link);
  void on_ready(const StepKey& key, uint32_t events);
  void on_shepherd_gone(const StepKey& key);
  void send(const StepKey& key, const ShepherdOrder& order);
  void watch(const StepKey& key, Link& link);
  void close_channel(Link& link);
  void drop(const StepKey& key);

  Poller& poller_;
  ShepherdPaths paths_;
  container::Tree tree_;
  LinkEvents events_;
  std::map<StepKey, Link> links_;
};

}  // namespace gd::agent

// Engines: the ways to make a container from a plan. What they give is the same Process, and a
// program joins the container of either by join(), so that nobody else can tell them apart.
//
//   native   launch() of launch.h: ours, one process from clone3() to exec
//   OCI      crun or runc: we make the tree and the groups; the runtime makes the namespaces,
//            enters the tree and gives up the rights, from a bundle (oci_config.h) that lives in
//            its private mount namespace, as its state does: both go with it. pid 1 of the
//            container is gdinit, our monitor as a static program, which starts the real one.
//
// What is different with a runtime: the container's mounts belong to its own user namespace;
// groups beyond the extents of the map are not held; a few milliseconds more.
#pragma once

#include <string>

#include "server/container/launch.h"

namespace gd::container {

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;
  // REQUIRES and errors: as launch() in launch.h.
  [[nodiscard]] virtual Result<Process> launch(const LaunchPlan& plan) const = 0;
};

class NativeEngine final : public Engine {
 public:
  [[nodiscard]] Result<Process> launch(const LaunchPlan& plan) const override {
    return container::launch(plan);
  }
};

// The command lines of the two differ in how they are told to leave the groups alone.
enum class RuntimeKind : uint8_t { crun, runc };

struct OciPrograms {
  RuntimeKind kind = RuntimeKind::crun;
  std::string runtime;  // path of crun or runc
  std::string init;     // path of gdinit
};

class OciEngine final : public Engine {
 public:
  explicit OciEngine(OciPrograms programs) : programs_(std::move(programs)) {}
  // The caller becomes the reaper of its orphaned descendants.
  [[nodiscard]] Result<Process> launch(const LaunchPlan& plan) const override;

 private:
  OciPrograms programs_;
};

}  // namespace gd::container

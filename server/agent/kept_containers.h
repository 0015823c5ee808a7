// Containers that are kept on this node by name: what jobs of a user have written over an image,
// for her later jobs.
//
//   <root>/UID/NAME/layer/{upper,work}   the writable layer, as the kernel's overlay has it
//   <root>/UID/NAME/about                lines "image NAME", "digest HEX", "root yes|no"
//   <root>/UID/NAME/bytes                what it took when it was last measured
//   <root>/UID/NAME/lock                 held by who uses it, its job's number in it; its time is
//                                        the last use
//   <root>/.gone/TOKEN/                  being made or removed
//   <root>/.lock                         held while one is made, taken or taken away
//
// A layer fits one image, and one user at a time: two jobs at once, and another image, are refused.
// The quota counts when a job begins: a layer grows as far as the file system lets it. REQUIRES:
// root; nobody else can enter <root>, so what is set-user-id in a layer is nobody's outside.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "proto/ids.h"

namespace gd::agent {

inline constexpr size_t kMaxContainers = 32;  // of one user, on one node

struct ContainerSettings {
  std::string root;
  Seconds keep{};          // after the last use
  uint64_t quota_mib = 0;  // of a user's together, when a job begins; 0: no limit
  bool operator==(const ContainerSettings&) const = default;
};

struct ContainerKey {
  uid_t uid = 0;
  std::string name;
  auto operator<=>(const ContainerKey&) const = default;
};

// What a layer is written over. Another one would be another system below the same changes.
struct ContainerBase {
  std::string image;         // canonical
  std::string digest;        // "sha256:..."; empty: of a directory
  bool root_inside = false;  // whose files root's are on disk
  bool operator==(const ContainerBase&) const = default;
};

Result<std::optional<ContainerBase>> find_container(const ContainerSettings& settings,
                                                    const ContainerKey& key);

// A layer in use. Its end measures it and lets others have it; the mounts must be gone by then.
class KeptLayer {
 public:
  KeptLayer(std::string folder, UniqueFd held)
      : folder_(std::move(folder)), held_(std::move(held)) {}
  KeptLayer(KeptLayer&&) = default;
  KeptLayer& operator=(KeptLayer&&) = default;
  ~KeptLayer();
  [[nodiscard]] std::string path() const { return folder_ + "/layer"; }

 private:
  std::string folder_;
  UniqueFd held_;
};

// What was last measured. denied: the user's containers take as much as the quota or more.
Result<void> check_container_quota(const ContainerSettings& settings, uid_t uid);

enum class Making : uint8_t { if_missing, only_new };
// Finds or makes it. Errors: conflict, if a job has it, or it is of something else; exists;
// denied, if the user's containers are too many or take too much.
Result<KeptLayer> take_container(const ContainerSettings& settings, const ContainerKey& key,
                                 const ContainerBase& base, JobId job, Making making);

struct ListedContainer {
  ContainerKey key;
  ContainerBase base;
  uint64_t bytes = 0;
  TimePoint used{};
  bool in_use = false;
};
Result<std::vector<ListedContainer>> list_containers(const ContainerSettings& settings,
                                                     std::optional<uid_t> uid);
Result<void> remove_container(const ContainerSettings& settings, const ContainerKey& key);
// Removes what was not used for long enough, and measures the rest; how many were removed.
Result<size_t> sweep_containers(const ContainerSettings& settings, TimePoint now);

}  // namespace gd::agent

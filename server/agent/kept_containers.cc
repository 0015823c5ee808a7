#include "server/agent/kept_containers.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/digest.h"
#include "base/text.h"
#include "proto/container_name.h"
#include "server/agent/tree_size.h"

namespace gd::agent {
namespace {

constexpr size_t kMaxAboutBytes = 4096;

std::string folder_of(const ContainerSettings& settings, const ContainerKey& key) {
  return settings.root + "/" + std::to_string(key.uid) + "/" + key.name;
}

std::vector<std::string> names_in(const std::string& folder) {
  using std::filesystem::directory_iterator;
  std::vector<std::string> names;
  std::error_code error;
  for (directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
    names.push_back(each->path().filename());
  }
  return names;
}

Result<UniqueFd> lock_all(const ContainerSettings& settings) {
  TRY(make_directories(settings.root, 0700));
  TRY(make_directories(settings.root + "/.gone", 0700));
  UniqueFd fd = TRY(open_file(settings.root + "/.lock", O_RDWR | O_CREAT, 0600));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return os_error("lock " + settings.root);
  }
  return fd;
}

std::string render(const ContainerBase& base) {
  return "image " + base.image + "\ndigest " + base.digest + "\nroot " +
         (base.root_inside ? "yes" : "no") + "\n";
}

Result<ContainerBase> read_base(const std::string& folder) {
  ContainerBase base;
  const Bytes text = TRY(read_file(folder + "/about", kMaxAboutBytes));
  for (std::string_view line : split(text, '\n')) {
    if (take_prefix(line, "image ")) base.image = line;
    if (take_prefix(line, "digest ")) base.digest = line;
    if (take_prefix(line, "root ")) base.root_inside = line == "yes";
  }
  if (!base.image.empty()) return base;
  return Error{ErrorCode::internal, folder + "/about tells no image"};
}

// Nothing: somebody has it.
Result<std::optional<UniqueFd>> hold(const std::string& folder) {
  UniqueFd fd = TRY(open_file(folder + "/lock", O_RDWR | O_CREAT, 0600));
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::optional<UniqueFd>{};
    if (errno != EINTR) return os_error("lock " + folder);
  }
  return std::optional<UniqueFd>{std::move(fd)};
}

Error in_use(const ContainerKey& key, const std::string& folder) {
  const Result<Bytes> job = read_file(folder + "/lock", kMaxAboutBytes);
  return {ErrorCode::conflict, "container " + key.name + " is in use by job " +
                                   (job.ok() ? printable(trim(*job)) : "?") +
                                   ": one job at a time has it"};
}

uint64_t bytes_of(const std::string& folder) {
  const Result<Bytes> text = read_file(folder + "/bytes", kMaxAboutBytes);
  const Result<uint64_t> bytes = text.ok() ? parse_number<uint64_t>(*text) : text.error();
  return bytes.ok() ? *bytes : 0;
}

void measure(const std::string& folder) {
  (void)replace_file(folder + "/bytes", std::to_string(measure_tree(folder + "/layer")), 0600).ok();
}

TimePoint used_at(const std::string& folder) {
  struct stat about {};
  if (::stat((folder + "/lock").c_str(), &about) != 0) return {};
  return TimePoint(Milliseconds(int64_t{about.st_mtim.tv_sec} * 1000));
}

Result<void> make(const ContainerSettings& settings, const ContainerKey& key,
                  const ContainerBase& base) {
  const std::string above = settings.root + "/" + std::to_string(key.uid);
  const size_t there = names_in(above).size();
  if (there >= kMaxContainers) {
    return Error{ErrorCode::denied, "you have " + std::to_string(there) +
                                        " containers on this node, the most: 'gdimage discard "
                                        "NAME' removes one"};
  }
  TRY(make_directories(above, 0700));
  const std::string made = settings.root + "/.gone/" + to_hex(random_bytes(8));
  TRY(make_directories(made + "/layer", 0755));
  for (const char* name : {"/layer/upper", "/layer/work"}) {
    TRY(make_directories(made + name, 0755));
  }
  TRY(replace_file(made + "/about", render(base), 0600));
  if (::rename(made.c_str(), folder_of(settings, key).c_str()) == 0) return {};
  return os_error("make container " + key.name);
}

Result<void> check_same(const ContainerKey& key, const ContainerBase& is,
                        const ContainerBase& wanted) {
  const auto refuse = [&](const std::string& why) {
    return Error{ErrorCode::conflict, "container " + key.name + " " + why + "; 'gdimage discard " +
                                          key.name + "' removes it"};
  };
  if (is.root_inside != wanted.root_inside) {
    return refuse(is.root_inside ? "was made with --root: give --root"
                                 : "was made without --root: leave --root out");
  }
  if (is == wanted) return {};
  return refuse("is over image " + is.image + " " + is.digest + ", not over " + wanted.image + " " +
                wanted.digest);
}

// Under the lock: whether a container is held is asked by holding it for a moment.
std::vector<ListedContainer> list_locked(const ContainerSettings& settings,
                                         std::optional<uid_t> uid) {
  std::vector<ListedContainer> all;
  for (const std::string& owner : names_in(settings.root)) {
    const Result<uid_t> number = parse_number<uid_t>(owner);
    if (!number.ok() || (uid && *uid != *number)) continue;
    for (const std::string& name : names_in(settings.root + "/" + owner)) {
      const std::string folder = settings.root + "/" + owner + "/" + name;
      Result<ContainerBase> base = read_base(folder);
      if (!base.ok()) continue;  // not ours, and in nobody's way
      const Result<std::optional<UniqueFd>> held = hold(folder);
      all.push_back({.key = {*number, name},
                     .base = std::move(base).take(),
                     .bytes = bytes_of(folder),
                     .used = used_at(folder),
                     .in_use = held.ok() && !held->has_value()});
    }
  }
  return all;
}

// Out of its place under the lock; the folder to be removed then.
Result<std::string> take_away(const ContainerSettings& settings, const ContainerKey& key) {
  const std::string folder = folder_of(settings, key);
  if (!TRY(hold(folder))) return in_use(key, folder);
  const std::string gone = settings.root + "/.gone/" + to_hex(random_bytes(8));
  if (::rename(folder.c_str(), gone.c_str()) != 0) return os_error("remove container " + key.name);
  return gone;
}

}  // namespace

Result<std::optional<ContainerBase>> find_container(const ContainerSettings& settings,
                                                    const ContainerKey& key) {
  TRY(check_container_name(key.name));
  const std::string folder = folder_of(settings, key);
  if (::access(folder.c_str(), F_OK) != 0) return std::optional<ContainerBase>{};
  return std::optional<ContainerBase>{TRY(read_base(folder))};
}

Result<void> check_container_quota(const ContainerSettings& settings, uid_t uid) {
  uint64_t bytes = 0;
  const std::string above = settings.root + "/" + std::to_string(uid);
  for (const std::string& name : names_in(above)) bytes += bytes_of(above + "/" + name);
  if (settings.quota_mib == 0 || bytes >> 20 < settings.quota_mib) return {};
  return Error{ErrorCode::denied,
               "your containers on this node take " + std::to_string(bytes >> 20) + " MiB of " +
                   std::to_string(settings.quota_mib) + " MiB: 'gdimage discard NAME' removes one"};
}

KeptLayer::~KeptLayer() {
  if (!held_.valid()) return;
  measure(folder_);
  (void)::futimens(held_.get(), nullptr);  // the last use is its end
}

Result<KeptLayer> take_container(const ContainerSettings& settings, const ContainerKey& key,
                                 const ContainerBase& base, JobId job, Making making) {
  const UniqueFd all = TRY(lock_all(settings));
  const std::optional<ContainerBase> there = TRY(find_container(settings, key));
  const std::string folder = folder_of(settings, key);
  TRY(check_container_quota(settings, key.uid));
  if (!there) {
    TRY(make(settings, key, base));
  } else if (making == Making::only_new) {
    return Error{ErrorCode::exists, "container " + key.name + " is there already"};
  } else {
    TRY(check_same(key, *there, base));
  }
  std::optional<UniqueFd> held = TRY(hold(folder));
  if (!held) return in_use(key, folder);
  const std::string number = std::to_string(job.value) + "\n";
  if (::ftruncate(held->get(), 0) != 0) return os_error("lock of container " + key.name);
  TRY(write_all(held->get(), number, "lock of container " + key.name));
  return KeptLayer(folder, *std::move(held));
}

Result<std::vector<ListedContainer>> list_containers(const ContainerSettings& settings,
                                                     std::optional<uid_t> uid) {
  const UniqueFd all = TRY(lock_all(settings));
  return list_locked(settings, uid);
}

Result<void> remove_container(const ContainerSettings& settings, const ContainerKey& key) {
  std::string gone;
  {
    const UniqueFd all = TRY(lock_all(settings));
    if (!TRY(find_container(settings, key))) {
      return Error{ErrorCode::not_found, "container " + key.name + ": not on this node"};
    }
    gone = TRY(take_away(settings, key));
  }
  return remove_tree(gone);
}

Result<size_t> sweep_containers(const ContainerSettings& settings, TimePoint now) {
  std::vector<std::string> gone;
  size_t removed = 0;
  {
    const UniqueFd all = TRY(lock_all(settings));
    // Under the lock nobody makes one: what is here is of somebody who was killed.
    for (const std::string& name : names_in(settings.root + "/.gone")) {
      gone.push_back(settings.root + "/.gone/" + name);
    }
    for (const ListedContainer& each : list_locked(settings, std::nullopt)) {
      if (each.in_use || now - each.used < settings.keep) continue;
      gone.push_back(TRY(take_away(settings, each.key)));
      ++removed;
    }
  }
  for (const std::string& folder : gone) TRY(remove_tree(folder));
  for (const ListedContainer& each : TRY(list_containers(settings, std::nullopt))) {
    measure(folder_of(settings, each.key));
  }
  return removed;
}

}  // namespace gd::agent

#include "server/agent/save_container.h"

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/agent/step_plan.h"
#include "server/container/idmap.h"
#include "server/image/pull_file.h"
#include "server/image/save.h"

namespace gd::agent {
namespace {

constexpr size_t kMaxTextBytes = size_t{1} << 20;  // of a file that is not saved as it is

// A plain file of a tree, by no link; nothing: it is not there. Others are left as they are.
Result<std::optional<Bytes>> text_in(int tree, const std::string& name) {
  open_how how{};
  how.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const UniqueFd file(
      static_cast<int>(::syscall(SYS_openat2, tree, name.c_str(), &how, sizeof how)));
  if (!file.valid() && errno == ENOENT) return std::optional<Bytes>{};
  struct stat about {};
  if (!file.valid() || ::fstat(file.get(), &about) != 0) return os_error(name);
  if (!S_ISREG(about.st_mode)) return Error{ErrorCode::invalid, name + " is no plain file"};
  return std::optional<Bytes>{TRY(read_all(file.get(), name, kMaxTextBytes))};
}

image::TreeForm form_of(const container::Identity& identity, bool root_inside, int image) {
  image::TreeForm form;
  if (!root_inside) form.own_uids.insert(identity.uid);
  if (!root_inside) form.own_gids.insert(identity.gid);
  for (const container::Group& group : identity.groups) form.own_gids.insert(group.gid);
  std::vector<std::string> ours = {"etc/hosts", "etc/resolv.conf"};
  if (!root_inside) ours.insert(ours.end(), {"etc/passwd", "etc/group"});
  for (const std::string& name : ours) {
    Result<std::optional<Bytes>> text = text_in(image, name);
    if (text.ok()) form.instead[name] = std::move(text).take();
  }
  return form;
}

}  // namespace

Result<uint64_t> save_container(const ShepherdSettings& settings, const StepFolder& step,
                                const std::string& digest, int tree, int file) {
  const StepLaunch launch = TRY(step.read_launch());
  const ImageSpec& asked = launch.spec.image;
  const container::Identity identity = TRY(identify(launch));
  const auto mode =
      asked.root_inside ? container::RootMode::root_inside : container::RootMode::as_user;
  const container::IdMaps maps = TRY(container::compute_maps(
      identity, {.start = settings.subid_start, .count = settings.subid_count}, mode));
  const UniqueFd userns = TRY(container::make_user_namespace(maps));
  const std::string below = image::Store(settings.images.folder).image_folder(digest);
  const UniqueFd image = TRY(open_file(below + "/tree", O_RDONLY | O_DIRECTORY));

  image::SaveOrder order{.tree = tree, .userns = userns.get(), .file = file};
  order.form = TRY(parse_save_form(asked.save));
  order.changes = form_of(identity, asked.root_inside, image.get());
  order.config = TRY(image::parse_config(TRY(read_file(below + "/config.json"))));
  if (order.form == SaveForm::squashfs && !order.config.environment.empty()) {
    const Result<std::optional<Bytes>> own = text_in(tree, "etc/environment");
    if (own.ok()) {
      order.changes.instead["etc/environment"] =
          image::add_environment(own->value_or(""), order.config.environment);
    }
  }
  order.uid = identity.uid;
  order.gid = identity.gid;
  for (const container::Group& group : identity.groups) order.groups.push_back(group.gid);
  order.max_bytes = settings.save_size_mib << 20;
  order.timeout = settings.save_timeout;
  return image::save_tree(order);
}

}  // namespace gd::agent

#include "server/agent/image_stamp.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "server/container/user_file.h"

namespace gd::agent {

Result<std::string> image_stamp(const ImageName& name, const container::Identity& identity) {
  if (name.source == ImageSource::registry) return std::string();
  const bool layout = name.source == ImageSource::oci;
  const std::string path = layout ? name.path + "/index.json" : name.path;
  Result<UniqueFd> file = container::open_as_user(path, O_RDONLY | O_NONBLOCK, 0, identity);
  if (!file.ok()) return std::move(file).error().in("image " + render(name));
  struct stat about {};
  if (::fstat(file->get(), &about) != 0) return os_error(path);
  if (!S_ISREG(about.st_mode)) {
    return Error{ErrorCode::invalid, "image " + render(name) + ": " + path + " is no plain file"};
  }
  return std::to_string(about.st_dev) + "." + std::to_string(about.st_ino) + "." +
         std::to_string(about.st_size) + "." + std::to_string(about.st_mtim.tv_sec) + "." +
         std::to_string(about.st_mtim.tv_nsec);
}

}  // namespace gd::agent

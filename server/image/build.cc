#include "server/image/build.h"

#include <fcntl.h>
#include <unistd.h>

namespace gd::image {

Result<UniqueFd> begin_tree(const std::string& made, const IdRange& ids) {
  const std::string tree = made + "/tree";
  TRY(make_directories(tree, 0755));
  if (::chown(tree.c_str(), ids.start, ids.start) != 0) return os_error("chown tree");
  return open_file(tree, O_RDONLY | O_DIRECTORY);
}

Result<void> finish_image(const Store& store, const std::string& made, const std::string& digest,
                          const Bytes& manifest, const Bytes& config) {
  TRY(replace_file(made + "/manifest.json", manifest, 0600));
  TRY(replace_file(made + "/config.json", config, 0600));
  const TreeFacts facts = TRY(measure_tree(made + "/tree"));
  TRY(replace_file(made + "/facts",
                   "tree " + facts.digest + "\nbytes " + std::to_string(facts.bytes) + "\n", 0600));
  return store.publish(made, digest);
}

}  // namespace gd::image

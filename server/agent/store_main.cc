// gdstore: what is done to a node's images and kept folders, as one short process.
//
//   gdstore --settings FILE --uid N pull NAME    with that user's rights and credentials
//   gdstore --settings FILE --uid N fetch NAME [DIGEST]   as a job's start would
//   gdstore --settings FILE list [--uid N]       all, or what a user may have
//   gdstore --settings FILE remove NAME OWNER | prune MIB | verify
//   gdstore --settings FILE --uid N containers | discard [USER/]NAME      kept_containers.h
//   gdstore --settings FILE save STEP DIGEST     save_container.h; 3: the tree, 4: the file
//   gdstore --settings FILE sweep-jobs           job directories and kept containers
//
// Answers in lines on standard output: proto/image_progress.h about once a second; "image NAME
// OWNER DIGEST BYTES USED IN_USE", "container NAME UID IMAGE BYTES USED IN_USE", with tabs;
// "problem TEXT"; and last "done" or "error CODE TEXT". Run by gdshep and gdnoded, never by users:
// whom it serves is decided by them. REQUIRES: root.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

#include <cstdio>
#include <optional>
#include <set>
#include <vector>

#include "base/text.h"
#include "base/user.h"
#include "proto/image_progress.h"
#include "server/agent/image_stamp.h"
#include "server/agent/save_container.h"
#include "server/agent/shepherd_settings.h"
#include "server/agent/step_folder.h"
#include "server/agent/step_image.h"
#include "server/agent/store_answer.h"
#include "server/container/user_file.h"
#include "server/image/credentials.h"
#include "server/image/pull.h"
#include "server/image/store_admin.h"

namespace gd::agent {
namespace {

constexpr size_t kMaxAuthBytes = size_t{1} << 20;

struct Arguments {
  std::string settings;
  std::optional<uid_t> uid;
  std::vector<std::string> words;
};

Result<Arguments> parse(const std::vector<std::string_view>& words) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--settings" && i + 1 < words.size()) {
      arguments.settings = words[++i];
    } else if (words[i] == "--uid" && i + 1 < words.size()) {
      arguments.uid = TRY(parse_number<uid_t>(words[++i]));
    } else {
      arguments.words.emplace_back(words[i]);
    }
  }
  if (!arguments.settings.empty() && !arguments.words.empty()) return arguments;
  return Error{ErrorCode::usage, "expected --settings FILE [--uid N] VERB [ARGUMENTS]"};
}

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

Result<container::Identity> identity_of(uid_t uid) {
  const User user = TRY(look_up_user(uid));
  container::Identity identity{
      .uid = user.uid, .gid = user.gid, .user = user.name, .home = user.home};
  for (const gid_t gid : user.groups) identity.groups.push_back({.gid = gid, .name = {}});
  return identity;
}

// Podman's, docker's and enroot's own files, the first that has something for the registry.
std::string credentials_of(const container::Identity& identity, const std::string& registry) {
  constexpr std::pair<const char*, decltype(&image::credentials_for)> kFiles[] = {
      {"/.config/containers/auth.json", image::credentials_for},
      {"/.docker/config.json", image::credentials_for},
      {"/.config/enroot/.credentials", image::credentials_from_netrc}};
  for (const auto& [name, credentials] : kFiles) {
    Result<UniqueFd> file = container::open_as_user(identity.home + name,
                                                    O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, identity);
    if (!file.ok()) continue;
    const Result<Bytes> text = read_all(file->get(), name, kMaxAuthBytes);
    if (!text.ok()) continue;
    std::string found = credentials(*text, registry);
    if (!found.empty()) return found;
  }
  return {};
}

Result<void> pull(const ShepherdSettings& settings, uid_t uid, const std::string& text) {
  const ImageName name = TRY(parse_image_name(text));
  if (!is_stored(name)) {
    return Error{ErrorCode::invalid, "image " + text + " is used where it is, not fetched"};
  }
  TRY(check_allowed(name, settings.images));
  const container::Identity identity = TRY(identity_of(uid));
  image::PullOrder order{
      .name = name, .stamp = TRY(image_stamp(name, identity)), .uid = uid, .gid = identity.gid};
  UniqueFd file;
  if (is_file_system(name.source)) {
    Result<UniqueFd> opened =
        container::open_as_user(name.path, O_RDONLY | O_NONBLOCK, 0, identity);
    if (!opened.ok()) return std::move(opened).error().in("image " + render(name));
    file = std::move(opened).take();
    order.file = file.get();
  }
  for (const container::Group& group : identity.groups) order.groups.push_back(group.gid);
  order.credentials = credentials_of(identity, name.registry);
  order.mirror = mirror_of(name, settings.images);
  order.plain_http = is_plain_http(name, settings.images);
  order.ids = {.start = settings.subid_start, .count = settings.subid_count};
  order.timeout = settings.images.timeout;
  order.on_progress = [](uint64_t bytes, uint64_t total) {
    say(render(ImageProgress{bytes, total}));
  };
  return image::pull(image::Store(settings.images.folder), order);
}

Result<void> fetch(const ShepherdSettings& settings, uid_t uid, const std::string& text,
                   const std::string& digest) {
  ImageName name = TRY(parse_image_name(text));
  const std::string stamp = TRY(image_stamp(name, TRY(identity_of(uid))));
  if (TRY(find_stored(settings, name, digest, uid, stamp))) return {};
  return pull(settings, uid, render(held_to(name, digest)));
}

Result<void> list(const image::Store& store, std::optional<uid_t> uid) {
  for (const image::ListedImage& image : TRY(image::list_images(store))) {
    for (const image::NameEntry& entry : image.names) {
      const bool hers = !uid || *uid == 0 || entry.owner == image::kEverybody ||
                        entry.owner == std::to_string(*uid);
      if (!hers) continue;
      const auto used = std::chrono::duration_cast<Seconds>(image.used.time_since_epoch()).count();
      say("image " + entry.name + "\t" + entry.owner + "\t" + image.digest + "\t" +
          std::to_string(image.bytes) + "\t" + std::to_string(used) + "\t" +
          (image.in_use ? "yes" : "no"));
    }
  }
  return {};
}

Result<void> sweep_jobs(const ShepherdSettings& settings) {
  std::set<JobId> living;
  for (const StepKey& step : TRY(list_steps(settings.steps_dir))) living.insert(step.job);
  const JobDirSweep swept = TRY(sweep_job_dirs(settings.job_dirs, living, SystemClock().now()));
  say("swept " + std::to_string(swept.removed) + "\t" + std::to_string(swept.ended));
  if (settings.containers.root.empty()) return {};
  const size_t containers = TRY(sweep_containers(settings.containers, SystemClock().now()));
  say("swept-containers " + std::to_string(containers));
  return {};
}

Result<void> show_containers(const ShepherdSettings& settings, uid_t uid) {
  const std::optional<uid_t> whose = uid == 0 ? std::nullopt : std::optional<uid_t>(uid);
  for (const ListedContainer& each : TRY(list_containers(settings.containers, whose))) {
    const auto used = std::chrono::duration_cast<Seconds>(each.used.time_since_epoch()).count();
    say("container " + each.key.name + "\t" + std::to_string(each.key.uid) + "\t" +
        each.base.image + "\t" + std::to_string(each.bytes) + "\t" + std::to_string(used) + "\t" +
        (each.in_use ? "yes" : "no"));
  }
  return {};
}

// Root says whose, as USER/NAME.
Result<void> discard(const ShepherdSettings& settings, uid_t uid, const std::string& name) {
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return remove_container(settings.containers, {uid, name});
  const User user = TRY(look_up_user(name.substr(0, slash)));
  if (uid != 0 && uid != user.uid) {
    return Error{ErrorCode::denied, "container " + name + " is not yours"};
  }
  return remove_container(settings.containers, {user.uid, name.substr(slash + 1)});
}

Result<void> run(const Arguments& arguments) {
  ShepherdSettings settings =
      TRY(parse_shepherd_settings(TRY(read_file(arguments.settings, size_t{1} << 20))));
  const image::Store store(settings.images.folder);
  TRY(store.prepare());
  const std::vector<std::string>& words = arguments.words;
  const std::string& verb = words[0];
  if (verb == "pull" && words.size() == 2 && arguments.uid) {
    return pull(settings, *arguments.uid, words[1]);
  }
  if (verb == "fetch" && (words.size() == 2 || words.size() == 3) && arguments.uid) {
    return fetch(settings, *arguments.uid, words[1], words.size() == 3 ? words[2] : "");
  }
  if (verb == "list" && words.size() == 1) return list(store, arguments.uid);
  if (verb == "remove" && words.size() == 3) return image::remove_name(store, words[1], words[2]);
  if (verb == "prune" && words.size() == 2) {
    const uint64_t keep = TRY(parse_number<uint64_t>(words[1], 0, uint64_t{1} << 40));
    const image::Pruned pruned = TRY(image::prune(store, keep << 20));
    say("pruned " + std::to_string(pruned.images) + "\t" + std::to_string(pruned.bytes) + "\t" +
        std::to_string(pruned.left_bytes));
    return {};
  }
  if (verb == "save" && words.size() == 3) {
    constexpr int kTree = 3;
    constexpr int kFile = 4;
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return os_error("death signal");
    const StepFolder step(words[1]);
    const uint64_t bytes = TRY(save_container(settings, step, words[2], kTree, kFile));
    say("saved " + std::to_string(bytes));
    return {};
  }
  if (verb == "containers" && words.size() == 1 && arguments.uid) {
    return show_containers(settings, *arguments.uid);
  }
  if (verb == "discard" && words.size() == 2 && arguments.uid) {
    return discard(settings, *arguments.uid, words[1]);
  }
  if (verb == "sweep-jobs" && words.size() == 1) return sweep_jobs(settings);
  if (verb == "verify" && words.size() == 1) {
    const std::vector<std::string> problems = TRY(image::verify(store));
    for (const std::string& problem : problems) say("problem " + problem);
    if (problems.empty()) return {};
    return Error{ErrorCode::invalid, std::to_string(problems.size()) + " problems"};
  }
  return Error{ErrorCode::usage, "unexpected '" + join(words, " ") + "'"};
}

}  // namespace
}  // namespace gd::agent

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  const gd::Result<gd::agent::Arguments> arguments = gd::agent::parse({argv + 1, argv + argc});
  const gd::Result<void> done =
      arguments.ok() ? gd::agent::run(*arguments) : gd::Result<void>(arguments.error());
  gd::agent::say(done.ok() ? "done" : gd::agent::render_store_error(done.error()));
  return done.ok() ? 0 : 1;
}

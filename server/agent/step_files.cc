#include "server/agent/step_files.h"

#include <sys/stat.h>

#include "proto/file_pattern.h"
#include "server/container/user_file.h"

namespace gd::agent {
namespace {

constexpr mode_t kDefaultUmask = 022;

std::string absolute(const std::string& name, const std::string& folder) {
  if (name.starts_with('/')) return name;
  return (folder == "/" ? "" : folder) + "/" + name;
}

// The umask of one call; ours comes back, whatever happens.
class UmaskScope {
 public:
  explicit UmaskScope(mode_t mask) : old_(::umask(mask)) {}
  UmaskScope(const UmaskScope&) = delete;
  UmaskScope& operator=(const UmaskScope&) = delete;
  ~UmaskScope() { ::umask(old_); }

 private:
  mode_t old_;
};

Result<UniqueFd> open_stream(const std::string& path, int flags,
                             const container::Identity& identity) {
  const int always = O_NOCTTY | O_NONBLOCK;
  UniqueFd fd = TRY(container::open_as_user(path, flags | always, 0666, identity));
  const int now = ::fcntl(fd.get(), F_GETFL);
  if (now < 0 || ::fcntl(fd.get(), F_SETFL, now & ~O_NONBLOCK) != 0) return os_error(path);
  return fd;
}

}  // namespace

std::string working_folder(const StepLaunch& launch, const std::string& home) {
  for (const std::string* folder :
       {&launch.chdir, &launch.spec.chdir, &launch.spec.submit_dir, &home}) {
    if (folder->starts_with('/')) {
      const size_t end = folder->find_last_not_of('/');
      return end == std::string::npos ? "/" : folder->substr(0, end + 1);
    }
  }
  return "/";
}

FileNames file_names(const StepLaunch& launch, const std::string& folder, const std::string& node) {
  const JobSpec& spec = launch.spec;
  const PatternValues values{.job = launch.job,
                             .step = launch.step,
                             .job_name = spec.name,
                             .user = launch.user,
                             .node = node.substr(0, node.find('.')),
                             .node_index = launch.node_index,
                             .array_job = launch.array_job,
                             .array_task = launch.array_task};
  const auto named = [&](const std::string& pattern) {
    return absolute(expand_pattern(pattern, values), folder);
  };
  FileNames names;
  names.in = spec.input.empty() ? "/dev/null" : named(spec.input);
  names.out = named(spec.output.empty() ? "slurm-%j.out" : spec.output);
  names.err = spec.error.empty() ? names.out : named(spec.error);
  return names;
}

FileStart file_start(const StepLaunch& launch, const ShepherdSettings& settings) {
  switch (launch.spec.open_mode) {
    case OpenMode::append: return FileStart::append;
    case OpenMode::truncate: return FileStart::truncate;
    case OpenMode::by_cluster: break;
  }
  return settings.append_output ? FileStart::append : FileStart::truncate;
}

mode_t user_umask(const Environment& exported) {
  const auto entry = exported.find("SLURM_UMASK");
  if (entry == exported.end() || entry->second.empty() || entry->second.size() > 5) {
    return kDefaultUmask;
  }
  mode_t mask = 0;
  for (const char digit : entry->second) {
    if (digit < '0' || digit > '7') return kDefaultUmask;
    mask = mask * 8 + static_cast<mode_t>(digit - '0');
  }
  return mask > 0777 ? kDefaultUmask : mask;
}

Result<StepFiles> open_files(const FileNames& names, FileStart start, mode_t umask,
                             const container::Identity& identity) {
  const UmaskScope scope(umask);
  const int begin = start == FileStart::append ? O_APPEND : O_TRUNC;
  // Appending always: two descriptors of one file, or a program that truncates, leave no holes.
  const int flags = O_WRONLY | O_CREAT | O_APPEND | begin;
  StepFiles files;
  files.in = TRY(open_stream(names.in, O_RDONLY, identity));
  files.out = TRY(open_stream(names.out, flags, identity));
  if (names.err != names.out) files.err = TRY(open_stream(names.err, flags, identity));
  return files;
}

}  // namespace gd::agent

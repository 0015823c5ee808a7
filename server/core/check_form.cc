// The form of a submission: one check for each field that a stranger can fill.
#include "server/core/check_form.h"

#include <algorithm>

#include "base/device_name.h"
#include "base/hostlist.h"
#include "base/image_name.h"
#include "base/mount_request.h"
#include "base/text.h"
#include "proto/container_name.h"
#include "proto/dependency.h"
#include "proto/index_set.h"
#include "proto/message_type.h"
#include "proto/multi_prog.h"
#include "server/core/admission.h"
#include "server/sched/shape.h"

namespace gd::core {

namespace {

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

Result<void> check_text(std::string_view what, std::string_view text, size_t limit) {
  if (text.size() > limit) {
    return invalid(std::string(what) + " has " + std::to_string(text.size()) + " bytes, at most " +
                   std::to_string(limit) + " are allowed");
  }
  if (text.find('\0') != std::string_view::npos) {
    return invalid(std::string(what) + " contains a NUL byte");
  }
  return {};
}

Result<void> check_line(std::string_view what, std::string_view text, size_t limit) {
  TRY(check_text(what, text, limit));
  if (text.find('\n') != std::string_view::npos) {
    return invalid(std::string(what) + " '" + printable(text) + "' contains a line break");
  }
  return {};
}

Result<void> check_number(std::string_view what, std::optional<uint64_t> value, uint64_t least,
                          uint64_t most) {
  if (!value || (*value >= least && *value <= most)) return {};
  return invalid(std::string(what) + " " + std::to_string(*value) + " is not between " +
                 std::to_string(least) + " and " + std::to_string(most));
}

Result<void> check_texts(const JobSpec& spec) {
  const std::pair<std::string_view, const std::string*> names[] = {
      {"job name", &spec.name},           {"partition", &spec.partition},
      {"account", &spec.account},         {"qos", &spec.qos},
      {"reservation", &spec.reservation}, {"constraint", &spec.constraint},
      {"submit host", &spec.submit_host}, {"wckey", &spec.wckey}};
  for (const auto& [what, text] : names) TRY(check_line(what, *text, kMaxNameBytes));
  const std::pair<std::string_view, const std::string*> texts[] = {
      {"comment", &spec.comment},
      {"dependency", &spec.dependency},
      {"array", &spec.array},
      {"working directory", &spec.chdir},
      {"input", &spec.input},
      {"output", &spec.output},
      {"error", &spec.error},
      {"image", &spec.image.name},
      {"submit directory", &spec.submit_dir},
      {"command", &spec.command},
      {"recording", &spec.record}};
  for (const auto& [what, text] : texts) TRY(check_text(what, *text, kMaxTextBytes));
  return {};
}

// Only what is kept in a store has a digest to be held to.
Result<void> check_digest(const ImageSpec& image) {
  if (image.digest.empty()) return {};
  if (!is_sha256(image.digest)) {
    return invalid("image digest " + printable(image.digest) + " is not sha256: and 64 hex digits");
  }
  const ImageName name = TRY(parse_image_name(image.name.empty() ? "host" : image.name));
  if (name.source != ImageSource::host && name.source != ImageSource::directory) return {};
  return invalid("image " + render(name) + " has no digest to be held to");
}

// What is kept by a name is what is written over an image.
Result<void> check_kept(const ImageSpec& image) {
  if (image.container.empty()) return {};
  TRY(check_container_name(image.container));
  const std::string who = "container " + image.container;
  if (image.name == "host") return invalid(who + ": host is no image to keep changes of");
  if (image.read_only) return invalid(who + ": nothing is written to a read-only one");
  return {};
}

// What is saved is an image with what was written over it.
Result<void> check_saved(const ImageSpec& image) {
  if (image.save.empty()) return {};
  TRY(check_line("container save", image.save, kMaxTextBytes));
  TRY(parse_save_form(image.save));
  const auto refuse = [](const std::string& why) { return invalid("container save: " + why); };
  if (image.read_only) return refuse("nothing is written to a read-only container");
  if (image.name.empty()) return {};
  const ImageName name = TRY(parse_image_name(image.name));
  const bool saved = name.source != ImageSource::host && name.source != ImageSource::directory;
  return saved ? Result<void>{}
               : refuse("image " + render(name) + ": the host and directories are not saved");
}

Result<void> check_image(const ImageSpec& image) {
  if (!image.name.empty()) (void)TRY(parse_image_name(image.name));
  TRY(check_digest(image));
  TRY(check_kept(image));
  TRY(check_saved(image));
  TRY(check_text("container working directory", image.workdir, kMaxTextBytes));
  if (!image.workdir.empty() && !image.workdir.starts_with('/')) {
    return invalid("container working directory " + printable(image.workdir) +
                   " is not an absolute path");
  }
  if (image.env.size() > kMaxArguments) {
    return invalid(std::to_string(image.env.size()) + " container variables, at most " +
                   std::to_string(kMaxArguments) + " are allowed");
  }
  for (const std::string& one : image.env)
    TRY(check_text("container variable", one, kMaxNameBytes));
  return {};
}

Result<void> check_mail(const JobSpec& spec) {
  if (spec.mail_user.empty()) return {};
  Result<void> checked = check_mail_address(spec.mail_user);
  return checked.ok() ? checked : std::move(checked).error().in("mail user");
}

Result<void> check_arguments(const std::vector<std::string>& argv) {
  if (argv.size() > kMaxArguments) {
    return invalid(std::to_string(argv.size()) + " arguments, at most " +
                   std::to_string(kMaxArguments) + " are allowed");
  }
  for (const std::string& one : argv) TRY(check_text("argument", one, kMaxTextBytes));
  return {};
}

Result<void> check_mounts(const std::vector<std::string>& mounts) {
  if (mounts.size() > kMaxMounts) {
    return invalid(std::to_string(mounts.size()) + " mounts, at most " +
                   std::to_string(kMaxMounts) + " are allowed");
  }
  for (const std::string& one : mounts) {
    TRY(check_text("mount", one, kMaxTextBytes));
    (void)TRY(parse_mount_request(one));
  }
  return {};
}

Result<void> check_lists(const JobSpec& spec) {
  TRY(check_arguments(spec.argv));
  TRY(check_mounts(spec.mounts));
  if (spec.devices.size() > kMaxMounts) {
    return invalid(std::to_string(spec.devices.size()) + " devices, at most " +
                   std::to_string(kMaxMounts) + " are allowed");
  }
  for (const std::string& one : spec.devices) (void)TRY(parse_device_name(one));
  if (spec.gres_per_node.size() > kMaxMounts) {
    return invalid(std::to_string(spec.gres_per_node.size()) + " gres entries, at most " +
                   std::to_string(kMaxMounts) + " are allowed");
  }
  return {};
}

Result<void> check_amounts(const JobSpec& spec) {
  TRY(check_number("nodes", spec.nodes_min, 1, kMaxNodes));
  TRY(check_number("maximum of nodes", spec.nodes_max, 1, kMaxNodes));
  TRY(check_number("tasks", spec.tasks, 1, kMaxTasks));
  TRY(check_number("tasks per node", spec.tasks_per_node, 1, kMaxTasks));
  TRY(check_number("cpus per task", spec.cpus_per_task, 1, kMaxCpusPerTask));
  TRY(check_number("memory per node in MiB", spec.memory_per_node_mib, 0, kMaxMemoryMib));
  TRY(check_number("memory per cpu in MiB", spec.memory_per_cpu_mib, 0, kMaxMemoryMib));
  if (spec.nodes_max && *spec.nodes_max < spec.nodes_min) {
    return invalid("nodes " + std::to_string(spec.nodes_min) + "-" +
                   std::to_string(*spec.nodes_max) + ": the maximum is below the minimum");
  }
  if (spec.memory_per_node_mib && spec.memory_per_cpu_mib) {
    return invalid("memory per node and memory per cpu are both given; use one of them");
  }
  const uint64_t tasks =
      spec.tasks ? *spec.tasks : uint64_t{spec.nodes_min} * spec.tasks_per_node.value_or(1);
  TRY(check_number("tasks on all nodes", tasks, 1, kMaxTasks));
  return {};
}

Result<void> check_programs(const std::string& programs, const std::vector<std::string>& argv) {
  TRY(check_text("list of programs", programs, kMaxProgramsBytes));
  if (programs.empty() || argv.empty()) return {};
  return invalid("a command and a list of programs are both given; use one of them");
}

Result<void> check_times(const JobSpec& spec) {
  if (spec.time_limit && (*spec.time_limit < Seconds{1} || *spec.time_limit > kMaxTimeLimit)) {
    return invalid("time limit of " + std::to_string(spec.time_limit->count()) +
                   " s is not between 1 and " + std::to_string(kMaxTimeLimit.count()) + " s");
  }
  TRY(check_number("signal", spec.warn_signal, 1, kMaxSignal));
  if (spec.warn_before < Seconds{0} || spec.warn_before > kMaxWarnBefore) {
    return invalid("a signal " + std::to_string(spec.warn_before.count()) +
                   " s before the end: not between 0 and " +
                   std::to_string(kMaxWarnBefore.count()));
  }
  if (spec.nice > kMaxNice || spec.nice < -kMaxNice) {
    return invalid("nice " + std::to_string(spec.nice) + " is not between -" +
                   std::to_string(kMaxNice) + " and " + std::to_string(kMaxNice));
  }
  const Result<Dependency> dependency = parse_dependency(spec.dependency);
  if (!dependency.ok()) return invalid("dependency: " + dependency.error().text);
  if (spec.array.empty()) return {};
  const Result<ArraySpec> array = parse_array_spec(spec.array);
  if (!array.ok()) return invalid("array: " + array.error().text);
  if (spec.kind != JobKind::batch) return invalid("array: only batch jobs have elements");
  return {};
}

Result<void> check_hosts(std::string_view what, const std::string& text) {
  TRY(check_text(what, text, kMaxTextBytes));
  if (text.empty()) return {};
  const auto names = expand_hostlist(text);
  return names.ok() ? Result<void>{} : Result<void>(names.error().in(what));
}

Result<void> check_names(const JobSpec& spec) {
  TRY(check_hosts("node list", spec.node_list));
  TRY(check_hosts("exclude", spec.exclude));
  TRY(sched::check_constraint(spec.constraint));
  for (const GresCount& gres : spec.gres_per_node) {
    TRY(check_line("gres", gres.name, kMaxNameBytes));
    TRY(check_line("gres type", gres.type, kMaxNameBytes));
    if (gres.name.empty()) return invalid("a gres has no name");
    TRY(check_number("gres " + gres.name, gres.count, 0, kMaxMemoryMib));
  }
  return {};
}

}  // namespace

Result<void> check_form(const JobSpec& spec) {
  TRY(check_texts(spec));
  TRY(check_image(spec.image));
  if (spec.kind == JobKind::allocation && !spec.image.save.empty()) {
    return invalid("container save: an allocation has no program at whose end that could be");
  }
  TRY(check_mail(spec));
  TRY(check_lists(spec));
  TRY(check_programs(spec.programs,
                     spec.kind == JobKind::batch ? std::vector<std::string>{} : spec.argv));
  TRY(check_amounts(spec));
  TRY(check_times(spec));
  TRY(check_names(spec));
  return {};
}

Result<void> check_step_form(const StepRequest& request) {
  TRY(check_line("step name", request.name, kMaxNameBytes));
  TRY(check_text("working directory", request.chdir, kMaxTextBytes));
  TRY(check_text("recording", request.record, kMaxTextBytes));
  if (!request.record.empty() && !request.pty) return invalid("only a terminal can be recorded");
  TRY(check_programs(request.programs, request.argv));
  TRY(check_arguments(request.argv));
  TRY(check_number("nodes", request.nodes_min, 1, kMaxNodes));
  TRY(check_number("maximum of nodes", request.nodes_max, 1, kMaxNodes));
  TRY(check_number("tasks", request.tasks, 1, kMaxTasks));
  TRY(check_number("tasks per node", request.tasks_per_node, 1, kMaxTasks));
  TRY(check_number("cpus per task", request.cpus_per_task, 1, kMaxCpusPerTask));
  TRY(check_number("memory in MiB", request.memory_mib, 0, kMaxMemoryMib));
  TRY(check_number("memory per cpu in MiB", request.memory_per_cpu_mib, 0, kMaxMemoryMib));
  if (request.time_limit && (*request.time_limit < Seconds{1})) {
    return invalid("a time limit of less than 1 s");
  }
  TRY(check_hosts("node list", request.node_list));
  TRY(check_hosts("exclude", request.exclude));
  if (request.sharing > StepSharing::overlap) return invalid("no such way to share processors");
  if (!request.image && !request.mounts.empty()) {
    return invalid("mounts for a step in the container of its job, which has its own");
  }
  if (request.image) TRY(check_text("image", request.image->name, kMaxTextBytes));
  if (request.image) TRY(check_image(*request.image));
  return check_mounts(request.mounts);
}

std::vector<std::string> names_in(const std::string& hostlist) {
  auto names = expand_hostlist(hostlist);
  if (!names.ok()) return {hostlist};  // was checked before; a name that no node has
  std::vector<std::string> result = std::move(names).take();
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

}  // namespace gd::core

#include "cmd/job_options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/duration.h"
#include "base/hostlist.h"
#include "base/image_name.h"
#include "base/process.h"
#include "base/text.h"
#include "cmd/clusters.h"
#include "proto/container_name.h"
#include "proto/limit_values.h"

namespace gd::cmd {
namespace {

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

Result<void> set_time_limit(JobSpec& spec, std::string_view text) {
  const TimeLimit limit = TRY(parse_time_limit(text));
  spec.time_limit = limit.value_or(kMaxDuration);  // said to be unlimited differs from not said
  return {};
}

Result<void> set_nodes(JobSpec& spec, std::string_view text) {
  const size_t dash = text.find('-');
  spec.nodes_min = TRY(parse_number<uint32_t>(text.substr(0, dash), 1));
  spec.nodes_max = spec.nodes_min;
  if (dash == std::string_view::npos) return {};
  spec.nodes_max = TRY(parse_number<uint32_t>(text.substr(dash + 1), 1));
  if (*spec.nodes_max >= spec.nodes_min) return {};
  return usage("the most, " + std::to_string(*spec.nodes_max) + ", is less than the least, " +
               std::to_string(spec.nodes_min));
}

// [[R][B]:]SIGNAL[@SECONDS]
Result<void> set_warning(JobSpec& spec, std::string_view text) {
  std::string_view rest = text;
  spec.warn_batch_only = take_prefix(rest, "B:");
  if (rest.starts_with("R:") || rest.starts_with("RB:")) {
    return usage("'R' means reservations, which are not supported");
  }
  const size_t at = rest.find('@');
  spec.warn_signal = TRY(parse_signal(rest.substr(0, at)));
  spec.warn_before = Seconds{60};
  if (at == std::string_view::npos) return {};
  spec.warn_before = Seconds{TRY(parse_number<uint32_t>(rest.substr(at + 1), 0, 65535))};
  return {};
}

Result<void> set_network(JobSpec& spec, std::string_view text) {
  spec.image.no_network = text == "none";
  return {};
}

Result<void> set_hosts(std::string& target, std::string_view text) {
  (void)TRY(expand_hostlist(text));
  target = text;
  return {};
}

// So many for the whole job: as many on each of its nodes, which must come out even.
Result<void> share_gpus(const std::string& text, JobSpec& spec) {
  if (text.empty()) return {};
  for (GresCount& gres : TRY(parse_gres("gpu:" + text))) {
    const uint32_t most = spec.nodes_max.value_or(spec.nodes_min);
    if (most != spec.nodes_min || gres.count % most != 0) {
      return usage("--gpus=" + printable(text) + " does not come out even on " +
                   std::to_string(spec.nodes_min) +
                   (most == spec.nodes_min ? "" : "-" + std::to_string(most)) +
                   " nodes; use --gpus-per-node");
    }
    gres.count /= most;
    spec.gres_per_node.push_back(std::move(gres));
  }
  return {};
}

void define_size(Cli& cli, JobOptions& options) {
  JobSpec& spec = options.spec;
  cli.group("How much");
  cli.count("-n,--ntasks", "N", "Number of tasks", spec.tasks).env("NTASKS");
  cli.count("-c,--cpus-per-task", "N", "Processors for each task", spec.cpus_per_task)
      .env("CPUS_PER_TASK");
  cli.on("-N,--nodes", "MIN[-MAX]", "Number of nodes",
         [&spec](std::string_view text) { return set_nodes(spec, text); })
      .env("NODES");
  cli.count("--ntasks-per-node", "N", "Tasks on each node", spec.tasks_per_node);
  cli.on("--mem", "SIZE",
         "Memory on each node: 2G, 512M; a plain number is MiB; of gdsub, auto: as much as one's "
         "earlier jobs of this name and size have used, and some more",
         [&options](std::string_view text) -> Result<void> {
           options.memory_auto = text == "auto";
           options.spec.memory_per_node_mib.reset();
           if (!options.memory_auto) options.spec.memory_per_node_mib = TRY(parse_mib(text));
           options.spec.memory_per_cpu_mib.reset();
           return {};
         })
      .env("MEM_PER_NODE");
  cli.on("--mem-per-cpu", "SIZE", "Memory for each processor",
         [&options](std::string_view text) -> Result<void> {
           options.memory_auto = false;
           options.spec.memory_per_cpu_mib = TRY(parse_mib(text));
           options.spec.memory_per_node_mib.reset();
           return {};
         })
      .env("MEM_PER_CPU");
  cli.on("--gres", "NAME[:TYPE][:COUNT][,...]", "Other resources on each node, such as gpu:2",
         [&spec](std::string_view text) -> Result<void> {
           spec.gres_per_node = TRY(parse_gres(text));
           return {};
         })
      .env("GRES");
  cli.on("--gpus-per-node", "[TYPE:]COUNT", "GPUs on each node",
         [&spec](std::string_view text) -> Result<void> {
           spec.gres_per_node = TRY(parse_gres("gpu:" + std::string(text)));
           return {};
         });
  cli.option("-G,--gpus", "[TYPE:]COUNT", "GPUs of the whole job, evenly on its nodes",
             options.gpus)
      .env("GPUS");
  cli.flag("--exclusive", "Share the nodes with no other job", spec.exclusive).env("EXCLUSIVE");
}

void define_where(Cli& cli, JobSpec& spec, JobOptionSet set) {
  cli.group("Where");
  cli.option("-p,--partition", "NAME[,...]", "Run in this partition", spec.partition)
      .env("PARTITION")
      .complete(Completes::partition);
  cli.option("-C,--constraint", "FEATURES", "Only on nodes with these features", spec.constraint)
      .env("CONSTRAINT");
  cli.on("-w,--nodelist", "NODES", "Run on these nodes",
         [&spec](std::string_view text) { return set_hosts(spec.node_list, text); })
      .complete(Completes::node);
  cli.on("-x,--exclude", "NODES", "Not on these nodes",
         [&spec](std::string_view text) { return set_hosts(spec.exclude, text); })
      .complete(Completes::node);
  cli.option("-A,--account", "NAME", "Charge this account", spec.account).env("ACCOUNT");
  cli.option("-q,--qos", "NAME", "Quality of service", spec.qos).env("QOS");
  cli.option("--reservation", "NAME", "Run in this reservation", spec.reservation)
      .env("RESERVATION");
  const char* names = set == JobOptionSet::session ? "--licenses" : "-L,--licenses";
  cli.on(names, "NAME[:COUNT][,...]", "Licences that the cluster counts",
         [&spec](std::string_view text) -> Result<void> {
           spec.licences = TRY(parse_licences(text));
           return {};
         });
}

void define_when(Cli& cli, JobOptions& options) {
  JobSpec& spec = options.spec;
  cli.group("When");
  cli.on("-t,--time", "TIME", "Time limit: MINUTES, H:MM:SS, D-HH:MM, UNLIMITED",
         [&spec](std::string_view text) { return set_time_limit(spec, text); })
      .env("TIMELIMIT");
  cli.option("-b,--begin", "MOMENT", "Not before: 16:00, now+1hour, 2030-01-20T12:34",
             options.begin)
      .env("BEGIN");
  cli.option("--deadline", "MOMENT", "End the job if it has not started by then; now+1day, 16:00",
             options.deadline);
  cli.flag("-H,--hold", "Wait until released with 'gdctl release'", spec.hold).env("HOLD");
  cli.on("--nice", "[=N]", "Lower (or, with N below 0, raise) the priority; 100 if no N is given",
         [&spec](std::string_view text) -> Result<void> {
           constexpr int32_t kMostNice = 2147483645;
           spec.nice = text.empty() ? 100 : TRY(parse_number<int32_t>(text, -kMostNice, kMostNice));
           return {};
         });
  cli.count("--priority", "N", "Set the priority (administrators)", spec.priority, 0);
  cli.on("--signal", "[B:]SIGNAL[@SECONDS]",
         "Warn the job with SIGNAL so long before its time limit; B: only the script itself",
         [&spec](std::string_view text) { return set_warning(spec, text); })
      .env("SIGNAL");
}

void define_dependency(Cli& cli, JobSpec& spec) {
  cli.option("-d,--dependency", "TYPE:JOB[:JOB][,...]",
             "Wait for other jobs: after[:JOB+MIN], afterok, afterany, afternotok, aftercorr, "
             "singleton; ',' all of them, '?' any",
             spec.dependency)
      .env("DEPENDENCY");
  cli.on("--kill-on-invalid-dep", "yes|no", "Cancel the job when its dependency can never hold",
         [&spec](std::string_view text) -> Result<void> {
           spec.kill_on_invalid_dependency = text == "yes";
           return {};
         })
      .choose({"yes", "no"})
      .env("KILL_INVALID_DEPEND");
}

void define_mail(Cli& cli, JobSpec& spec) {
  cli.group("Mail");
  cli.on("--mail-type", "EVENT[,...]",
         "Send mail at BEGIN, END, FAIL, REQUEUE, INVALID_DEPEND, TIME_LIMIT, TIME_LIMIT_90 (80, "
         "50); ALL, NONE; ARRAY_TASKS: of each element",
         [&spec](std::string_view text) -> Result<void> {
           spec.mail_events = TRY(parse_mail_events(text));
           return {};
         })
      .env("MAIL_TYPE");
  cli.on("--mail-user", "ADDRESS[,...]", "To whom; the job's user if not given",
         [&spec](std::string_view text) -> Result<void> {
           TRY(check_mail_address(text));
           spec.mail_user = text;
           return {};
         })
      .env("MAIL_USER");
}

void define_requeue(Cli& cli, JobSpec& spec) {
  cli.on("--requeue", "", "Run again after the failure of a node",
         [&spec](std::string_view) -> Result<void> {
           spec.requeue = true;
           return {};
         })
      .env("REQUEUE");
  cli.on("--no-requeue", "", "Never run twice",
         [&spec](std::string_view) -> Result<void> {
           spec.requeue = false;
           return {};
         })
      .env("NO_REQUEUE");
  cli.on("--retry-oom", "[=SIZE]",
         "Out of memory, run again with twice as much, up to SIZE; eight times what was asked for "
         "if it is not given",
         [&spec](std::string_view text) -> Result<void> {
           spec.retry_oom_mib = text.empty() ? 0 : TRY(parse_mib(text));
           if (text.empty() || *spec.retry_oom_mib > 0) return {};
           return usage("--retry-oom=" + printable(text) + ": no memory at all is no limit");
         });
}

Result<void> set_container(JobSpec& spec, std::string_view text) {
  Result<ContainerName> name = parse_container_name(text);
  if (!name.ok()) return usage(name.error().text);
  spec.image.container = name->name;
  spec.image.container_new = name->only_new;
  return {};
}

// What becomes of what is written over the image.
void define_kept(Cli& cli, JobSpec& spec) {
  cli.on("--container-name", "NAME[:auto|create|no_exec]",
         "Keep what is written over the image on its node, for later jobs of this name; create: "
         "none may be there yet",
         [&spec](std::string_view text) { return set_container(spec, text); })
      .env("CONTAINER_NAME");
  cli.on("--container-save", "FILE",
         "At the job's end, write its container as an image: .sqsh, .squashfs, or .tar (OCI); a "
         "pattern, as of --output",
         [&spec](std::string_view text) -> Result<void> {
           const Result<SaveForm> form = parse_save_form(text);
           if (!form.ok()) return usage(form.error().text);
           spec.image.save = text;
           return {};
         })
      .env("CONTAINER_SAVE")
      .complete(Completes::file);
}

void define_container(Cli& cli, JobOptions& options) {
  JobSpec& spec = options.spec;
  cli.group("Container");
  cli.option("--image,--container-image", "IMAGE",
             "The system to run in: host, a registry's image, a directory, a squashfs or SIF file",
             spec.image.name)
      .env("IMAGE")
      .complete(Completes::directory);
  cli.list(
      "--mounts,--container-mounts", "SRC:DST[:FLAGS][,...]",
      "Mount more into the container; SRC may be tmpfs or umount; FLAGS joined by '+': ro, rw, "
      "noexec, bind, rbind, size=SIZE",
      spec.mounts);
  cli.on("--volume", "NAME[:ro]", "Mount a volume of the administrator's; may be repeated",
         [&spec](std::string_view text) -> Result<void> {
           spec.mounts.push_back("volume:" + std::string(text));
           return {};
         });
  cli.list("--device", "VENDOR/CLASS=NAME[,...]",
           "Devices by the names of their descriptions (CDI), where the node allows them; may be "
           "repeated",
           spec.devices);
  cli.flag("--root,--container-remap-root", "Be root inside, oneself outside",
           spec.image.root_inside);
  cli.option("--container-workdir", "DIR", "Folder inside in which the job begins",
             spec.image.workdir);
  cli.list("--container-env", "NAME[,...]",
           "Variables that keep the submitter's value where the image has its own", spec.image.env);
  cli.flag("--container-entrypoint", "Begin with the command of the image", spec.image.entrypoint);
  cli.on("--no-container-entrypoint", "", "Do not (default)",
         [&spec](std::string_view) -> Result<void> {
           spec.image.entrypoint = false;
           return {};
         });
  cli.on("--container-mount-home", "", "Mount the home (default)",
         [&spec](std::string_view) -> Result<void> {
           spec.image.no_home = false;
           return {};
         });
  cli.flag("--no-container-mount-home", "Do not mount the home: an empty folder is there",
           spec.image.no_home);
  cli.on("--container-writable", "", "A writable layer on the image, thrown away (default)",
         [&spec](std::string_view) -> Result<void> {
           spec.image.read_only = false;
           return {};
         });
  cli.flag("--read-only,--container-readonly", "No writable layer on the image",
           spec.image.read_only);
  define_kept(cli, spec);
  cli.on("--network", "host|none", "The machine's network, or none",
         [&spec](std::string_view text) { return set_network(spec, text); })
      .choose({"host", "none"});
  cli.flag("--explain-sandbox",
           "Submit nothing; say what the job would get on the node that would run it: namespaces, "
           "ids, mounts and why, limits",
           options.explain);
}

void define_streams(Cli& cli, JobSpec& spec) {
  cli.group("Files");
  cli.option("-o,--output", "PATTERN", "File for standard output; %j is the job's id", spec.output)
      .env("OUTPUT")
      .complete(Completes::file);
  cli.option("-e,--error", "PATTERN", "File for standard error; else it joins the output",
             spec.error)
      .env("ERROR")
      .complete(Completes::file);
  cli.option("-i,--input", "PATTERN", "File for standard input", spec.input)
      .env("INPUT")
      .complete(Completes::file);
  cli.on("--open-mode", "append|truncate", "What to do with output files that exist",
         [&spec](std::string_view text) -> Result<void> {
           spec.open_mode = text == "append" ? OpenMode::append : OpenMode::truncate;
           return {};
         })
      .choose({"append", "truncate"})
      .env("OPEN_MODE");
}

// Slurm's options that would change what runs, and that gd does not have.
constexpr char kRefused[] =
    "-B,--extra-node-info --bb --bbf --cluster-constraint --contiguous "
    "-S,--core-spec --cores-per-socket --cpu-freq --cpus-per-gpu --delay-boot "
    "--gid --gpu-bind --gpu-freq "
    "--gpus-per-socket --gpus-per-task --gres-flags --hint -k,--no-kill "
    "--mcs-label --mem-bind "
    "--mem-per-gpu --mincpus -F,--nodefile --ntasks-per-core --ntasks-per-gpu "
    "--ntasks-per-socket -O,--overcommit -s,--oversubscribe --power --profile --propagate "
    "--reboot --sockets-per-node --spread-job --switches --thread-spec "
    "--threads-per-core --time-min --tmp --uid --use-min-nodes --wait-all-nodes "
    "--container --x11";

}  // namespace

void define_job_options(Cli& cli, JobOptions& options, JobOptionSet set) {
  JobSpec& spec = options.spec;
  cli.group("What");
  cli.option("-J,--job-name", "NAME", "Name of the job", spec.name).env("JOB_NAME");
  cli.option("-D,--chdir", "DIR", "Working directory of the job", spec.chdir)
      .env("CHDIR")
      .complete(Completes::directory);
  cli.option("--export", "ALL|NONE|NIL|NAME[=VALUE][,...]",
             "Variables that the job gets; ALL is the default", options.export_names)
      .env("EXPORT");
  cli.option("--comment", "TEXT", "A remark, kept with the job", spec.comment);
  cli.option("--wckey", "KEY", "A word of one's own that accounting shows", spec.wckey)
      .env("WCKEY");
  if (set == JobOptionSet::batch) {
    cli.on("--get-user-env", "[=[SECONDS][L|S]]",
           "Beneath what is exported, the variables that a login (L, the default) or a plain "
           "shell (S) of one's own sets",
           [&options](std::string_view text) -> Result<void> {
             options.login_environment = std::string(text);
             return {};
           });
    cli.option("-a,--array", "INDEXES[%LIMIT]",
               "Many jobs of one script: 0-15, 1,3,5-7, 0-100:4; %LIMIT of them at once",
               spec.array)
        .env("ARRAY_INX");
  } else {
    cli.refuse("-a,--array --get-user-env");
  }
  define_size(cli, options);
  define_where(cli, spec, set);
  define_when(cli, options);
  define_dependency(cli, spec);
  if (set == JobOptionSet::batch)
    define_requeue(cli, spec);
  else
    cli.refuse("--retry-oom");
  define_mail(cli, spec);
  define_container(cli, options);
  if (set == JobOptionSet::batch) define_streams(cli, spec);
  define_clusters(cli, options.clusters);
  cli.flag("--ignore-pbs", "As without this option: #PBS lines are never read", options.same);
  cli.refuse(kRefused);
}

Surroundings surroundings() {
  Surroundings around{.now = SystemClock{}.now(),
                      .host = "",
                      .directory = "/",
                      .environment = current_environment(),
                      .login = login_environment};
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) around.host = host.data();
  std::array<char, 4096> path{};
  if (::getcwd(path.data(), path.size()) != nullptr) around.directory = path.data();
  return around;
}

Result<JobSpec> finish_spec(const JobOptions& options, const Surroundings& around) {
  JobSpec spec = options.spec;
  const auto moment = [&](const char* name, const std::string& text,
                          std::optional<TimePoint>& to) -> Result<void> {
    if (text.empty()) return {};
    Result<TimePoint> at = parse_moment(text, around.now, local_zone());
    if (!at.ok()) return usage(std::string(name) + "=" + printable(text) + ": " + at.error().text);
    to = *at;
    return {};
  };
  if (options.memory_auto && !around.memory_of_its_like) {
    return usage("--mem=auto is for batch jobs; give a size");
  }
  TRY(share_gpus(options.gpus, spec));
  TRY(moment("--begin", options.begin, spec.begin));
  TRY(moment("--deadline", options.deadline, spec.deadline));
  if (spec.chdir.empty())
    spec.chdir = around.directory;
  else if (spec.chdir[0] != '/')
    spec.chdir = around.directory + "/" + spec.chdir;
  // An image is a name, or a path when it looks like one.
  spec.image.name = absolute_image_name(spec.image.name, around.directory);
  spec.submit_host = around.host;
  spec.submit_dir = around.directory;
  return spec;
}

Result<std::vector<GresCount>> parse_gres(std::string_view text) {
  std::vector<GresCount> all;
  if (text == "none" || text == "NONE") return all;
  for (std::string_view item : split(text, ',')) {
    take_prefix(item, "gres:");
    take_prefix(item, "gres/");
    const std::vector<std::string_view> parts = split(item, ':');
    if (parts.empty() || parts[0].empty() || parts.size() > 3) {
      return usage("'" + printable(item) + "' is not NAME[:TYPE][:COUNT]");
    }
    GresCount gres{std::string(parts[0]), "", 1};
    const bool counted = parts.size() > 1 && !parts.back().empty() &&
                         std::isdigit(static_cast<unsigned char>(parts.back()[0])) != 0;
    if (counted) gres.count = TRY(parse_number<uint64_t>(parts.back()));
    const size_t words = parts.size() - (counted ? 1 : 0);
    if (words == 2) gres.type = parts[1];
    if (words == 3) return usage("'" + printable(parts[2]) + "' is not a number");
    all.push_back(std::move(gres));
  }
  return all;
}

}  // namespace gd::cmd

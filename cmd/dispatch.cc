// Which command a call means: by the name it was called under, or `gd NAME ...`.
#include <array>
#include <string>

#include "base/text.h"
#include "cmd/command.h"
#include "cmd/slurm_names.h"
#include "cmd/version.h"

namespace gd::cmd {
namespace {

constexpr std::array<const Command*, 14> kCommands{
    &kGdsub,  &kGdalloc, &kGdstat,  &kGdkill,  &kGdrun,  &kGdsh,    &kGdinfo,
    &kGdacct, &kGdctl,   &kGdlogin, &kGdimage, &kGdprio, &kGdshare, &kGdcp};

constexpr std::array<SlurmName, 19> kSlurmNames{{{"sbatch", &kGdsub},
                                                 {"squeue", &kGdstat},
                                                 {"scancel", &kGdkill},
                                                 {"srun", &kGdrun},
                                                 {"sinfo", &kGdinfo},
                                                 {"sacct", &kGdacct},
                                                 {"scontrol", &kGdctl},
                                                 {"salloc", &kGdalloc},
                                                 {"sacctmgr", &kSacctmgr},
                                                 {"sstat", &kSstat},
                                                 {"sprio", &kGdprio},
                                                 {"sshare", &kGdshare},
                                                 {"sdiag", &kSdiag},
                                                 {"seff", &kSeff},
                                                 {"sreport", &kSreport},
                                                 {"sattach", &kSattach},
                                                 {"sbcast", &kSbcast},
                                                 {"scrontab", &kScrontab},
                                                 {"strigger", nullptr}}};

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

int not_served(const std::string& name) {
  Output err(2);
  err << name << ": not supported by gd " GD_VERSION "\n";
  return kExitRefused;
}

// Names of links, one a line, for the installer: "gdsub" and "slurm/sbatch".
int print_links() {
  Output out(1);
  for (const Command* command : kCommands) out.line(command->info->name);
  for (const SlurmName& name : kSlurmNames) out.line("slurm/" + std::string(name.name));
  return out.flush() ? kExitDone : kExitRefused;
}

int overview(Output& to) {
  to << "Usage: gd COMMAND [OPTION]...\n\n";
  for (const Command* command : kCommands) {
    std::string name(command->info->name);
    name.resize(10, ' ');
    to << "  " << name << command->info->summary << "\n";
  }
  to << "\nEach is a command of its own, too: gdsub is `gd sub`. More: COMMAND --help\n";
  return kExitDone;
}

int unknown(const std::string& name) {
  std::vector<std::string_view> known;
  for (const Command* command : kCommands) known.push_back(command->info->name.substr(2));
  Output err(2);
  err << "gd: unknown command '" << printable(name) << "'" << did_you_mean(name, known) << "\n";
  return kExitMisused;
}

}  // namespace

std::span<const SlurmName> slurm_names() {
  return kSlurmNames;
}
std::span<const Command* const> commands() {
  return kCommands;
}

int dispatch(const std::vector<std::string>& argv) {
  std::string name = argv.empty() ? "gd" : base_name(argv[0]);
  std::vector<std::string> args(argv.begin() + (argv.empty() ? 0 : 1), argv.end());
  if (name == "gd") {
    Output out(1);
    Output err(2);
    if (args.empty()) return overview(err), kExitMisused;
    if (args[0] == "--help" || args[0] == "-h" || args[0] == "help") return overview(out);
    if (args[0] == "--version") return out.line("gd " GD_VERSION), kExitDone;
    if (args[0] == "--gd-links") return print_links();
    name = args[0];
    args.erase(args.begin());
  }
  for (const Command* command : kCommands) {
    const std::string_view own = command->info->name;
    if (name == own || name == own.substr(2)) {
      return command->start({std::string(own), Dialect::gd, std::move(args)});
    }
  }
  for (const SlurmName& slurm : kSlurmNames) {
    if (name != slurm.name) continue;
    if (slurm.command == nullptr) return not_served(name);
    return slurm.command->start({name, Dialect::slurm, std::move(args)});
  }
  return unknown(name);
}

}  // namespace gd::cmd

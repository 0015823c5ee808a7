// The table of all keys of gd.conf. The one place: parser, sample file, manual
// page and `gdctl show config` follow from it.
#include <array>

#include "proto/settings.h"

namespace gd {
namespace {

constexpr int64_t kYearMs = int64_t{366} * 24 * 3600 * 1000;

using enum ConfigType;

constexpr auto kTop = std::to_array<ConfigKey>({
    {"cluster", text, "gd", "Name of the cluster, in tickets, key files and reports."},
    {"controller", text, "127.0.0.1:6820",
     "Where clients and nodes find the controller: "
     "HOST or HOST:PORT."},
    {"controller_key", path, "/etc/gd/controller.pub",
     "File with the controller's public key; gdctld writes it on its own machine."},
    {"listen", text, "127.0.0.1:6820",
     "Address and port that gdctld listens at; \"*:6820\" "
     "lets other machines in."},
    {"state_dir", path, "/var/lib/gd", "Database and keys of gdctld."},
    {"run_dir", path, "/run/gd", "Sockets and pid files."},
    {"user", text, "gd", "User that gdctld becomes when it was started as root."},
    {"log_level", choice, "info", "Least level of what is logged.", INT64_MIN, INT64_MAX,
     "debug|info|notice|warning|error"},
    {"log_file", path, nullptr, "Log of gdctld; without it, standard error (the journal)."},
    {"administrators", list, "root", "Users, and groups as @NAME, that may change everything."},
    {"key_lifetime", interval, "30d", "A user's key expires so long after its login; 0: never.", 0,
     10 * kYearMs},
    {"allow_root_jobs", boolean, "no", "Whether uid 0 may submit."},
    {"private_data", boolean, "no", "Whether users see their own jobs only."},
    {"min_job_age", interval, "5min", "An ended job stays in gdstat's reach for so long.", 0,
     kYearMs},
    {"history_age", interval, "0", "Finished jobs are forgotten after this; 0: never.", 0,
     100 * kYearMs},
    {"replay_age", interval, "7d",
     "Scripts and environments of jobs are kept for so long after they have left gdstat's reach, "
     "for gdsub --replay.",
     0, 10 * kYearMs},
    {"audit_age", interval, "365d", "Lines of the event log are forgotten after this.", 0,
     100 * kYearMs},
    {"kill_wait", interval, "30s", "Time between SIGTERM and SIGKILL.", 0, 3'600'000},
    {"heartbeat", interval, "5s", "A node reports all it has at least so often.", 1000, 600'000},
    {"node_timeout", interval, "60s", "A node that is silent for so long is down.", 2000,
     86'400'000},
    {"node_lost_after", interval, "5min",
     "A node that is silent for so long has lost its jobs: "
     "they end as NODE_FAIL or go back to the queue; 0: wait for it.",
     0, kYearMs},
    {"max_submit_rate", integer, "0",
     "Submissions a minute of one user; one more is refused, and told when to come again. An array "
     "is one, administrators have no limit; 0: nobody has.",
     0, 1'000'000},
    {"max_array_size", integer, "1000001", "Elements of job arrays are numbered below it.", 1,
     4'000'001},
    {"max_jobs", integer, "200000", "Most live jobs; one more is refused.", 1, 10'000'000},
    {"launch_retries", integer, "3", "A job whose launch fails so many times is held.", 0, 1000},
    {"requeue", boolean, "yes",
     "Whether a job goes back to the queue when its node is lost, "
     "unless it says otherwise."},
    {"default_image", text, "host", "Image of jobs that name none, as --image takes it."},
    {"mail_program", path, "/usr/sbin/sendmail",
     "Sends the mails of --mail-type; called as sendmail is: -i -- ADDRESS, the mail on standard "
     "input."},
    {"low_disk_mib", size_mib, "256", "No new jobs are taken while less is free in state_dir.", 0,
     int64_t{1} << 40},
    {"policy", choice, "easy",
     "How jobs may overtake: fifo never, easy if the first in line "
     "is not delayed, conservative if none is.",
     INT64_MIN, INT64_MAX, "fifo|easy|conservative"},
    {"promise_limit", integer, "1000",
     "Searches for a later start that one pass may make; past "
     "it, blocked jobs get no promise.",
     0, 10'000'000},
    {"enforce_part_limits", boolean, "no",
     "Whether a job that its partition could never run is "
     "refused; else it waits, and says why."},
    {"priority_weight_age", real, "1000", "Points for priority_age_max of waiting."},
    {"priority_weight_fair_share", real, "5000",
     "Points for having used least of one's share: see [account]."},
    {"priority_weight_stretch", real, "20000",
     "Points for having waited 1023 times the job's time limit; they grow as the logarithm."},
    {"priority_weight_size", real, "0", "Points for asking for all cpus of the cluster."},
    {"priority_weight_partition", real, "1000", "Points for the highest priority_job_factor."},
    {"priority_weight_qos", real, "10000", "Points for the highest priority of a QOS: see [qos]."},
    {"priority_age_max", interval, "7d", "The waiting that counts priority_weight_age points.",
     1000, kYearMs},
    {"priority_half_life", interval, "7d",
     "What was used loses half of its weight in this time; 0: it never does.", 0, 100 * kYearMs},
    {"priority_usage_reset_period", choice, "none",
     "When all usage is set back to nothing, besides fading: days begin at midnight UTC.",
     INT64_MIN, INT64_MAX, "none|daily|weekly|monthly|quarterly|yearly"},
    {"priority_overdue_after", interval, "3d",
     "Who waited longer goes first, the longest wait before "
     "others, unless it is nice; 0: nobody does.",
     0, kYearMs},
    {"preempt_type", choice, "none",
     "Whose jobs may end others so that they can start: those of a QOS the ones that its preempt "
     "names, or those of a higher priority_tier those of a lower one.",
     INT64_MIN, INT64_MAX, "none|qos|partition_prio"},
    {"preempt_mode", text, "off",
     "What becomes of them, unless their QOS or partition says otherwise: cancel ends them as "
     "PREEMPTED, requeue sends back those that may be, off leaves them alone."},
    {"preempt_exempt_time", interval, "0", "A job that has run shorter is left alone.", 0, kYearMs},
});

constexpr auto kPartition = std::to_array<ConfigKey>({
    {"nodes", text, "ALL", "Host list of its nodes, or ALL."},
    {"default", boolean, "no", "Whether jobs that name no partition go here."},
    {"state", choice, "up", "A partition that is down starts no jobs.", INT64_MIN, INT64_MAX,
     "up|down"},
    {"max_time", time_limit, "UNLIMITED", "Longest time limit of a job."},
    {"default_time", time_limit, nullptr,
     "Time limit of jobs that ask for none; max_time if "
     "not given."},
    {"max_nodes", integer, nullptr, "Most nodes of one job; without it, no limit.", 1, 65536},
    {"priority_tier", integer, "1", "Jobs of a higher tier go first.", 0, 65535},
    {"priority_job_factor", integer, "1", "Raises the priority of the partition's jobs.", 0, 65535},
    {"allow_users", list, "", "Users that may submit here; with allow_groups empty too: all."},
    {"allow_groups", list, "", "Groups that may submit here."},
    {"allow_accounts", list, "", "Accounts whose jobs it takes; none: all."},
    {"allow_qos", list, "", "Qualities of service whose jobs it takes; none: all."},
    {"default_image", text, nullptr,
     "Image of its jobs that name none; the cluster's if not given."},
    {"allow_images", list, "",
     "Names of images that its jobs may have, with * and ?, \"host\" among them, or sha256:HEX for "
     "what is named by that digest; none: all."},
    {"root_inside", boolean, "yes", "Whether its jobs may be root inside of their containers."},
    {"root_mounts_read_only", boolean, "no",
     "Whether home and all that is mounted, but for the job directory, is read-only in containers "
     "whose user is root inside."},
    {"session_idle", interval, "1d",
     "A terminal at which nothing is typed, shown or computed for so long is ended, after a "
     "warning; 0: never.",
     0, kYearMs},
    {"engine", choice, "native",
     "What makes the jobs' containers: gd itself, or an OCI runtime "
     "that its nodes have in their path.",
     INT64_MIN, INT64_MAX, "native|crun|runc"},
    {"preempt_mode", text, nullptr,
     "What becomes of its jobs that others end, under preempt_type = partition_prio; the "
     "cluster's if not given."},
    {"grace_time", interval, "0",
     "They have so long between SIGTERM, with SIGCONT, and SIGKILL; 0: kill_wait.", 0, 86'400'000},
});

// Limits that accounts, users and QOS have alike.
constexpr ConfigKey kGrpTresMins{
    "grp_tres_mins", text, nullptr,
    "Most minutes of them, as cpu=100000,gres/gpu=5000: what ended jobs have used, fading by "
    "priority_half_life, and what running ones may still use until their time limits. No job is "
    "ended for it."};
constexpr ConfigKey kGrpTresRunMins{
    "grp_tres_run_mins", text, nullptr,
    "Most minutes of them that running jobs may still use until their time limits."};
constexpr ConfigKey kGrpWall{"grp_wall", text, nullptr,
                             "As grp_tres_mins, of the time that jobs run."};
constexpr ConfigKey kMaxTresMinsPerJob{
    "max_tres_mins_per_job", text, nullptr,
    "Most minutes of them that one job may use by its time limit."};

// Of accounts and users.
constexpr ConfigKey kOwnAllowImages{
    "allow_images", text, nullptr,
    "Images that such jobs may have, as a partition says it, beside what that says itself; without "
    "it, what the account above says, at last all."};
constexpr ConfigKey kOwnDefaultImage{
    "default_image", text, nullptr,
    "Image of such jobs that name none, in partitions that have none of their own."};

constexpr auto kAccount = std::to_array<ConfigKey>({
    {"parent", text, nullptr, "The account that it is a part of; without it, of the cluster."},
    {"shares", integer, "1", "Its part, beside those of its siblings.", 0, 1'000'000},
    {"users", list, "",
     "Who may charge it, as NAME or NAME:SHARES; * is everybody else. A user's first account is "
     "charged by jobs that name none, unless she has a default_account."},
    {"coordinators", list, "",
     "Users that may put others into it and change what is below it, by sacctmgr."},
    {"description", text, nullptr, "What it is, for lists."},
    {"organization", text, nullptr, "Whose it is, for lists."},
    {"grp_jobs", text, nullptr, "Most running jobs of it and of the accounts below."},
    {"grp_submit", text, nullptr, "Most jobs that wait or run; one more is refused."},
    {"grp_tres", text, nullptr,
     "Most in use by them together, as cpu=64,mem=256G,node=4,gres/gpu=8."},
    kGrpTresMins,
    kGrpTresRunMins,
    kGrpWall,
    kMaxTresMinsPerJob,
    {"max_jobs", text, nullptr,
     "Most running jobs of each of its users; the nearest account above that says so decides."},
    {"max_submit", text, nullptr, "Most waiting or running jobs of each of its users."},
    {"max_tres_per_job", text, nullptr, "Most that one job may ask for."},
    {"max_wall", text, nullptr, "Longest time limit of a job."},
    {"qos", text, nullptr,
     "What its jobs may give as --qos; without it, what the account above says, at last all."},
    {"default_qos", text, nullptr, "QOS of its jobs that name none; normal if none is given."},
    kOwnAllowImages,
    kOwnDefaultImage,
});

constexpr auto kUser = std::to_array<ConfigKey>({
    {"default_account", text, nullptr, "Charged by her jobs that name none."},
    {"max_jobs", text, nullptr, "Most running jobs, in whatever account."},
    {"max_submit", text, nullptr, "Most jobs that wait or run; one more is refused."},
    {"grp_tres", text, nullptr,
     "Most in use by the user's jobs together, as cpu=64,mem=256G,node=4,gres/gpu=8."},
    kGrpTresMins,
    kGrpTresRunMins,
    kGrpWall,
    kMaxTresMinsPerJob,
    {"max_tres_per_job", text, nullptr, "Most that one job may ask for."},
    {"max_wall", text, nullptr, "Longest time limit of a job."},
    {"qos", text, nullptr, "What may be given as --qos; without it, what the account says."},
    {"default_qos", text, nullptr, "QOS of jobs that name none; without it, the account's."},
    kOwnAllowImages,
    kOwnDefaultImage,
});

constexpr auto kQos = std::to_array<ConfigKey>({
    {"description", text, nullptr, "What it is, for lists."},
    {"priority", text, "0", "Its part of priority_weight_qos, beside the highest of all."},
    {"grp_jobs", text, nullptr, "Most running jobs of it."},
    {"grp_submit", text, nullptr, "Most jobs that wait or run; one more is refused."},
    {"grp_tres", text, nullptr, "Most in use by them together, as cpu=64,gres/gpu=8."},
    kGrpTresMins,
    kGrpTresRunMins,
    kGrpWall,
    kMaxTresMinsPerJob,
    {"max_jobs_per_user", text, nullptr, "Most running jobs of each user."},
    {"max_submit_per_user", text, nullptr, "Most waiting or running jobs of each user."},
    {"max_tres_per_user", text, nullptr, "Most in use by each user's jobs together."},
    {"max_jobs_per_account", text, nullptr, "Most running jobs of each account."},
    {"max_submit_per_account", text, nullptr, "Most waiting or running jobs of each account."},
    {"max_tres_per_account", text, nullptr, "Most in use by each account's jobs together."},
    {"max_tres_per_job", text, nullptr, "Most that one job may ask for."},
    {"max_wall", text, nullptr, "Longest time limit of a job."},
    {"deny_on_limit", text, "no",
     "Whether a job that asks for more than one may have is refused; else it waits, and says "
     "why."},
    {"allow_users", text, nullptr, "Users that may ask for it; with allow_accounts empty: all."},
    {"allow_accounts", text, nullptr, "Accounts whose jobs may ask for it."},
    {"preempt", text, nullptr,
     "QOS whose jobs its own may end so that they can start, under preempt_type = qos."},
    {"preempt_mode", text, nullptr,
     "What becomes of its own jobs that others end: off, cancel or requeue; the cluster's if not "
     "given."},
    {"preempt_exempt_time", text, nullptr,
     "A job of it that has run shorter is left alone; the cluster's if not given."},
    {"grace_time", text, "0",
     "Its own jobs have so long between SIGTERM, with SIGCONT, and SIGKILL; 0: kill_wait."},
});

constexpr auto kLicence = std::to_array<ConfigKey>({
    {"count", integer, nullptr, "How many may be in use at once.", 0, UINT32_MAX},
});

constexpr auto kNode = std::to_array<ConfigKey>({
    {"cpus", integer, nullptr, "Most cpus to use, if fewer than were found.", 1, 1 << 20},
    {"memory", size_mib, nullptr, "Most memory to use, if less than was found.", 1,
     int64_t{1} << 40},
    {"features", list, "", "Further features of these nodes."},
});

constexpr auto kVolume = std::to_array<ConfigKey>({
    {"path", path, nullptr,
     "Folder of the nodes; %u is the user, %U her number, %g her group, %G "
     "its number, %h her home, %% a percent sign. It is opened with her own rights."},
    {"target", path, nullptr, "Where it is in the container; where it is outside if not given."},
    {"access", choice, "rw", "Whether jobs may write there.", INT64_MIN, INT64_MAX, "ro|rw"},
    {"allow_users", list, "", "Users that may mount it; with allow_groups empty too: all."},
    {"allow_groups", list, "", "Groups that may mount it."},
});

constexpr auto kAgent = std::to_array<ConfigKey>({
    {"name", text, nullptr, "Name of this node; the host's short name if not given."},
    {"listen", text, "127.0.0.1:6821",
     "Address and port for interactive jobs' terminals; "
     "\"*:6821\" lets other machines in."},
    {"address", text, nullptr,
     "HOST:PORT that clients are told; the node's name and listen's "
     "port if not given."},
    {"spool_dir", path, "/var/spool/gd", "State of the jobs on this node."},
    {"cgroup_root", path, "/sys/fs/cgroup", "Where the control groups are mounted."},
    {"cgroup", text, "gd", "Folder of all jobs in each hierarchy, without a delegated unit."},
    {"enrol", boolean, "yes",
     "Whether local users get keys here silently, if the controller "
     "lets this node vouch."},
    {"subid_base", integer, "2000000000",
     "First host id of the range that stands for all others "
     "in images; must belong to nobody.",
     65536, 4'294'836'224},
    {"subid_count", integer, "65536", "Length of that range.", 65536, 1 << 24},
    {"cpus", integer, "0",
     "Cpus that the node counts as having; 0: those that it finds. More let jobs share them.", 0,
     1 << 16},
    {"reserved_cpus", integer, "0", "Cpus kept from jobs.", 0, 1 << 20},
    {"bind_processors", boolean, "yes",
     "Each job keeps to processors of its own, whole cores where it can be had, unless the node "
     "counts as having more than it has."},
    {"reserved_memory", size_mib, "0", "Memory kept from jobs.", 0, int64_t{1} << 40},
    {"features", list, "", "Features that this node adds to those it found."},
    {"max_processes", integer, "16384", "Most processes and threads of a job.", 16, 4'194'304},
    {"writable_size", size_mib, "1G", "Most a job may write over its image.", 1, int64_t{1} << 30},
    {"tmp_size", size_mib, "1G", "Size of a job's own /tmp.", 1, int64_t{1} << 30},
    {"shm_size", size_mib, "1G", "Size of a job's own /dev/shm.", 1, int64_t{1} << 30},
    {"sample_interval", interval, "5s",
     "What each running step uses is read so often, for gdstat --live, gdtop and sstat.", 1000,
     3'600'000},
    {"client_dir", path, nullptr,
     "Folder of the static commands that are bound into each container; "
     "where gd was installed if not given."},
    {"mount_prefixes", list, "/home, /scratch, /data, /srv, /mnt, /media, /opt, /work",
     "Paths below these may be mounted by users who can open them."},
    {"image_prefixes", list, "/", "Directories below these may be images."},
    {"image_dir", path, nullptr, "Store of fetched images; in spool_dir if not given."},
    {"image_size", size_mib, "50G",
     "The longest unused images go when the store is larger; images in use stay.", 0,
     int64_t{1} << 40},
    {"image_allow", list, "",
     "Names of images that may be fetched, with * and ?, as in docker.io/library/*; none: all."},
    {"image_deny", list, "", "Names of images that may not."},
    {"image_mirrors", list, "", "REGISTRY=HOST: the host is asked for that registry's images."},
    {"image_plain_http", list, "", "Registries and mirrors that are asked without encryption."},
    {"image_timeout", interval, "30min", "The longest that one image may take to come.", 1000,
     86'400'000},
    {"cdi_dirs", list, "/etc/cdi, /var/run/cdi",
     "Folders with descriptions of devices (Container Device Interface, *.json); later ones count "
     "more."},
    {"gres_devices", list, "",
     "Which devices a GRES stands for, as in gpu=vendor.com/gpu or gpu:a100=vendor.com/gpu: the "
     "node "
     "has as many as are described, and a job of --gres gets free ones."},
    {"device_allow", list, "",
     "Devices that jobs may ask for by name, with * and ?, as in vendor.com/tty=*; none: none."},
    {"container_keep", interval, "7d",
     "How long a container of --container-name is kept after its last use.", 1000, 10 * kYearMs},
    {"container_quota", size_mib, "10G",
     "What a user's kept containers may take together when a job begins; 0: no limit.", 0,
     int64_t{1} << 40},
    {"save_size", size_mib, "64G", "The largest file that --container-save may write.", 1,
     int64_t{1} << 40},
    {"save_timeout", interval, "30min",
     "How long --container-save may take; the job is COMPLETING meanwhile.", 1000, 86'400'000},
    {"job_dir", path, nullptr,
     "Folder of this node in which each job has one of its own, as USER/JOB; jobs find it by "
     "GD_JOB_DIR, and their user's later jobs on this node see it, too. Without it there are "
     "none."},
    {"job_dir_keep", interval, "7d", "How long such a folder is kept after its job's end.", 1000,
     10 * kYearMs},
    {"job_dir_quota", size_mib, "10G",
     "What a user's folders may take together when a job begins; counted every ten minutes; 0: "
     "no limit.",
     0, int64_t{1} << 40},
});

constexpr std::array<ConfigKind, 9> kSchema = {{
    {"", SectionNaming::unnamed, "The controller, and what all machines must know.", kTop},
    {"partition", SectionNaming::named,
     "A queue. Without any there is one, \"batch\", with all nodes.", kPartition},
    {"account", SectionNaming::named,
     "Shares of the cluster. Without any, all users have equal ones and -A is only a label.",
     kAccount},
    {"user", SectionNaming::named,
     "Limits of a user; [user *] holds for each who has none of her own, [user ACCOUNT/NAME] for "
     "a user's jobs of one account.",
     kUser},
    {"qos", SectionNaming::named,
     "A quality of service that jobs ask for by --qos. Without any, --qos is only a label; "
     "normal is always there.",
     kQos},
    {"license", SectionNaming::named, "What jobs ask for by --licenses, for the whole cluster.",
     kLicence},
    {"node", SectionNaming::named, "What the nodes of a host list may give, at most.", kNode},
    {"volume", SectionNaming::named,
     "A folder of the nodes that jobs mount by name: --volume NAME.", kVolume},
    {"agent", SectionNaming::unnamed, "The agent of the machine that this file is on.", kAgent},
}};

}  // namespace

ConfigSchema settings_schema() {
  return kSchema;
}

std::string sample_settings() {
  return sample_config(kSchema);
}

}  // namespace gd

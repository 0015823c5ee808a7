// From the checked file to the values: what a single key's type cannot say, such
// as a default that is longer than its limit, is refused here.
#include "proto/settings.h"

#include <algorithm>
#include <set>

#include "base/hostlist.h"
#include "base/text.h"
#include "proto/device_settings.h"
#include "proto/paths.h"
#include "proto/settings_limits.h"
#include "proto/settings_preempt.h"
#include "proto/volume.h"

namespace gd {
namespace {

Error at(const ConfigView& view, std::string_view key, const std::string& text) {
  return {ErrorCode::invalid, view.where(key) + ": " + std::string(key) + ": " + text};
}

Seconds whole_seconds(const ConfigView& view, std::string_view key) {
  return std::chrono::ceil<Seconds>(view.interval(key));
}

Result<void> check_host_port(const ConfigView& view, std::string_view key, uint16_t port) {
  if (!view.has(key)) return {};
  const Result<HostPort> address = parse_host_port(view.text(key), port);
  if (!address.ok()) return at(view, key, address.error().text);
  return {};
}

std::string text_or_empty(const ConfigView& view, std::string_view key) {
  return view.has(key) ? view.text(key) : "";
}

SchedulerPolicy policy_of(const std::string& name) {
  if (name == "fifo") return SchedulerPolicy::fifo;
  return name == "easy" ? SchedulerPolicy::easy : SchedulerPolicy::conservative;
}

Result<void> check_top(const ConfigView& top) {
  const std::string cluster = top.text("cluster");
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  const bool all_plain = std::all_of(cluster.begin(), cluster.end(), plain);
  if (cluster.empty() || cluster.size() > 64 || !all_plain) {
    return at(top, "cluster",
              "'" + printable(cluster) + "' is not 1 to 64 letters, digits, '-' and '_'");
  }
  if (top.interval("node_lost_after") > 0s &&
      top.interval("node_lost_after") < top.interval("node_timeout")) {
    return at(
        top, "node_lost_after",
        "must be 0, or at least node_timeout, " + format_interval(top.interval("node_timeout")));
  }
  TRY(check_host_port(top, "controller", kDefaultPort));
  TRY(check_host_port(top, "listen", kDefaultPort));
  if (top.interval("node_timeout") < 2 * top.interval("heartbeat")) {
    return at(
        top, "node_timeout",
        "must be at least twice the heartbeat of " + format_interval(top.interval("heartbeat")));
  }
  return {};
}

Result<ControllerSettings> read_top(const ConfigView& top) {
  TRY(check_top(top));
  ControllerSettings out;
  out.cluster = top.text("cluster");
  out.controller = top.text("controller");
  out.controller_key = top.text("controller_key");
  out.listen = top.text("listen");
  out.state_dir = top.text("state_dir");
  out.run_dir = top.text("run_dir");
  out.user = top.text("user");
  out.log_level = TRY(parse_log_level(top.text("log_level")));
  out.log_file = text_or_empty(top, "log_file");
  out.administrators = top.list("administrators");
  out.key_lifetime = whole_seconds(top, "key_lifetime");
  out.allow_root_jobs = top.flag("allow_root_jobs");
  out.private_data = top.flag("private_data");
  out.min_job_age = whole_seconds(top, "min_job_age");
  out.history_age = whole_seconds(top, "history_age");
  out.replay_age = whole_seconds(top, "replay_age");
  out.audit_age = whole_seconds(top, "audit_age");
  out.kill_wait = whole_seconds(top, "kill_wait");
  out.heartbeat = whole_seconds(top, "heartbeat");
  out.node_timeout = whole_seconds(top, "node_timeout");
  if (top.interval("node_lost_after") > 0s) {
    out.node_lost_after = whole_seconds(top, "node_lost_after");
  }
  out.max_array_size = static_cast<uint32_t>(top.integer("max_array_size"));
  out.max_jobs = static_cast<uint32_t>(top.integer("max_jobs"));
  out.launch_retries = static_cast<uint32_t>(top.integer("launch_retries"));
  out.requeue = top.flag("requeue");
  out.default_image = top.text("default_image");
  out.mail_program = top.text("mail_program");
  out.low_disk_mib = top.mib("low_disk_mib");
  out.policy = policy_of(top.text("policy"));
  out.promise_limit = static_cast<uint32_t>(top.integer("promise_limit"));
  out.enforce_part_limits = top.flag("enforce_part_limits");
  out.priority_weight_age = top.real("priority_weight_age");
  out.priority_weight_fair_share = top.real("priority_weight_fair_share");
  out.priority_weight_stretch = top.real("priority_weight_stretch");
  out.priority_weight_size = top.real("priority_weight_size");
  out.priority_weight_partition = top.real("priority_weight_partition");
  out.priority_weight_qos = top.real("priority_weight_qos");
  out.priority_age_max = whole_seconds(top, "priority_age_max");
  out.priority_half_life = whole_seconds(top, "priority_half_life");
  out.priority_usage_reset_period =
      parse_usage_reset_period(top.text("priority_usage_reset_period"))
          .value_or(UsageResetPeriod::none);
  out.max_submit_rate = static_cast<uint32_t>(top.integer("max_submit_rate"));
  if (top.interval("priority_overdue_after") > 0s) {
    out.priority_overdue_after = whole_seconds(top, "priority_overdue_after");
  }
  return out;
}

Result<PartitionSettings> read_partition(const ConfigView& view) {
  PartitionSettings out;
  out.name = view.name();
  const std::string nodes = view.text("nodes");
  out.all_nodes = equal_no_case(nodes, "ALL");
  if (!out.all_nodes) {
    Result<std::vector<std::string>> hosts = expand_hostlist(nodes);
    if (!hosts.ok()) return at(view, "nodes", hosts.error().text);
    out.nodes = std::move(hosts).take();
    if (out.nodes.empty()) return at(view, "nodes", "names no node; ALL stands for all");
  }
  out.is_default = view.flag("default");
  out.up = view.text("state") == "up";
  out.max_time = view.time_limit("max_time");
  out.default_time = view.has("default_time") ? view.time_limit("default_time") : out.max_time;
  const bool longer = out.max_time && (!out.default_time || *out.default_time > *out.max_time);
  if (longer) {
    return at(view, "default_time",
              format_time_limit(out.default_time) + " is longer than max_time, " +
                  format_time_limit(out.max_time));
  }
  if (view.has("max_nodes")) out.max_nodes = static_cast<uint32_t>(view.integer("max_nodes"));
  out.priority_tier = static_cast<uint32_t>(view.integer("priority_tier"));
  out.priority_job_factor = static_cast<uint32_t>(view.integer("priority_job_factor"));
  out.allow_users = view.list("allow_users");
  out.allow_groups = view.list("allow_groups");
  out.allow_accounts = view.list("allow_accounts");
  out.allow_qos = view.list("allow_qos");
  if (view.has("default_image")) out.default_image = view.text("default_image");
  out.allow_images = view.list("allow_images");
  out.root_inside = view.flag("root_inside");
  out.root_mounts_read_only = view.flag("root_mounts_read_only");
  const auto idle = std::chrono::duration_cast<Seconds>(view.interval("session_idle"));
  if (idle > Seconds{0}) out.session_idle = idle;
  if (view.text("engine") != "native") out.engine = view.text("engine");
  return out;
}

// Exactly one default: the one that says so, else the first.
Result<void> choose_default(std::vector<PartitionSettings>& partitions, const std::string& file) {
  const PartitionSettings* first = nullptr;
  for (const PartitionSettings& each : partitions) {
    if (!each.is_default) continue;
    if (first != nullptr) {
      return Error{ErrorCode::invalid, file + ": partitions '" + first->name + "' and '" +
                                           each.name + "' both say 'default = yes'"};
    }
    first = &each;
  }
  if (first == nullptr) partitions.front().is_default = true;
  return {};
}

Result<std::vector<PartitionSettings>> read_partitions(const Config& config) {
  std::vector<PartitionSettings> out;
  for (const ConfigView& view : config.all("partition")) {
    out.push_back(TRY(read_partition(view)));
  }
  if (out.empty()) out.push_back({.name = "batch"});
  TRY(choose_default(out, config.file()));
  return out;
}

bool is_account_name(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return !name.empty() && name.size() <= 64 && name != "root" &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

Result<AccountSettings> read_account(const ConfigView& view) {
  constexpr uint32_t kMaxShares = 1'000'000;
  AccountSettings out;
  out.name = view.name();
  if (!is_account_name(out.name)) {
    return Error{ErrorCode::invalid, "[account " + printable(out.name) +
                                         "]: a name has 1 to 64 letters, digits, '-', '_' and "
                                         "'.', and is not root"};
  }
  out.parent = text_or_empty(view, "parent");
  out.shares = static_cast<uint32_t>(view.integer("shares"));
  for (const std::string& entry : view.list("users")) {
    AccountUserSettings user{.name = entry.substr(0, entry.find(':')), .shares = 1};
    if (user.name.size() < entry.size()) {
      const auto shares = parse_number<uint32_t>(
          std::string_view(entry).substr(user.name.size() + 1), 0, kMaxShares);
      if (!shares.ok())
        return at(view, "users", "'" + printable(entry) + "': " + shares.error().text);
      user.shares = *shares;
    }
    if (user.name.empty()) return at(view, "users", "'" + printable(entry) + "' lacks a name");
    out.users.push_back(std::move(user));
  }
  return out;
}

// In an order in which parents come first.
Result<std::vector<AccountSettings>> read_accounts(const Config& config) {
  std::vector<AccountSettings> left;
  for (const ConfigView& view : config.all("account")) left.push_back(TRY(read_account(view)));
  std::vector<AccountSettings> out;
  std::set<std::string, std::less<>> known{""};
  while (!left.empty()) {
    const auto next = std::find_if(left.begin(), left.end(), [&](const AccountSettings& account) {
      return known.contains(account.parent);
    });
    if (next == left.end()) {
      return Error{ErrorCode::invalid, config.file() + ": [account " + left.front().name +
                                           "]: parent '" + printable(left.front().parent) +
                                           "' is no account, or is below it"};
    }
    known.insert(next->name);
    out.push_back(std::move(*next));
    left.erase(next);
  }
  return out;
}

Result<std::vector<NodeSettings>> read_nodes(const Config& config) {
  std::vector<NodeSettings> out;
  std::set<std::string> seen;
  for (const ConfigView& view : config.all("node")) {
    NodeSettings node;
    Result<std::vector<std::string>> hosts = expand_hostlist(view.name());
    if (!hosts.ok()) {
      return std::move(hosts).error().in(config.file() + ": [node " + view.name() + "]");
    }
    node.names = std::move(hosts).take();
    for (const std::string& name : node.names) {
      if (!seen.insert(name).second) {
        return Error{ErrorCode::invalid,
                     config.file() + ": node '" + name + "' is in more than one [node] section"};
      }
    }
    if (view.has("cpus")) node.cpus = static_cast<uint32_t>(view.integer("cpus"));
    if (view.has("memory")) node.memory_mib = view.mib("memory");
    node.features = view.list("features");
    out.push_back(std::move(node));
  }
  return out;
}

Result<AgentSettings> read_agent(const ConfigView& view) {
  TRY(check_host_port(view, "listen", kDefaultStreamPort));
  TRY(check_host_port(view, "address", kDefaultStreamPort));
  AgentSettings out;
  out.name = text_or_empty(view, "name");
  out.listen = view.text("listen");
  out.address = text_or_empty(view, "address");
  out.spool_dir = view.text("spool_dir");
  out.cgroup_root = view.text("cgroup_root");
  out.cgroup = view.text("cgroup");
  out.enrol = view.flag("enrol");
  out.subid_base = static_cast<uint32_t>(view.integer("subid_base"));
  out.subid_count = static_cast<uint32_t>(view.integer("subid_count"));
  if (uint64_t{out.subid_base} + out.subid_count > UINT32_MAX) {
    return at(view, "subid_count",
              "the range ends past the highest id, " + std::to_string(UINT32_MAX - 1));
  }
  out.cpus = static_cast<uint32_t>(view.integer("cpus"));
  out.reserved_cpus = static_cast<uint32_t>(view.integer("reserved_cpus"));
  out.bind_processors = view.flag("bind_processors");
  out.reserved_memory_mib = view.mib("reserved_memory");
  out.features = view.list("features");
  out.max_processes = static_cast<uint32_t>(view.integer("max_processes"));
  out.writable_size_mib = view.mib("writable_size");
  out.sample_interval = std::chrono::duration_cast<Seconds>(view.interval("sample_interval"));
  out.tmp_size_mib = view.mib("tmp_size");
  out.shm_size_mib = view.mib("shm_size");
  out.client_dir = text_or_empty(view, "client_dir");
  out.mount_prefixes = view.list("mount_prefixes");
  out.image_prefixes = view.list("image_prefixes");
  if (view.has("image_dir")) out.image_dir = view.text("image_dir");
  out.image_allow = view.list("image_allow");
  out.image_deny = view.list("image_deny");
  out.image_plain_http = view.list("image_plain_http");
  out.image_mirrors = view.list("image_mirrors");
  for (const std::string& mirror : out.image_mirrors) {
    const size_t equals = mirror.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == mirror.size()) {
      return at(view, "image_mirrors", "'" + mirror + "' is not REGISTRY=HOST");
    }
  }
  out.image_timeout = std::chrono::duration_cast<Seconds>(view.interval("image_timeout"));
  out.image_size_mib = view.mib("image_size");
  out.save_timeout = std::chrono::duration_cast<Seconds>(view.interval("save_timeout"));
  out.save_size_mib = view.mib("save_size");
  out.container_keep = std::chrono::duration_cast<Seconds>(view.interval("container_keep"));
  out.container_quota_mib = view.mib("container_quota");
  out.job_dir = text_or_empty(view, "job_dir");
  out.job_dir_keep = std::chrono::duration_cast<Seconds>(view.interval("job_dir_keep"));
  out.job_dir_quota_mib = view.mib("job_dir_quota");
  return out;
}

void list_section(const ConfigKind& kind, const ConfigSection* section,
                  std::vector<SettingValue>& out) {
  const std::string title =
      section != nullptr && !section->name.empty() ? kind.kind + (" " + section->name) : kind.kind;
  for (const ConfigKey& key : kind.keys) {
    SettingValue value{title, key.name, key.fallback != nullptr ? key.fallback : "", true};
    if (section != nullptr) {
      for (const ConfigEntry& entry : section->entries) {
        if (entry.key != key.name) continue;
        value.value = entry.value;
        value.is_default = false;
      }
    }
    out.push_back(std::move(value));
  }
}

std::vector<SettingValue> list_values(const ConfigFile& file) {
  std::vector<SettingValue> out;
  for (const ConfigKind& kind : settings_schema()) {
    bool found = false;
    for (const ConfigSection& section : file.sections) {
      if (section.kind != kind.kind) continue;
      found = true;
      list_section(kind, &section, out);
    }
    if (!found && kind.naming == SectionNaming::unnamed) list_section(kind, nullptr, out);
  }
  return out;
}

}  // namespace

namespace {

enum class Names : uint8_t { all_here, perhaps_kept };  // of accounts and QOS

bool is_of_accounts(const ConfigSection& section) {
  return std::ranges::count(kAccountKinds, std::string_view(section.kind)) > 0;
}

// `merged` is the source with the sections that are kept elsewhere.
Result<Settings> settings_of(const Config& config, const ConfigFile& merged, Names names) {
  Settings out;
  out.controller = TRY(read_top(config.top()));
  out.partitions = TRY(read_partitions(config));
  out.accounts = TRY(read_accounts(config));
  out.limits = TRY(read_limits(config, out));
  TRY(read_preemption(config, out));
  out.accounts_in_file = std::ranges::any_of(merged.sections, is_of_accounts);
  if (names == Names::all_here || out.accounts_in_file) TRY(check_partition_names(config, out));
  out.nodes = TRY(read_nodes(config));
  (void)TRY(read_volumes(config));
  (void)TRY(read_device_settings(config));
  out.agent = TRY(read_agent(config.only("agent")));
  out.values = list_values(merged);
  out.file = config.file();
  out.source = merged;
  return out;
}

Result<Settings> parse(std::string_view text, const std::string& file, Names names) {
  const Config config = TRY(Config::load(settings_schema(), text, file));
  return settings_of(config, TRY(parse_config(text, file)), names);
}

}  // namespace

Result<Settings> parse_settings(std::string_view text, const std::string& file) {
  return parse(text, file, Names::all_here);
}

Result<Settings> load_settings(const std::string& path) {
  const Result<Bytes> text = read_file(path, kMaxConfigBytes);
  if (text.ok()) return parse(*text, path, Names::perhaps_kept);
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    return parse("", path, Names::perhaps_kept);
  }
  return text.error();
}

Result<Settings> with_accounts(const Settings& from_file, std::span<const AccountSection> kept) {
  ConfigFile merged = from_file.source;
  if (!from_file.accounts_in_file) {
    for (const AccountSection& section : kept) {
      ConfigSection& added = merged.sections.emplace_back();
      added.kind = section.kind;
      added.name = section.name;
      for (const AccountEntry& entry : section.entries) {
        added.entries.push_back({entry.key, entry.value, 0});
      }
    }
  }
  const Config config = TRY(Config::load(settings_schema(), merged));
  Settings out = TRY(settings_of(config, merged, Names::all_here));
  out.source = from_file.source;
  out.accounts_in_file = from_file.accounts_in_file;
  return out;
}

Result<HostPort> parse_host_port(std::string_view text, uint16_t default_port) {
  HostPort out{.host = std::string(text), .port = default_port};
  std::string_view port;
  if (!text.empty() && text.front() == '[') {  // an IPv6 address
    const size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return Error{ErrorCode::invalid, "'" + printable(text) + "' has no ']'"};
    }
    out.host = std::string(text.substr(1, end - 1));
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') {
      return Error{ErrorCode::invalid, "'" + printable(text) + "' is not [ADDRESS]:PORT"};
    }
  } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    out.host = std::string(text.substr(0, colon));
    port = text.substr(colon);
    if (port.find(':', 1) != std::string_view::npos) {
      return Error{ErrorCode::invalid,
                   "'" + printable(text) + "': an IPv6 address stands in [brackets]"};
    }
  }
  if (!port.empty()) {
    Result<uint16_t> number = parse_number<uint16_t>(port.substr(1));
    if (!number.ok()) return std::move(number).error().in("port of '" + printable(text) + "'");
    out.port = *number;
  }
  if (out.host.empty()) {
    return Error{ErrorCode::invalid, "'" + printable(text) + "' is not HOST or HOST:PORT"};
  }
  return out;
}

std::string tcp_endpoint(const HostPort& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + address.host + "]" : address.host;
  return "tcp://" + host + ":" + (address.port == 0 ? "*" : std::to_string(address.port));
}

}  // namespace gd

// sacctmgr - the accounts, who may charge them, and the cluster, as Slurm's tools read them.
#include "cmd/sacctmgr.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/sacctmgr_change.h"
#include "cmd/sacctmgr_commit.h"
#include "cmd/sacctmgr_limits.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{.name = "sacctmgr",
                            .slurm_name = "sacctmgr",
                            .summary = "List and change accounts, users and QOS",
                            .arguments =
                                "list|add|modify|delete|dump|load ENTITY [NAME]... "
                                "[where] [KEY=VALUE]... [set KEY=VALUE...]",
                            .examples =
                                "sacctmgr list user alice withassoc\n"
                                "sacctmgr -nP show assoc where user=alice format=account,qos\n"
                                "sacctmgr -i add account lab fairshare=3\n"
                                "sacctmgr -i add user alice account=lab\n"
                                "sacctmgr -i modify user alice account=lab set maxjobs=4\n"};

struct MgrOptions {
  bool no_header = false, parsable = false, parsable2 = false, associations = false;
  bool immediate = false, same = false;
  std::vector<std::string> words;
};

struct FieldInfo {
  std::string_view name, header;
  uint32_t width = 10;
};
constexpr FieldInfo kFields[] = {{"cluster", "Cluster", 10},
                                 {"controlhost", "ControlHost", 15},
                                 {"controlport", "ControlPort", 12},
                                 {"rpc", "RPC", 5},
                                 {"user", "User", 10},
                                 {"defaultaccount", "Def Acct", 10},
                                 {"adminlevel", "Admin", 9},
                                 {"account", "Account", 10},
                                 {"description", "Descr", 20},
                                 {"organization", "Org", 20},
                                 {"parentname", "Par Name", 10},
                                 {"partition", "Partition", 10},
                                 {"fairshare", "Share", 9},
                                 {"qos", "QOS", 20},
                                 {"defaultqos", "Def QOS", 9},
                                 {"name", "Name", 10},
                                 {"priority", "Priority", 10},
                                 {"type", "Type", 8},
                                 {"id", "ID", 6},
                                 {"gracetime", "GraceTime", 10},
                                 {"preempt", "Preempt", 10},
                                 {"preemptmode", "PreemptMode", 11},
                                 {"flags", "Flags", 20},
                                 {"grpcpus", "GrpCPUs", 8},
                                 {"grpmem", "GrpMem", 7},
                                 {"grpjobs", "GrpJobs", 7},
                                 {"grpsubmit", "GrpSubmit", 9},
                                 {"grptres", "GrpTRES", 13},
                                 {"grptresmins", "GrpTRESMins", 13},
                                 {"grptresrunmins", "GrpTRESRunMin", 13},
                                 {"grpwall", "GrpWall", 11},
                                 {"maxjobs", "MaxJobs", 7},
                                 {"maxsubmit", "MaxSubmit", 9},
                                 {"maxtres", "MaxTRES", 13},
                                 {"maxtrespernode", "MaxTRESPerNode", 14},
                                 {"maxtresmins", "MaxTRESMins", 13},
                                 {"maxwall", "MaxWall", 11},
                                 {"maxtrespu", "MaxTRESPU", 13},
                                 {"maxjobspu", "MaxJobsPU", 9},
                                 {"maxsubmitpu", "MaxSubmitPU", 11},
                                 {"maxtrespa", "MaxTRESPA", 13},
                                 {"maxjobspa", "MaxJobsPA", 9},
                                 {"maxsubmitpa", "MaxSubmitPA", 11},
                                 {"coordinators", "Coord Accounts", 20},
                                 {"allowimages", "AllowImages", 20},
                                 {"defaultimage", "DefaultImage", 20}};

constexpr std::pair<std::string_view, std::string_view> kSpelt[] = {
    {"acct", "account"},
    {"accounts", "account"},
    {"users", "user"},
    {"clusters", "cluster"},
    {"share", "fairshare"},
    {"defaultacct", "defaultaccount"},
    {"defacct", "defaultaccount"},
    {"grpcpu", "grpcpus"},
    {"admin", "adminlevel"},
    {"descr", "description"},
    {"org", "organization"},
    {"names", "name"},
    {"grpsubmitjobs", "grpsubmit"},
    {"maxsubmitjobs", "maxsubmit"},
    {"maxtresperjob", "maxtres"},
    {"maxwalldurationperjob", "maxwall"},
    {"maxtresperuser", "maxtrespu"},
    {"maxjobsperuser", "maxjobspu"},
    {"maxsubmitjobsperuser", "maxsubmitpu"},
    {"maxtresperaccount", "maxtrespa"},
    {"maxjobsperaccount", "maxjobspa"},
    {"maxsubmitjobsperaccount", "maxsubmitpa"},
    {"qoslevel", "qos"},
    {"defqos", "defaultqos"},
    {"parent", "parentname"}};

struct Entity {
  std::string_view name, columns;
};
constexpr char kAssociation[] =
    "cluster,account,user,partition,fairshare,priority,grpjobs,grptres,grpsubmit,grpwall,"
    "grptresmins,maxjobs,maxtres,maxtrespernode,maxsubmit,maxwall,maxtresmins,qos,defaultqos,"
    "grptresrunmins";
constexpr Entity kEntities[] = {
    {"user", "user,defaultaccount,adminlevel"},
    {"account", "account,description,organization"},
    {"association", kAssociation},
    {"cluster",
     "cluster,controlhost,controlport,rpc,fairshare,grpjobs,grptres,grpsubmit,maxjobs,maxtres,"
     "maxsubmit,maxwall,qos,defaultqos"},
    {"qos",
     "name,priority,gracetime,preempt,preemptmode,flags,grptres,grpjobs,grpsubmit,maxtres,maxwall,"
     "maxtrespu,maxjobspu,maxsubmitpu,maxtrespa,maxjobspa,maxsubmitpa"},
    {"tres", "type,name,id"},
    {"wckey", "name,cluster,user"}};

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

std::string canonical(std::string_view field) {
  const std::string name = to_lower(field);
  for (const auto& [spelt, is] : kSpelt) {
    if (name == spelt) return std::string(is);
  }
  return name;
}

const FieldInfo* find_field(std::string_view name) {
  const auto* found = std::ranges::find(kFields, name, &FieldInfo::name);
  return found == std::end(kFields) ? nullptr : found;
}

int width_of(std::string_view column) {
  const FieldInfo* field = find_field(canonical(column));
  return field == nullptr ? 0 : static_cast<int>(field->width);
}

bool among(const std::vector<std::string>& wanted, const std::string& value) {
  return wanted.empty() || std::ranges::count(wanted, value) > 0;
}

class Lister {
 public:
  Lister(const AcctMgrQuery& query, const ConfigReply& config)
      : query_(query), site_(site_of(config)) {}

  std::vector<AcctMgrRow> rows() {
    const bool other_cluster = !among(query_.clusters, site_.cluster);
    if (other_cluster) return {};
    if (query_.entity == "cluster") list_cluster();
    if (query_.entity == "account") list_accounts();
    if (query_.entity == "association") list_associations();
    if (query_.entity == "user") list_users();
    if (query_.entity == "qos") list_qos();
    if (query_.entity == "tres") {
      add({{"type", "cpu"}, {"id", "1"}});
      add({{"type", "mem"}, {"id", "2"}});
      add({{"type", "node"}, {"id", "4"}});
      add({{"type", "billing"}, {"id", "5"}});
    }
    return std::move(rows_);
  }

 private:
  void add(AcctMgrRow row) { rows_.push_back(std::move(row)); }

  void list_cluster() {
    const size_t colon = site_.controller.rfind(':');
    add({{"cluster", site_.cluster},
         {"controlhost", site_.controller.substr(0, colon)},
         {"controlport", colon == std::string::npos ? "" : site_.controller.substr(colon + 1)},
         {"fairshare", "1"},
         {"qos", "normal"}});
  }

  void list_qos() {
    if (site_.find_qos("normal") == nullptr) site_.qos.insert(site_.qos.begin(), {"normal", {}});
    for (const auto& [name, values] : site_.qos) {
      if (!among(query_.names, name)) continue;
      AcctMgrRow row{
          {"name", name}, {"priority", "0"}, {"gracetime", "00:00:00"}, {"preemptmode", "cluster"}};
      add_limits(row, values);
      const auto deny = values.find("deny_on_limit");
      if (deny != values.end() && deny->second == "yes") row["flags"] = "DenyOnLimit";
      add(std::move(row));
    }
  }

  void list_accounts() {
    for (const SiteAccount& account : site_.accounts) {
      if (!among(query_.accounts, account.name) || !among(query_.names, account.name)) continue;
      const std::string description = value_at(account.values, "description");
      const std::string organization = value_at(account.values, "organization");
      const std::string& above = account.parent.empty() ? account.name : account.parent;
      add({{"account", account.name},
           {"description", description.empty() ? account.name : description},
           {"organization", organization.empty() ? above : organization},
           {"coordinators", join(site_.coordinators(account), ",")},
           {"parentname", account.parent.empty() ? "root" : account.parent}});
    }
  }

  AcctMgrRow association(const SiteAccount& account, const std::string& user,
                         const std::string& shares) const {
    AcctMgrRow row{
        {"cluster", site_.cluster}, {"account", account.name}, {"user", user},
        {"fairshare", shares},      {"qos", "normal"},         {"parentname", account.parent}};
    if (user.empty()) {
      add_limits(row, account.values);
      return row;
    }
    add_limits(row, for_users(account));
    const auto own = site_.users.contains(user) ? site_.users.find(user) : site_.users.find("*");
    if (own != site_.users.end()) add_limits(row, own->second);
    const auto here = site_.users.find(account.name + "/" + user);
    if (here != site_.users.end()) add_limits(row, here->second);
    return row;
  }

  // What an account says about each of its users, the nearest account upwards deciding.
  [[nodiscard]] ConfigValues for_users(const SiteAccount& account) const {
    constexpr auto kInherited = std::to_array<std::string_view>(
        {"max_jobs", "max_submit", "max_tres_per_job", "max_tres_mins_per_job", "max_wall", "qos",
         "default_qos", "allow_images", "default_image"});
    ConfigValues values;
    for (const SiteAccount* at = &account; at != nullptr; at = site_.find_account(at->parent)) {
      for (const auto& [key, value] : at->values) {
        if (std::ranges::count(kInherited, std::string_view(key)) > 0) values.emplace(key, value);
      }
    }
    return values;
  }

  void list_associations() {
    for (const SiteAccount& account : site_.accounts) {
      if (!among(query_.accounts, account.name)) continue;
      if (query_.users.empty()) add(association(account, "", account.shares));
      for (const auto& [user, shares] : users_of(account)) {
        add(association(account, user, shares));
      }
    }
  }

  // Those that were asked for; "*" in the configuration is everybody who is not named.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> users_of(
      const SiteAccount& account) const {
    std::vector<std::pair<std::string, std::string>> out;
    std::set<std::string> named;
    std::string others;
    for (const SiteUser& user : account.users) {
      if (user.name == "*") {
        others = user.shares;
        continue;
      }
      named.insert(user.name);
      if (among(query_.users, user.name)) out.emplace_back(user.name, user.shares);
    }
    for (const std::string& asked : query_.users) {
      if (!others.empty() && !named.contains(asked)) out.emplace_back(asked, others);
    }
    return out;
  }

  void list_users() {
    std::vector<std::string> order;
    std::map<std::string, std::vector<std::pair<const SiteAccount*, std::string>>> of;
    for (const SiteAccount& account : site_.accounts) {
      for (const auto& [user, shares] : users_of(account)) {
        if (!of.contains(user)) order.push_back(user);
        of[user].emplace_back(&account, shares);
      }
    }
    for (const std::string& user : order) {
      for (const auto& [account, shares] : of[user]) {
        AcctMgrRow row = association(*account, user, shares);
        row["defaultaccount"] = site_.default_account(user);
        row["coordinators"] = coordinated_by(user);
        row["adminlevel"] = administers(user) ? "Administrator" : "None";
        if (!among(query_.accounts, account->name)) continue;
        add(std::move(row));
        if (!query_.with_associations) break;  // a line a user
      }
    }
  }

  [[nodiscard]] std::string coordinated_by(const std::string& user) const {
    std::vector<std::string> accounts;
    for (const SiteAccount& account : site_.accounts) {
      if (std::ranges::count(site_.coordinators(account), user) > 0) {
        accounts.push_back(account.name);
      }
    }
    return join(accounts, ",");
  }

  [[nodiscard]] bool administers(const std::string& user) const {
    return std::ranges::any_of(split(site_.administrators, ','),
                               [&](std::string_view each) { return trim(each) == user; });
  }

  const AcctMgrQuery& query_;
  Site site_;
  std::vector<AcctMgrRow> rows_;
};

Result<int> list(const MgrOptions& options, Context& context) {
  AcctMgrQuery query = TRY(parse_acct_mgr(options.words));
  query.with_associations |= options.associations;
  const std::vector<FormatItem> items = TRY(acct_mgr_format(query));
  const auto config = TRY(TRY(context.controller())->ask<ConfigReply>(ConfigQuery{}));
  const bool bare = options.parsable || options.parsable2;
  const auto line = [&](const auto& value_of_item) {
    std::string out;
    for (size_t i = 0; i < items.size(); ++i) {
      if (bare) {
        out += value_of_item(items[i]);
        if (options.parsable || i + 1 < items.size()) out += '|';
      } else {
        append_cell(out, items[i], value_of_item(items[i]));
        out += ' ';
      }
    }
    context.out.line(out);
  };
  if (!options.no_header) {
    line([](const FormatItem& item) { return acct_mgr_header(item); });
    if (!bare) line([](const FormatItem& item) { return std::string(item.width, '-'); });
  }
  for (const AcctMgrRow& row : acct_mgr_rows(query, config)) {
    line([&row](const FormatItem& item) {
      const auto found = row.find(item.name);
      return found == row.end() ? std::string() : printable(found->second, 1024);
    });
  }
  return kExitDone;
}

Result<int> run(const MgrOptions& options, Context& context) {
  const std::string verb = options.words.empty() ? "" : to_lower(options.words.front());
  const Confirm confirm = options.immediate ? Confirm::immediate : Confirm::ask;
  if (change_verb(verb)) return change_accounts(context, options.words, confirm);
  if (verb == "dump") return dump_accounts(context, options.words);
  if (verb == "load") return load_accounts(context, options.words, confirm);
  return list(options, context);
}

void define(Cli& cli, MgrOptions& options) {
  cli.flag("-n,--noheader", "No line of headings", options.no_header);
  cli.flag("-p,--parsable", "Separated by '|', also at the end", options.parsable);
  cli.flag("-P,--parsable2", "Separated by '|'", options.parsable2);
  cli.flag("-s,--associations", "With users, all accounts that each may charge",
           options.associations);
  cli.flag("-i,--immediate", "Change it without asking", options.immediate);
  cli.flag("-Q,--quiet", "As without this option", options.same);
  cli.refuse("-o,--oneliner -r,--readonly -v,--verbose --json --yaml");
  cli.rest(options.words);
}

int start(const Invocation& call) {
  return start_command<MgrOptions, define, run>(kInfo, call);
}

}  // namespace

Result<AcctMgrQuery> parse_acct_mgr(std::span<const std::string> words) {
  constexpr auto kRefused =
      std::to_array<std::string_view>({"archive", "clear", "reconfigure", "shutdown", "ping"});
  const std::string verb = words.empty() ? "" : to_lower(words[0]);
  if (std::ranges::count(kRefused, std::string_view(verb)) > 0) {
    return Error{ErrorCode::invalid, verb + ": not supported by gd"};
  }
  if (words.size() < 2) return usage("say what to list: user, account, assoc, cluster, qos, tres");
  if (verb != "list" && verb != "show") {
    return usage("'" + printable(verb) + "' is not list, show, add, modify, delete, dump or load");
  }
  AcctMgrQuery query;
  std::string entity = to_lower(words[1]);
  if (entity.starts_with("assoc")) entity = "association";
  if (entity.ends_with('s') && entity != "qos" && entity != "tres") entity.pop_back();
  const auto* known = std::ranges::find(kEntities, std::string_view(entity), &Entity::name);
  if (known == std::end(kEntities)) return usage("Bad entity: '" + printable(words[1]) + "'");
  query.entity = entity;
  for (const std::string& word : words.subspan(2)) {
    const size_t equals = word.find('=');
    const std::string key = canonical(word.substr(0, equals));
    if (equals == std::string::npos) {
      if (key == "where") continue;
      if (key == "withassoc" || key == "withassocs")
        query.with_associations = true;
      else if (key == "withcoord" || key == "withcoordinators")
        query.with_coordinators = true;
      else
        (entity == "user"      ? query.users
         : entity == "cluster" ? query.clusters
                               : query.names)
            .push_back(word);
      continue;
    }
    std::vector<std::string> values;
    for (const std::string_view value : split(std::string_view(word).substr(equals + 1), ','))
      values.emplace_back(value);
    if (key == "format")
      query.format = word.substr(equals + 1);
    else if (key == "user" || (key == "name" && entity == "user"))
      query.users = values;
    else if (key == "account")
      query.accounts = values;
    else if (key == "cluster")
      query.clusters = values;
    else if (key == "name")
      query.names = values;
    else
      return usage("Unknown condition: " + printable(word));
  }
  return query;
}

std::vector<AcctMgrRow> acct_mgr_rows(const AcctMgrQuery& query, const ConfigReply& config) {
  return Lister(query, config).rows();
}

Result<std::vector<FormatItem>> acct_mgr_format(const AcctMgrQuery& query) {
  std::string columns = query.format;
  if (columns.empty()) {
    columns = std::ranges::find(kEntities, std::string_view(query.entity), &Entity::name)->columns;
    if (query.entity == "user" && query.with_associations) {
      columns += ",";
      columns += kAssociation;
    }
    if (query.with_coordinators) columns += ",coordinators";
  }
  std::vector<FormatItem> items = TRY(parse_percent_format(columns, width_of));
  for (FormatItem& item : items) {
    item.name = canonical(item.name);
    if (find_field(item.name) == nullptr)
      return Error{ErrorCode::invalid, "Unknown field '" + printable(item.name) + "'"};
  }
  return items;
}

std::string acct_mgr_header(const FormatItem& item) {
  return std::string(find_field(item.name)->header);
}

const Command kSacctmgr{&kInfo, start};

}  // namespace gd::cmd

#include "cmd/sacctmgr_file.h"

#include <algorithm>
#include <set>

#include "base/duration.h"
#include "base/text.h"
#include "cmd/sacctmgr_fields.h"

namespace gd::cmd {
namespace {

std::string quoted(std::string_view value) {
  return "'" + std::string(value) + "'";
}

// ":MaxJobs=3:QOS='normal,short'": what a section says, in Slurm's words.
std::string options_of(SetOn on, const ConfigValues& values) {
  std::string out;
  for (const auto& [key, value] : values) {
    const SetField* field = field_of_key(on, key);
    if (field == nullptr) continue;
    std::string name(field->name);
    std::string text = join(words_of(value), ",");
    if (field->kind == SetKind::text) text = value;
    if (field->kind == SetKind::flags) text = value == "yes" ? "DenyOnLimit" : "";
    if (text.empty()) continue;
    const bool is_text = field->kind == SetKind::text || field->kind == SetKind::list;
    if (!field->label.empty()) name = field->label;
    if (field->key == "description") name = "Description";
    if (field->key == "organization") name = "Organization";
    out += ":" + name + "=" + (is_text ? quoted(text) : text);
  }
  return out;
}

class Dumper {
 public:
  explicit Dumper(const Site& site) : site_(site) {}

  std::vector<std::string> run() {
    lines_.push_back("Cluster - " + quoted(site_.cluster) + ":Fairshare=1:QOS='normal'");
    for (const auto& [name, values] : site_.qos) {
      lines_.push_back("QOS - " + quoted(name) + options_of(SetOn::qos, values));
    }
    below("");
    return std::move(lines_);
  }

 private:
  void below(const std::string& parent) {
    std::vector<const SiteAccount*> children;
    for (const SiteAccount& account : site_.accounts) {
      if (account.parent == parent) children.push_back(&account);
    }
    const SiteAccount* own = site_.find_account(parent);
    if (children.empty() && (own == nullptr || own->users.empty())) return;
    lines_.push_back("Parent - " + quoted(parent.empty() ? "root" : parent));
    for (const SiteAccount* account : children) add_account(*account);
    if (own != nullptr) {
      for (const SiteUser& user : own->users) add_user(*own, user);
    }
    for (const SiteAccount* account : children) below(account->name);
  }

  void add_account(const SiteAccount& account) {
    ConfigValues rest = account.values;
    for (const char* told : {"parent", "users", "coordinators", "shares"}) rest.erase(told);
    rest.try_emplace("description", account.name);
    rest.try_emplace("organization", account.parent.empty() ? account.name : account.parent);
    lines_.push_back("Account - " + quoted(account.name) + ":Fairshare=" + account.shares +
                     options_of(SetOn::association, rest));
  }

  void add_user(const SiteAccount& account, const SiteUser& user) {
    std::string line = "User - " + quoted(user.name);
    if (user.name != "*") {
      line += ":DefaultAccount=" + quoted(site_.default_account(user.name));
    }
    std::vector<std::string> coordinated;
    for (const SiteAccount& each : site_.accounts) {
      const auto names = words_of(value_at(each.values, "coordinators"));
      if (std::ranges::count(names, user.name) > 0) coordinated.push_back(each.name);
    }
    if (!coordinated.empty()) line += ":Coordinator=" + quoted(join(coordinated, ","));
    line += ":Fairshare=" + user.shares;
    const auto own = site_.users.find(account.name + "/" + user.name);
    if (own != site_.users.end()) line += options_of(SetOn::association, own->second);
    lines_.push_back(std::move(line));
  }

  const Site& site_;
  std::vector<std::string> lines_;
};

struct DumpLine {
  std::string kind, name;            // kind in lower case
  std::vector<std::string> options;  // "MaxJobs=3", quotes taken off
};

// "User - 'ada':A=1:B='x:y'": quotes keep colons in.
Result<DumpLine> parse_line(std::string_view text) {
  const size_t dash = text.find(" - ");
  if (dash == std::string_view::npos) {
    return Error{ErrorCode::invalid, "'" + printable(text, 40) + "' is not KIND - 'NAME':..."};
  }
  DumpLine line;
  line.kind = to_lower(trim(text.substr(0, dash)));
  std::vector<std::string> parts(1);
  char quote = 0;
  for (const char c : trim(text.substr(dash + 3))) {
    if (quote != 0 ? c == quote : c == '\'' || c == '"') {
      quote = quote == 0 ? c : 0;
    } else if (c == ':' && quote == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  if (quote != 0) {
    return Error{ErrorCode::invalid, "'" + printable(text, 40) + "': a quote is not closed"};
  }
  line.name = parts.front();
  line.options.assign(parts.begin() + 1, parts.end());
  if (line.name.empty()) {
    return Error{ErrorCode::invalid, "'" + printable(text, 40) + "' names nothing"};
  }
  return line;
}

class Loader {
 public:
  Loader(const Site& site, bool clean) : site_(site) { plan_.request.clean = clean; }

  Result<void> take(const DumpLine& line) {
    if (line.kind == "cluster" || line.kind == "machine") return take_cluster(line);
    if (line.kind == "qos") return take_qos(line);
    if (line.kind == "parent") return take_parent(line);
    if (line.kind == "account" || line.kind == "project") return take_account(line);
    if (line.kind == "user") return take_user(line);
    constexpr std::string_view kKinds[] = {"cluster", "qos", "parent", "account", "user"};
    return Error{ErrorCode::invalid, "'" + printable(line.kind) +
                                         "' is not Cluster, QOS, Parent, Account or User" +
                                         did_you_mean(line.kind, kKinds)};
  }

  // Coordinators and default accounts last, when all accounts are there.
  LoadPlan finish() && {
    for (SectionEdit& edit : last_) plan_.request.edits.push_back(std::move(edit));
    plan_.request.load = true;
    return std::move(plan_);
  }

 private:
  [[nodiscard]] bool is_there(std::string_view account) const {
    return made_.contains(std::string(account)) ||
           (!plan_.request.clean && site_.find_account(account) != nullptr);
  }

  Result<void> take_cluster(const DumpLine& line) {
    if (!plan_.cluster.empty()) {
      return Error{ErrorCode::invalid, "a second cluster, '" + printable(line.name) + "'"};
    }
    plan_.cluster = line.name;
    return {};
  }

  Result<void> take_parent(const DumpLine& line) {
    if (line.name != "root" && !is_there(line.name)) {
      return Error{ErrorCode::invalid,
                   "parent '" + printable(line.name) + "': there is no such account before it"};
    }
    parent_ = line.name == "root" ? "" : line.name;
    return {};
  }

  SectionEdit& edit(SectionAction action, std::string kind, std::string name) {
    return plan_.request.edits.emplace_back(
        SectionEdit{action, std::move(kind), std::move(name), {}});
  }

  Result<void> take_qos(const DumpLine& line) {
    if (line.name == "normal") return {};
    const bool is_new = plan_.request.clean || site_.find_qos(line.name) == nullptr;
    if (is_new) plan_.qos.push_back(line.name);
    SectionEdit section{is_new ? SectionAction::add : SectionAction::change, "qos", line.name, {}};
    for (const std::string& option : line.options) {
      section.entries.push_back(TRY(edit_of(TRY(parse_assignment(SetOn::qos, option)))));
    }
    plan_.request.edits.push_back(std::move(section));
    return {};
  }

  Result<void> take_account(const DumpLine& line) {
    const bool is_new = !is_there(line.name);
    SectionEdit section{
        is_new ? SectionAction::add : SectionAction::change, "account", line.name, {}};
    section.entries.push_back(
        {"parent", parent_.empty() ? EntryAction::clear : EntryAction::set, parent_});
    for (const std::string& option : line.options) {
      section.entries.push_back(TRY(edit_of(TRY(assignment(option)))));
    }
    if (is_new) plan_.accounts.push_back(line.name);
    made_.insert(line.name);
    plan_.request.edits.push_back(std::move(section));
    return {};
  }

  Result<void> take_user(const DumpLine& line) {
    if (parent_.empty()) {
      // Slurm's own account; gd has none, and its administrators are in gd.conf.
      if (line.name == "root") return {};
      return Error{ErrorCode::invalid,
                   "user '" + printable(line.name) + "': users of account root are not kept"};
    }
    std::string shares;
    SectionEdit own{SectionAction::change, "user", parent_ + "/" + line.name, {}};
    for (const std::string& option : line.options) {
      if (TRY(take_of_user(line.name, option))) continue;
      const SetValue each = TRY(assignment(option));
      if (each.field->key == "shares")
        shares = each.value;
      else
        own.entries.push_back(TRY(edit_of(each)));
    }
    const bool has_shares = !shares.empty() && shares != "1";
    edit(SectionAction::change, "account", parent_)
        .entries.push_back(
            {"users", EntryAction::insert, has_shares ? line.name + ":" + shares : line.name});
    if (!own.entries.empty()) plan_.request.edits.push_back(std::move(own));
    const bool is_new = plan_.request.clean || !site_.knows_user(line.name);
    if (is_new && std::ranges::count(plan_.users, line.name) == 0) {
      plan_.users.push_back(line.name);
    }
    return {};
  }

  // What is said of a user everywhere. Slurm's administrators are not ours to make.
  Result<bool> take_of_user(const std::string& user, const std::string& option) {
    const size_t equals = option.find('=');
    const std::string key = to_lower(std::string_view(option).substr(0, equals));
    const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
    if (key == "adminlevel" || key == "defaultwckey") return true;
    if (key == "defaultaccount") {
      last_.push_back(
          {SectionAction::change, "user", user, {{"default_account", EntryAction::set, value}}});
      return true;
    }
    if (key != "coordinator") return false;
    for (const std::string& account : words_of(value)) {
      last_.push_back({SectionAction::change,
                       "account",
                       account,
                       {{"coordinators", EntryAction::insert, user}}});
    }
    return true;
  }

  // "QOS='+short'": Slurm's own way to write what is added to what holds above.
  static Result<SetValue> assignment(const std::string& option) {
    SetValue each = TRY(parse_assignment(SetOn::association, option));
    if (each.field->kind != SetKind::list) return each;
    std::string value;
    bool adds = false;
    for (std::string& word : words_of(each.value)) {
      adds = adds || word.starts_with('+');
      if (word.starts_with('+')) word.erase(0, 1);
      value += (value.empty() ? "" : ",") + word;
    }
    each.value = adds && value.find("normal") == std::string::npos ? "normal," + value : value;
    return each;
  }

  const Site& site_;
  LoadPlan plan_;
  std::string parent_;  // of what follows; empty: the root
  std::set<std::string> made_;
  std::vector<SectionEdit> last_;
};

}  // namespace

std::string dump_heading() {
  return "# To edit this file start with a cluster line for the new cluster\n"
         "# Cluster - 'cluster_name'\n"
         "# Followed by the QOS, and by Accounts you want in this fashion...\n"
         "# Parent - 'root'\n"
         "# Account - 'cs':MaxJobs=4:FairShare=399:MaxWall=40:Description='Computer Science'\n"
         "# Any of the options after a ':' can be left out and they can be in any order.\n"
         "# If you want to add any sub accounts just list the Parent THAT HAS ALREADY\n"
         "# BEEN CREATED before the account line in this fashion...\n"
         "# Parent - 'cs'\n"
         "# Account - 'test':MaxTRES=node=1:MaxJobs=1:Description='Test Account'\n"
         "# To add users to a account add a line like this after a Parent - 'line'\n"
         "# User - 'lipari':MaxJobs=3:FairShare=1\n";
}

std::vector<std::string> dump_lines(const Site& site) {
  return Dumper(site).run();
}

Result<LoadPlan> plan_load(std::string_view text, const Site& site, bool clean) {
  if (text.size() > kMaxDumpBytes) {
    return Error{ErrorCode::invalid, "it holds " + std::to_string(text.size()) +
                                         " bytes; at most " + std::to_string(kMaxDumpBytes) +
                                         " are read"};
  }
  Loader loader(site, clean);
  size_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty() || line.starts_with('#')) continue;
    Result<DumpLine> parsed = parse_line(line);
    Result<void> taken = parsed.ok() ? loader.take(*parsed) : Result<void>(parsed.error());
    if (!taken.ok()) return std::move(taken).error().in("line " + std::to_string(number));
  }
  LoadPlan plan = std::move(loader).finish();
  if (plan.cluster.empty()) {
    return Error{ErrorCode::invalid, "it has no line with its Cluster - 'NAME'"};
  }
  return plan;
}

}  // namespace gd::cmd

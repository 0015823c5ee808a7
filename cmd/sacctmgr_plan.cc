// What a change would do to a site: see sacctmgr_change.h.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "cmd/sacctmgr_change.h"

namespace gd::cmd {
namespace {

class Planner {
 public:
  Planner(const AcctChange& change, const Site& site) : change_(change), site_(site) {}

  ChangePlan run() {
    const bool other_cluster =
        !change_.clusters.empty() && std::ranges::count(change_.clusters, site_.cluster) == 0;
    if (other_cluster) return other();
    using enum ChangeVerb;
    if (change_.verb == add) {
      if (change_.entity == "account") return add_accounts();
      if (change_.entity == "user") return add_users();
      if (change_.entity == "qos") return add_qos();
      return add_coordinators();
    }
    if (change_.verb == modify) {
      if (change_.set.empty()) return refuse(" You didn't give me anything to set\n");
      if (change_.entity == "account") return modify_accounts();
      if (change_.entity == "user") return modify_users();
      return modify_qos();
    }
    if (change_.names.empty() && change_.accounts.empty()) {
      return refuse(" No conditions given to remove, not executing.\n");
    }
    if (change_.entity == "account") return remove_accounts();
    if (change_.entity == "user") return remove_users();
    if (change_.entity == "qos") return remove_qos();
    return remove_coordinators();
  }

 private:
  ChangePlan other() {
    if (change_.verb != ChangeVerb::add) return nothing();
    return refuse(" This cluster '" + printable(change_.clusters.front()) +
                  "' doesn't exist.\n        Contact your admin to add it to accounting.\n");
  }

  ChangePlan refuse(std::string text) {
    plan_.err += std::move(text);
    plan_.code = 1;
    return std::move(plan_);
  }
  ChangePlan nothing() {
    constexpr std::string_view kWords[] = {" Nothing new added.\n", " Nothing modified\n",
                                           " Nothing deleted\n"};
    plan_.out += kWords[static_cast<size_t>(change_.verb)];
    plan_.code = 1;
    return std::move(plan_);
  }
  ChangePlan done() {
    plan_.request = std::move(request_);
    return std::move(plan_);
  }
  void line(std::string_view text) { plan_.out += std::string(text) + "\n"; }

  SectionEdit& edit(SectionAction action, std::string kind, std::string name) {
    return request_.edits.emplace_back(SectionEdit{action, std::move(kind), std::move(name), {}});
  }
  // These assignments of it; `shares` of a user stands in her account.
  void put(SectionEdit& section, const std::vector<const SetValue*>& chosen) {
    for (const SetValue* each : chosen) section.entries.push_back(edit_of(*each).take());
  }

  // One edit of an account for all its users: thousands may be named.
  void put_user(const std::string& account, EntryAction action, const std::string& member) {
    const auto [place, fresh] = user_edits_.try_emplace({account, action}, request_.edits.size());
    if (fresh) {
      edit(SectionAction::change, "account", account).entries.push_back({"users", action, member});
    } else {
      request_.edits[place->second].entries.front().value += "," + member;
    }
  }

  // Fields that a section of that entity keeps itself.
  [[nodiscard]] std::vector<const SetValue*> of_section(bool is_user) const {
    std::vector<const SetValue*> chosen;
    for (const SetValue& each : change_.set) {
      const bool elsewhere =
          is_user && (each.field->key == "shares" || each.field->key == "default_account");
      if (!elsewhere) chosen.push_back(&each);
    }
    return chosen;
  }
  [[nodiscard]] const SetValue* given(std::string_view key) const {
    const auto found = std::ranges::find_if(
        change_.set, [&](const SetValue& each) { return each.field->key == key; });
    return found == change_.set.end() ? nullptr : &*found;
  }
  [[nodiscard]] std::string text_of(std::string_view key, std::string_view otherwise) const {
    const SetValue* found = given(key);
    return found == nullptr ? std::string(otherwise) : found->value;
  }

  // A list that is not given yet means what holds otherwise: += begins with that.
  void put_list(SectionEdit& section, const SetValue& each, const ConfigValues* own,
                const SiteAccount* account) {
    const bool adds = each.field->kind == SetKind::list && each.sign == '+';
    if (!adds || (own != nullptr && own->contains(std::string(each.field->key)))) {
      section.entries.push_back(edit_of(each).take());
      return;
    }
    std::string begin = "normal";
    for (size_t steps = 0; account != nullptr && steps <= site_.accounts.size(); ++steps) {
      const std::string said = value_at(account->values, each.field->key);
      if (!said.empty()) begin = said;
      if (!said.empty()) break;
      account = site_.find_account(account->parent);
    }
    section.entries.push_back({std::string(each.field->key), EntryAction::set, begin});
    section.entries.push_back(edit_of(each).take());
  }

  // ---- add
  ChangePlan add_accounts() {
    if (change_.names.empty()) return refuse(" Need name of account to add.\n");
    const std::string parent = text_of("parent", "root");
    if (parent != "root" && site_.find_account(parent) == nullptr) {
      return refuse(" Parent account '" + printable(parent) + "' doesn't exist on cluster " +
                    site_.cluster + "\n        Contact your admin to add this account.\n" +
                    " No associations created.\n");
    }
    std::string names, associations;
    for (const std::string& name : change_.names) {
      if (site_.find_account(name) != nullptr) continue;
      names += "  " + name + "\n";
      associations += "  A = " + mgr_cell(name, 10) + " C = " + mgr_cell(site_.cluster, 10) + "\n";
      put(edit(SectionAction::add, "account", name), of_section(false));
    }
    if (names.empty()) return nothing();
    plan_.out += " Adding Account(s)\n" + names +
                 " Settings\n  Description     = " + text_of("description", "Account Name") +
                 "\n  Organization    = " + text_of("organization", "Parent/Account Name") +
                 "\n Associations\n" + associations;
    const std::string limits = settings_text(SetOn::association, change_.set);
    if (!limits.empty()) plan_.out += " Settings\n" + limits;
    return done();
  }

  ChangePlan add_users() {
    if (change_.names.empty()) return refuse(" Need name of user to add.\n");
    const SetValue* chosen = given("default_account");
    std::vector<std::string> accounts = change_.accounts;
    if (accounts.empty() && chosen != nullptr) accounts.push_back(chosen->value);
    if (accounts.empty()) return refuse(" Need name of account to add user to.\n");
    for (const std::string& name : accounts) {
      if (site_.find_account(name) != nullptr) continue;
      plan_.out += " Nothing new added.\n";
      return refuse(" This account '" + printable(name) +
                    "' doesn't exist.\n        Contact your admin to add this account.\n");
    }
    std::string users, associations;
    for (const std::string& user : change_.names) {
      const bool is_new = !site_.knows_user(user);
      bool any = false;
      for (const std::string& name : accounts) {
        if (site_.find_account(name)->find_user(user) != nullptr) continue;
        any = true;
        associations += association_line(user, name);
        const std::string shares = text_of("shares", "1");
        put_user(name, EntryAction::insert, shares == "1" ? user : user + ":" + shares);
        put_limits(user, name);
      }
      if (any && is_new) users += "  " + user + "\n";
      if (any && chosen != nullptr) {
        edit(SectionAction::change, "user", user).entries.push_back(edit_of(*chosen).take());
      }
    }
    if (associations.empty()) return nothing();
    if (!users.empty()) plan_.out += " Adding User(s)\n" + users;
    if (chosen != nullptr) {
      plan_.out += " Settings =\n  Default Account = " + chosen->value + "\n";
    }
    plan_.out += " Associations =\n" + associations + " Non Default Settings\n" +
                 settings_text(SetOn::association, change_.set);
    return done();
  }

  [[nodiscard]] std::string association_line(const std::string& user,
                                             const std::string& account) const {
    return "  U = " + mgr_cell(user, 9) + " A = " + mgr_cell(account, 10) +
           " C = " + mgr_cell(site_.cluster, 10) + "\n";
  }

  // Of a user in an account.
  void put_limits(const std::string& user, const std::string& account) {
    const std::vector<const SetValue*> chosen = of_section(true);
    if (chosen.empty()) return;
    const auto own = site_.users.find(account + "/" + user);
    SectionEdit& section = edit(SectionAction::change, "user", account + "/" + user);
    for (const SetValue* each : chosen) {
      put_list(section, *each, own == site_.users.end() ? nullptr : &own->second,
               site_.find_account(account));
    }
  }

  ChangePlan add_qos() {
    if (change_.names.empty()) return refuse(" Need name of qos to add.\n");
    std::string names;
    for (const std::string& name : change_.names) {
      if (site_.find_qos(name) != nullptr || name == "normal") continue;
      names += "  " + name + "\n";
      put(edit(SectionAction::add, "qos", name), of_section(false));
    }
    if (names.empty()) return nothing();
    plan_.out += " Adding QOS(s)\n" + names +
                 " Settings\n  Description    = " + text_of("description", change_.names.front()) +
                 "\n" + settings_text(SetOn::qos, change_.set);
    return done();
  }

  ChangePlan add_coordinators() {
    if (change_.names.empty() || change_.accounts.empty()) {
      return refuse(" You need to specify conditions to to add the coordinator.\n");
    }
    for (const std::string& user : change_.names) {
      if (site_.knows_user(user)) continue;
      return refuse(" You specified a non-existent user '" + printable(user) + "'.\n");
    }
    line(" Adding Coordinator User(s)");
    for (const std::string& user : change_.names) line("  " + user);
    line(" To Account(s) and all sub-accounts");
    for (const std::string& name : change_.accounts) {
      if (site_.find_account(name) == nullptr) return refuse_account(name);
      line("  " + name);
      edit(SectionAction::change, "account", name)
          .entries.push_back({"coordinators", EntryAction::insert, join(change_.names, ",")});
    }
    return done();
  }

  ChangePlan refuse_account(const std::string& name) {
    plan_.out.clear();
    return refuse(" This account '" + printable(name) +
                  "' doesn't exist.\n        Contact your admin to add this account.\n");
  }

  // ---- modify
  [[nodiscard]] bool is_meant(const std::vector<std::string>& list, const std::string& name) const {
    return list.empty() || std::ranges::count(list, name) > 0;
  }

  ChangePlan modify_accounts() {
    std::string accounts, associations;
    bool of_account = false, of_association = false;
    for (const SetValue& each : change_.set) {
      const bool is_text = each.field->key == "description" || each.field->key == "organization";
      (is_text ? of_account : of_association) = true;
    }
    for (const SiteAccount& account : site_.accounts) {
      if (!is_meant(change_.names, account.name)) continue;
      accounts += "  " + account.name + "\n";
      associations += "  C = " + mgr_cell(site_.cluster, 10) + " A = " + account.name + " of " +
                      (account.parent.empty() ? "root" : account.parent) + "\n";
      SectionEdit& section = edit(SectionAction::change, "account", account.name);
      for (const SetValue& each : change_.set) {
        put_list(section, each, &account.values, site_.find_account(account.parent));
      }
    }
    if (accounts.empty()) return nothing();
    if (of_account) plan_.out += " Modified accounts...\n" + accounts;
    if (of_association) plan_.out += " Modified account associations...\n" + associations;
    return done();
  }

  ChangePlan modify_users() {
    const SetValue* chosen = given("default_account");
    const bool of_association = change_.set.size() > (chosen == nullptr ? 0 : 1);
    std::string associations, strangers;
    std::set<std::string> users;
    for (const SiteAccount& account : site_.accounts) {
      if (!is_meant(change_.accounts, account.name)) continue;
      for (const SiteUser& user : account.users) {
        if (!is_meant(change_.names, user.name)) continue;
        users.insert(user.name);
        if (!of_association) continue;
        associations += "  C = " + mgr_cell(site_.cluster, 10) +
                        " A = " + mgr_cell(account.name, 20) + " U = " + mgr_cell(user.name, 9) +
                        "\n";
        if (const SetValue* shares = given("shares")) {
          put_user(account.name, EntryAction::insert, user.name + ":" + shares->value);
        }
        put_limits(user.name, account.name);
      }
    }
    if (users.empty()) return nothing();
    if (chosen != nullptr) {
      const SiteAccount* account = site_.find_account(chosen->value);
      for (const std::string& user : users) {
        if (account == nullptr || account->find_user(user) == nullptr) {
          strangers += "  U = " + user + " C = " + site_.cluster + "\n";
        }
        edit(SectionAction::change, "user", user).entries.push_back(edit_of(*chosen).take());
      }
      if (!strangers.empty()) {
        plan_.out =
            " Can't modify because these users aren't associated with new default account '" +
            printable(chosen->value) + "'...\n" + strangers;
        plan_.code = 1;
        return std::move(plan_);
      }
      line(" Modified users...");
      for (const std::string& user : users) line("  " + user);
    }
    if (of_association) plan_.out += " Modified user associations...\n" + associations;
    return done();
  }

  ChangePlan modify_qos() {
    std::string names;
    for (const auto& [name, values] : site_.qos) {
      if (!is_meant(change_.names, name)) continue;
      names += "  " + name + "\n";
      put(edit(SectionAction::change, "qos", name), of_section(false));
    }
    if (names.empty()) return nothing();
    plan_.out += " Modified qos...\n" + names;
    return done();
  }

  // ---- delete
  // With those below it.
  void gather(const std::string& name, std::vector<std::string>& all) const {
    if (std::ranges::count(all, name) > 0) return;
    all.push_back(name);
    for (const SiteAccount& account : site_.accounts) {
      if (account.parent == name) gather(account.name, all);
    }
  }

  ChangePlan remove_accounts() {
    std::string names, defaults;
    std::vector<std::string> all;
    for (const SiteAccount& account : site_.accounts) {
      if (std::ranges::count(change_.names, account.name) == 0) continue;
      names += "  " + account.name + "\n";
      // One above it that is named takes it along.
      const bool goes_anyway = std::ranges::count(all, account.name) > 0;
      if (!goes_anyway) edit(SectionAction::remove, "account", account.name);
      gather(account.name, all);
    }
    if (names.empty()) return nothing();
    for (const std::string& name : all) {
      for (const SiteUser& user : site_.find_account(name)->users) {
        if (user.name == "*" || site_.default_account(user.name) != name) continue;
        defaults += "  C = " + mgr_cell(site_.cluster, 15) + " A = " + mgr_cell(name, 10) +
                    " U = " + mgr_cell(user.name, 9) + "\n";
      }
    }
    if (!defaults.empty()) {
      return refuse(" Error with request: You can not remove the default account of a user\n" +
                    defaults +
                    " Please either remove the accounts listed above from list and resubmit,\n"
                    " or change these users' default accounts to remove the account(s).\n"
                    " Changes Discarded\n");
    }
    plan_.out += " Deleting accounts...\n" + names;
    return done();
  }

  ChangePlan remove_users() {
    std::string associations, alone, users;
    for (const SiteAccount& account : site_.accounts) {
      if (!is_meant(change_.accounts, account.name)) continue;
      for (const SiteUser& user : account.users) {
        if (!is_meant(change_.names, user.name)) continue;
        associations += "  C = " + mgr_cell(site_.cluster, 10) +
                        " A = " + mgr_cell(account.name, 10) + " U = " + mgr_cell(user.name, 9) +
                        "\n";
        put_user(account.name, EntryAction::erase, user.name);
        const std::string line = "  " + user.name + "\n";
        if (users.find(line) == std::string::npos) users += line;
        if (is_left_alone(user.name) && alone.find(line) == std::string::npos) alone += line;
      }
    }
    if (associations.empty()) return nothing();
    if (change_.accounts.empty()) {
      for (const std::string& user : change_.names) {
        if (site_.users.contains(user)) edit(SectionAction::remove, "user", user);
      }
      plan_.out += " Deleting users...\n" + users;
      return done();
    }
    plan_.out += " Deleting user associations...\n" + associations;
    if (!alone.empty()) plan_.out += " Deleting users (No Associations)...\n" + alone;
    return done();
  }

  [[nodiscard]] bool is_left_alone(const std::string& user) const {
    return std::ranges::none_of(site_.accounts, [&](const SiteAccount& account) {
      return account.find_user(user) != nullptr && !is_meant(change_.accounts, account.name);
    });
  }

  ChangePlan remove_qos() {
    std::string names;
    for (const auto& [name, values] : site_.qos) {
      if (std::ranges::count(change_.names, name) == 0) continue;
      names += "  " + name + "\n";
      edit(SectionAction::remove, "qos", name);
    }
    if (names.empty()) return nothing();
    plan_.out += " Deleting QOS(s)...\n" + names;
    return done();
  }

  ChangePlan remove_coordinators() {
    if (!change_.names.empty()) {
      line(" Removing Coordinators with user name");
      for (const std::string& user : change_.names) line("  " + user);
    }
    line(change_.accounts.empty() ? " From all accounts" : " From Account(s)");
    for (const std::string& name : change_.accounts) line("  " + name);
    std::string removed;
    for (const SiteAccount& account : site_.accounts) {
      if (!is_meant(change_.accounts, account.name)) continue;
      for (const std::string& user : words_of(value_at(account.values, "coordinators"))) {
        if (!is_meant(change_.names, user)) continue;
        removed += "  U = " + mgr_cell(user, 9) + " A = " + mgr_cell(account.name, 10) + "\n";
        edit(SectionAction::change, "account", account.name)
            .entries.push_back({"coordinators", EntryAction::erase, user});
      }
    }
    if (removed.empty()) {
      line(" Nothing removed");
      plan_.code = 1;
      return std::move(plan_);
    }
    plan_.out += " Removed Coordinators (sub accounts not listed)...\n" + removed;
    return done();
  }

  const AcctChange& change_;
  const Site& site_;
  ChangePlan plan_;
  AccountsRequest request_;
  std::map<std::pair<std::string, EntryAction>, size_t> user_edits_;  // by account
};

}  // namespace

ChangePlan plan_acct_change(const AcctChange& change, const Site& site) {
  return Planner(change, site).run();
}

}  // namespace gd::cmd

#include "server/core/account_edits.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace gd::core {
namespace {

constexpr size_t kMaxSummaryBytes = 500;
constexpr size_t kMaxMemberBytes = 256;  // one name in a list

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

Error denied(std::string text) {
  return Error{ErrorCode::denied, std::move(text)};
}

Error conflict(std::string text) {
  return Error{ErrorCode::conflict, std::move(text)};
}

std::vector<std::string> members(std::string_view value) {
  std::vector<std::string> all;
  for (const std::string_view part : split(value, ',')) {
    if (!trim(part).empty()) all.emplace_back(trim(part));
  }
  return all;
}

// "ada" of "ada:3", "cpu" of "cpu=8".
std::string_view key_of(std::string_view member) {
  return member.substr(0, member.find_first_of(":="));
}

bool has_member(std::string_view value, std::string_view name) {
  const std::vector<std::string> all = members(value);
  return std::ranges::any_of(all, [&](const std::string& each) { return key_of(each) == name; });
}

constexpr std::string_view kLists[] = {"users",       "coordinators",   "qos",
                                       "allow_users", "allow_accounts", "allow_images"};
constexpr std::string_view kAmounts[] = {
    "grp_tres",         "grp_tres_mins",     "grp_tres_run_mins",   "max_tres_mins_per_job",
    "max_tres_per_job", "max_tres_per_user", "max_tres_per_account"};
// What a coordinator may not set, even below her account.
constexpr std::string_view kReserved[] = {"qos", "default_qos", "allow_images", "default_image"};

std::set<std::string> names_in(std::string_view value) {
  std::set<std::string> names;
  for (const std::string& each : members(value)) names.emplace(key_of(each));
  return names;
}

template <size_t size>
bool among(const std::string_view (&words)[size], std::string_view word) {
  return std::ranges::count(words, word) > 0;
}

Result<void> check_value(const EntryEdit& edit) {
  if (edit.value.size() > kMaxEntryBytes) {
    return invalid(edit.key + ": a value of " + std::to_string(edit.value.size()) +
                   " bytes; at most " + std::to_string(kMaxEntryBytes) + " are kept");
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(edit.value, is_control)) {
    return invalid(edit.key + ": a control character in '" + printable(edit.value, 40) + "'");
  }
  return {};
}

std::string& value_at(AccountSection& section, std::string_view key) {
  const auto found = std::ranges::find(section.entries, key, &AccountEntry::key);
  if (found != section.entries.end()) return found->value;
  return section.entries.emplace_back(AccountEntry{std::string(key), ""}).value;
}

void drop(AccountSection& section, std::string_view key) {
  std::erase_if(section.entries, [&](const AccountEntry& entry) { return entry.key == key; });
}

// Of a list or of amounts: a member of the same name is replaced in its place. Thousands may
// come at once, so names are looked up.
Result<void> put_members(std::string& value, const EntryEdit& edit) {
  // "debian:12" is a name as a whole.
  const bool whole = edit.key == "allow_images";
  const auto name_of = [whole](std::string_view member) { return whole ? member : key_of(member); };
  std::vector<std::string> all = members(value);
  std::map<std::string, size_t, std::less<>> place;
  for (size_t i = 0; i < all.size(); ++i) place.emplace(name_of(all[i]), i);
  for (const std::string& fresh : members(edit.value)) {
    const std::string name(name_of(fresh));
    if (fresh.size() > kMaxMemberBytes || name.empty()) {
      return invalid(edit.key + ": '" + printable(fresh, 40) + "' is no name");
    }
    const bool goes = edit.action == EntryAction::erase ||
                      (edit.action == EntryAction::merge && fresh.ends_with("=-1"));
    const auto same = place.find(name);
    if (same != place.end()) {
      all[same->second] = goes ? "" : fresh;
      if (goes) place.erase(same);
    } else if (!goes) {
      place.emplace(name, all.size());
      all.push_back(fresh);
    }
  }
  std::erase(all, "");
  value = join(all, ",");
  return {};
}

Result<void> edit_entry(AccountSection& section, const EntryEdit& edit) {
  TRY(check_value(edit));
  switch (edit.action) {
    case EntryAction::set: value_at(section, edit.key) = edit.value; return {};
    case EntryAction::clear: drop(section, edit.key); return {};
    case EntryAction::insert:
    case EntryAction::erase:
      if (!among(kLists, edit.key)) return invalid(edit.key + " is no list of names");
      break;
    case EntryAction::merge:
      if (!among(kAmounts, edit.key)) return invalid(edit.key + " is no list of amounts");
      break;
  }
  std::string& value = value_at(section, edit.key);
  TRY(put_members(value, edit));
  if (value.empty()) drop(section, edit.key);
  return {};
}

class Editor {
 public:
  Editor(AccountSections sections, const Actor& actor)
      : sections_(std::move(sections)), actor_(actor) {}

  Result<void> apply(const SectionEdit& edit) {
    if (!among(kAccountKinds, edit.kind)) {
      return invalid("'" + printable(edit.kind) + "' is not account, user or qos");
    }
    if (edit.name.empty() || edit.name.size() > kMaxMemberBytes) {
      return invalid(edit.kind + ": a name has 1 to " + std::to_string(kMaxMemberBytes) +
                     " characters");
    }
    TRY(check_rights(edit));
    const SectionName name{edit.kind, edit.name};
    const bool is_there = sections_.contains(name);
    if (edit.action == SectionAction::remove) {
      if (!is_there && edit.kind != "user") return no_such(edit);
      remove(edit);
      return {};
    }
    if (edit.action == SectionAction::add && is_there && edit.kind != "user") {
      return conflict(edit.kind + " " + edit.name + " is there already");
    }
    if (edit.action == SectionAction::change && !is_there && edit.kind != "user") {
      return no_such(edit);
    }
    return change(edit);
  }

  // Nobody's default account may be one that she cannot charge.
  Result<AccountSections> finish() && {
    const Membership membership = accounts_by_user();
    for (const std::string& user : touched_) TRY(settle_default(user, membership));
    size_t bytes = 0;
    for (const auto& [name, section] : sections_) {
      for (const AccountEntry& entry : section.entries) {
        bytes += entry.key.size() + entry.value.size();
      }
    }
    if (sections_.size() > kMaxAccountSections || bytes > kMaxAccountBytes) {
      return Error{ErrorCode::exhausted, "accounts, users and qos would be " +
                                             std::to_string(sections_.size()) + " sections of " +
                                             std::to_string(bytes) + " bytes; at most " +
                                             std::to_string(kMaxAccountSections) + " of " +
                                             std::to_string(kMaxAccountBytes) + " are kept"};
    }
    return std::move(sections_);
  }

 private:
  static Error no_such(const SectionEdit& edit) {
    return Error{ErrorCode::not_found, edit.kind + " " + printable(edit.name) + " is not there"};
  }

  [[nodiscard]] const AccountSection* account(std::string_view name) const {
    const auto found = sections_.find({"account", std::string(name)});
    return found == sections_.end() ? nullptr : &found->second;
  }

  // Is she a coordinator of this account, or of one above it?
  [[nodiscard]] bool coordinates(std::string_view name) const {
    size_t steps = 0;  // a ring of parents is refused later, by the judge of the whole
    for (const AccountSection* at = account(name); at != nullptr && steps <= sections_.size();
         at = account(entry_of(*at, "parent")), ++steps) {
      if (has_member(entry_of(*at, "coordinators"), actor_.user)) return true;
    }
    return false;
  }

  // Of one above it.
  [[nodiscard]] bool coordinates_above(std::string_view name) const {
    const AccountSection* at = account(name);
    return at != nullptr && coordinates(entry_of(*at, "parent"));
  }

  [[nodiscard]] Result<void> check_rights(const SectionEdit& edit) const {
    if (actor_.administrator) return {};
    if (coordinator_may(edit)) return {};
    return denied("user " + actor_.user + " is no administrator, and no coordinator who may " +
                  "change " + edit.kind + " " + printable(edit.name));
  }

  [[nodiscard]] bool coordinator_may(const SectionEdit& edit) const {
    const auto is_reserved = [](const EntryEdit& entry) { return among(kReserved, entry.key); };
    if (edit.kind == "qos" || std::ranges::any_of(edit.entries, is_reserved)) return false;
    if (edit.kind == "user") return coordinator_may_change_user(edit);
    const auto is_of_users = [](const EntryEdit& entry) { return entry.key == "users"; };
    const auto is_parent = [](const EntryEdit& entry) { return entry.key == "parent"; };
    const auto parent = std::ranges::find_if(edit.entries, is_parent);
    const bool new_parent_is_hers = parent == edit.entries.end() ? edit.action != SectionAction::add
                                                                 : coordinates(parent->value);
    if (edit.action == SectionAction::add) return new_parent_is_hers;
    if (coordinates_above(edit.name)) return new_parent_is_hers;
    return edit.action == SectionAction::change && coordinates(edit.name) &&
           std::ranges::all_of(edit.entries, is_of_users);
  }

  // Limits in an account that is hers; a default account that is hers.
  [[nodiscard]] bool coordinator_may_change_user(const SectionEdit& edit) const {
    const size_t slash = edit.name.find('/');
    if (slash != std::string::npos) return coordinates(edit.name.substr(0, slash));
    return edit.action == SectionAction::change &&
           std::ranges::all_of(edit.entries, [&](const EntryEdit& entry) {
             return entry.key == "default_account" && coordinates(entry.value);
           });
  }

  Result<void> change(const SectionEdit& edit) {
    const auto [place, fresh] = sections_.try_emplace({edit.kind, edit.name});
    AccountSection& section = place->second;
    if (fresh) section = {edit.kind, edit.name, {}};
    const std::string users_before(entry_of(section, "users"));
    for (const EntryEdit& entry : edit.entries) TRY(edit_entry(section, entry));
    if (edit.kind == "account") note_users(edit.name, users_before, entry_of(section, "users"));
    if (edit.kind == "user" && section.entries.empty()) sections_.erase(place);
    return {};
  }

  // With the accounts below it, and what was said of users there.
  void remove(const SectionEdit& edit) {
    if (edit.kind == "account") {
      std::vector<std::string> below;
      for (const auto& [name, section] : sections_) {
        if (name.first == "account" && entry_of(section, "parent") == edit.name) {
          below.push_back(name.second);
        }
      }
      note_users(edit.name, std::string(entry_of(*account(edit.name), "users")), "");
      sections_.erase({edit.kind, edit.name});
      for (const std::string& name : below) {
        if (account(name) != nullptr) remove({SectionAction::remove, "account", name, {}});
      }
      return;
    }
    if (edit.kind == "qos") forget_qos(edit.name);
    if (edit.kind == "user" && edit.name.find('/') == std::string::npos) touched_.insert(edit.name);
    sections_.erase({edit.kind, edit.name});
  }

  // A list that had nothing else says "normal": without any it would open all of them.
  void forget_qos(const std::string& qos) {
    for (auto& [name, section] : sections_) {
      if (entry_of(section, "default_qos") == qos) drop(section, "default_qos");
      if (!has_member(entry_of(section, "qos"), qos)) continue;
      std::vector<std::string> left = members(entry_of(section, "qos"));
      std::erase(left, qos);
      value_at(section, "qos") = left.empty() ? kNormalQos : join(left, ",");
    }
  }

  // Who came has a default account from now on; of who went nothing is left there.
  void note_users(const std::string& name, const std::string& before, std::string_view after) {
    const std::set<std::string> were = names_in(before);
    const std::set<std::string> are = names_in(after);
    for (const std::string& user : were) {
      if (are.contains(user)) continue;
      sections_.erase({"user", name + "/" + user});
      left_[user].insert(name);
      touched_.insert(user);
    }
    for (const std::string& user : are) {
      if (user == "*" || were.contains(user)) continue;
      const auto [place, fresh] = sections_.try_emplace({"user", user});
      AccountSection& section = place->second;
      if (fresh) section = {"user", user, {}};
      if (entry_of(section, "default_account").empty()) {
        value_at(section, "default_account") = name;
      }
      touched_.insert(user);
    }
  }

  using Membership = std::map<std::string, std::vector<std::string>, std::less<>>;

  [[nodiscard]] Membership accounts_by_user() const {
    Membership all;
    for (const auto& [name, section] : sections_) {
      if (name.first != "account") continue;
      for (const std::string& user : names_in(entry_of(section, "users"))) {
        all[user].push_back(name.second);
      }
    }
    return all;
  }

  Result<void> settle_default(const std::string& user, const Membership& membership) {
    const auto found = sections_.find({"user", user});
    if (found == sections_.end()) return {};
    const std::string is(entry_of(found->second, "default_account"));
    if (is.empty()) return {};
    const auto mine = membership.find(user);
    const std::vector<std::string> open =
        mine == membership.end() ? std::vector<std::string>{} : mine->second;
    if (std::ranges::count(open, is) > 0) return {};
    if (!open.empty()) {
      return conflict("account " + printable(is) + " is the default of user " + user +
                      (left_[user].contains(is) ? "" : ", who is not in it") +
                      "; give her another one first, of: " + join(open, ", "));
    }
    drop(found->second, "default_account");
    if (found->second.entries.empty()) sections_.erase(found);
    return {};
  }

  AccountSections sections_;
  const Actor& actor_;
  std::set<std::string> touched_;                      // users
  std::map<std::string, std::set<std::string>> left_;  // accounts, by user
};

bool may_charge(const ClusterConfig& config, const std::string& account, const std::string& user) {
  if (config.accounts.empty()) return true;
  const auto found = std::ranges::find(config.accounts, account, &sched::Account::name);
  return found != config.accounts.end() &&
         std::ranges::any_of(found->users, [&](const sched::AccountUser& each) {
           return each.name == user || each.name == "*";
         });
}

}  // namespace

std::string_view entry_of(const AccountSection& section, std::string_view key) {
  const auto found = std::ranges::find(section.entries, key, &AccountEntry::key);
  return found == section.entries.end() ? std::string_view() : std::string_view(found->value);
}

Result<AccountSections> edited(const AccountSections& now, const Actor& actor,
                               const AccountsRequest& request) {
  if (request.edits.size() > kMaxSectionEdits) {
    return invalid(std::to_string(request.edits.size()) + " changes in one request; at most " +
                   std::to_string(kMaxSectionEdits) + " are taken");
  }
  if (request.clean && !actor.administrator) {
    return denied("user " + actor.user + " is no administrator: only these begin with nothing");
  }
  Editor editor(request.clean ? AccountSections{} : now, actor);
  for (const SectionEdit& edit : request.edits) TRY(editor.apply(edit));
  return std::move(editor).finish();
}

std::vector<ActiveJob> jobs_left_behind(const Cluster& cluster, const ClusterConfig& fresh) {
  std::vector<ActiveJob> all;
  for (const auto& [id, entry] : cluster.jobs()) {
    const JobRecord& job = entry.record;
    if (ended(job.state) || all.size() == kMaxActiveShown) continue;
    const bool stays = may_charge(fresh, job.spec->account, job.user) ||
                       !may_charge(cluster.config(), job.spec->account, job.user);
    if (!stays) all.push_back({id, job.spec->account, job.user});
  }
  return all;
}

std::string summary(const AccountsRequest& request) {
  constexpr std::string_view kVerbs[] = {"add", "change", "remove"};
  std::string text = request.clean ? "accounts anew" : "";
  for (const SectionEdit& edit : request.edits) {
    if (text.size() > kMaxSummaryBytes) return text + "; ...";
    text += (text.empty() ? "" : "; ") + std::string(kVerbs[static_cast<size_t>(edit.action)]) +
            " " + edit.kind + " " + printable(edit.name);
    std::vector<std::string> keys;
    for (const EntryEdit& entry : edit.entries) keys.push_back(printable(entry.key));
    if (!keys.empty()) text += " (" + join(keys, ", ") + ")";
  }
  return text;
}

}  // namespace gd::core

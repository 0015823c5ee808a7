#include "cmd/sacctmgr_site.h"

#include <algorithm>

#include "base/text.h"

namespace gd::cmd {
namespace {

std::vector<SiteAccount> accounts_in(const ConfigReply& config) {
  std::vector<SiteAccount> all;
  for (const auto& [name, values] : sections_of(config, "account")) {
    const std::string shares = value_at(values, "shares");
    SiteAccount& account = all.emplace_back(
        SiteAccount{name, value_at(values, "parent"), shares.empty() ? "1" : shares, {}, values});
    for (const std::string& word : words_of(value_at(values, "users"))) {
      const size_t colon = word.find(':');
      account.users.push_back(
          {word.substr(0, colon), colon == std::string::npos ? "1" : word.substr(colon + 1)});
    }
  }
  return all;
}

std::string top_value(const ConfigReply& config, std::string_view key) {
  for (const ConfigValue& item : config.entries) {
    if (item.section.empty() && item.key == key) return item.value;
  }
  return "";
}

}  // namespace

std::vector<std::pair<std::string, ConfigValues>> sections_of(const ConfigReply& config,
                                                              std::string_view kind) {
  std::vector<std::pair<std::string, ConfigValues>> all;
  for (const ConfigValue& item : config.entries) {
    std::string_view section = item.section;
    if (!take_prefix(section, kind) || !take_prefix(section, " ")) continue;
    if (all.empty() || all.back().first != section) all.push_back({std::string(section), {}});
    if (!item.is_default) all.back().second[item.key] = item.value;
  }
  return all;
}

std::string value_at(const ConfigValues& values, std::string_view key) {
  const auto found = values.find(std::string(key));
  return found == values.end() ? "" : found->second;
}

std::vector<std::string> words_of(std::string_view value) {
  std::vector<std::string> words;
  for (const std::string_view part : split(value, ',')) {
    if (!trim(part).empty()) words.emplace_back(trim(part));
  }
  return words;
}

const SiteUser* SiteAccount::find_user(std::string_view user) const {
  const auto found = std::ranges::find(users, user, &SiteUser::name);
  return found == users.end() ? nullptr : &*found;
}

const SiteAccount* Site::find_account(std::string_view name) const {
  const auto found = std::ranges::find(accounts, name, &SiteAccount::name);
  return found == accounts.end() ? nullptr : &*found;
}

const ConfigValues* Site::find_qos(std::string_view name) const {
  const auto found = std::ranges::find(qos, name, [](const auto& one) { return one.first; });
  return found == qos.end() ? nullptr : &found->second;
}

bool Site::knows_user(std::string_view user) const {
  return std::ranges::any_of(
      accounts, [&](const SiteAccount& account) { return account.find_user(user) != nullptr; });
}

std::string Site::default_account(std::string_view user) const {
  if (const auto own = users.find(user); own != users.end()) {
    const std::string named = value_at(own->second, "default_account");
    if (!named.empty()) return named;
  }
  for (const SiteAccount& account : accounts) {
    if (account.find_user(user) != nullptr || account.find_user("*") != nullptr) {
      return account.name;
    }
  }
  return "";
}

std::vector<std::string> Site::coordinators(const SiteAccount& account) const {
  std::vector<std::string> all;
  size_t steps = 0;
  for (const SiteAccount* at = &account; at != nullptr && steps <= accounts.size();
       at = find_account(at->parent), ++steps) {
    for (const std::string& name : words_of(value_at(at->values, "coordinators"))) {
      if (std::ranges::count(all, name) == 0) all.push_back(name);
    }
  }
  return all;
}

Site site_of(const ConfigReply& config) {
  Site site;
  site.cluster = top_value(config, "cluster");
  site.administrators = top_value(config, "administrators");
  site.controller = top_value(config, "controller");
  site.accounts = accounts_in(config);
  site.qos = sections_of(config, "qos");
  for (auto& [name, values] : sections_of(config, "user")) site.users[name] = std::move(values);
  return site;
}

}  // namespace gd::cmd

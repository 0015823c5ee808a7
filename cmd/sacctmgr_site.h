// The accounts, users and QOS of a cluster, as sacctmgr's commands see them: read from the
// configuration that the controller tells, whether gd.conf or the controller keeps them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/messages_cluster.h"

namespace gd::cmd {

using ConfigValues = std::map<std::string, std::string>;  // by key, those that are given

// What stands in [KIND NAME], by name in the order of the configuration.
std::vector<std::pair<std::string, ConfigValues>> sections_of(const ConfigReply& config,
                                                              std::string_view kind);

struct SiteUser {  // of an account
  std::string name, shares;
};

struct SiteAccount {
  std::string name, parent, shares;
  std::vector<SiteUser> users;
  ConfigValues values;
  [[nodiscard]] const SiteUser* find_user(std::string_view user) const;
};

struct Site {
  std::string cluster, administrators, controller;
  std::vector<SiteAccount> accounts;
  std::vector<std::pair<std::string, ConfigValues>> qos;
  std::map<std::string, ConfigValues, std::less<>> users;  // "ada", "*", "lab/ada"

  [[nodiscard]] const SiteAccount* find_account(std::string_view name) const;
  [[nodiscard]] const ConfigValues* find_qos(std::string_view name) const;
  [[nodiscard]] bool knows_user(std::string_view user) const;  // is she in any account?
  // What jobs of hers are charged to that name no account; empty: she has none.
  [[nodiscard]] std::string default_account(std::string_view user) const;
  // Of the account and of those above it.
  [[nodiscard]] std::vector<std::string> coordinators(const SiteAccount& account) const;
};

Site site_of(const ConfigReply& config);

std::string value_at(const ConfigValues& values, std::string_view key);  // empty: not given
std::vector<std::string> words_of(std::string_view value);               // at commas, trimmed

}  // namespace gd::cmd

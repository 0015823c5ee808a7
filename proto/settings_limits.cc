// From sections to limits, and what one section must not say of another.
#include "proto/settings_limits.h"

#include <algorithm>
#include <span>

#include "base/text.h"

namespace gd {
namespace {

Error at(const ConfigView& view, std::string_view key, const std::string& text) {
  return {ErrorCode::invalid, view.where(key) + ": " + std::string(key) + ": " + text};
}

constexpr std::string_view kAccountKeys[] = {"grp_jobs",
                                             "grp_submit",
                                             "grp_tres",
                                             "grp_tres_mins",
                                             "grp_tres_run_mins",
                                             "grp_wall",
                                             "max_tres_mins_per_job",
                                             "max_jobs",
                                             "max_submit",
                                             "max_tres_per_job",
                                             "max_wall",
                                             "qos",
                                             "default_qos",
                                             "allow_images",
                                             "default_image"};
constexpr std::string_view kUserKeys[] = {"max_jobs",
                                          "max_submit",
                                          "grp_tres",
                                          "grp_tres_mins",
                                          "grp_tres_run_mins",
                                          "grp_wall",
                                          "max_tres_mins_per_job",
                                          "max_tres_per_job",
                                          "max_wall",
                                          "qos",
                                          "default_qos",
                                          "allow_images",
                                          "default_image"};
constexpr std::string_view kQosKeys[] = {"priority",
                                         "grp_jobs",
                                         "grp_submit",
                                         "grp_tres",
                                         "grp_tres_mins",
                                         "grp_tres_run_mins",
                                         "grp_wall",
                                         "max_tres_mins_per_job",
                                         "max_jobs_per_user",
                                         "max_submit_per_user",
                                         "max_tres_per_user",
                                         "max_jobs_per_account",
                                         "max_submit_per_account",
                                         "max_tres_per_account",
                                         "max_tres_per_job",
                                         "max_wall",
                                         "deny_on_limit",
                                         "allow_users",
                                         "allow_accounts",
                                         "preempt",
                                         "preempt_mode",
                                         "preempt_exempt_time",
                                         "grace_time"};

template <class Limits>
Result<void> read_section(const ConfigView& view, std::span<const std::string_view> keys,
                          Limits& limits) {
  for (const std::string_view key : keys) {
    if (!view.is_given(key)) continue;
    const Result<void> set = set_limit(limits, key, view.text(key));
    if (!set.ok()) return at(view, key, set.error().text);
  }
  return {};
}

bool is_plain(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

Result<void> check_name(const ConfigView& view, std::string_view kind) {
  if (is_plain(view.name())) return {};
  return Error{ErrorCode::invalid, "[" + std::string(kind) + " " + printable(view.name()) +
                                       "]: a name has 1 to 64 letters, digits, '-', '_' and '.'"};
}

bool knows_qos(const LimitSettings& limits, std::string_view name) {
  return name == kNormalQos ||
         std::ranges::any_of(limits.qos, [&](const QosLimits& qos) { return qos.name == name; });
}

Result<void> check_qos(const LimitSettings& limits, const ConfigView& view, std::string_view key,
                       std::span<const std::string> names) {
  for (const std::string& name : names) {
    if (name.empty() || knows_qos(limits, name)) continue;
    std::vector<std::string_view> known{kNormalQos};
    for (const QosLimits& qos : limits.qos) known.push_back(qos.name);
    return at(view, key, "there is no [qos " + printable(name) + "]" + did_you_mean(name, known));
  }
  return {};
}

Result<void> check_association(const LimitSettings& limits, const ConfigView& view,
                               const AssocLimits& own) {
  TRY(check_qos(limits, view, "qos", own.qos));
  TRY(check_qos(limits, view, "default_qos", {&own.default_qos, 1}));
  const bool open = own.qos.empty() || own.default_qos.empty() ||
                    std::ranges::count(own.qos, own.default_qos) > 0;
  if (open) return {};
  return at(view, "default_qos", own.default_qos + " is not among qos, " + join(own.qos, ","));
}

Result<void> check_accounts(const Settings& settings, const ConfigView& view, std::string_view key,
                            std::span<const std::string> names) {
  for (const std::string& name : names) {
    const auto is_it = [&](const AccountSettings& account) { return account.name == name; };
    if (std::ranges::any_of(settings.accounts, is_it)) continue;
    std::vector<std::string_view> known;
    for (const AccountSettings& account : settings.accounts) known.push_back(account.name);
    return at(view, key,
              "there is no [account " + printable(name) + "]" + did_you_mean(name, known));
  }
  return {};
}

Result<void> read_qos(const Config& config, const Settings& settings, LimitSettings& out) {
  for (const ConfigView& view : config.all("qos")) {
    TRY(check_name(view, "qos"));
    QosLimits qos;
    qos.name = view.name();
    TRY(read_section(view, kQosKeys, qos));
    TRY(check_accounts(settings, view, "allow_accounts", qos.allow_accounts));
    out.qos.push_back(std::move(qos));
  }
  return {};
}

// [user ada], [user *], [user lab/ada].
Result<void> check_user_name(const Settings& settings, const ConfigView& view) {
  const std::string& name = view.name();
  const size_t slash = name.find('/');
  const std::string_view user = std::string_view(name).substr(slash + 1);  // npos + 1: all of it
  if (user != "*" && !is_plain(user)) {
    return Error{ErrorCode::invalid,
                 "[user " + printable(name) + "]: it is not NAME, ACCOUNT/NAME or *"};
  }
  if (slash == std::string::npos) return {};
  if (user == "*") {
    return Error{ErrorCode::invalid, "[user " + printable(name) +
                                         "]: what holds for each user of an account is said by "
                                         "the account's max_ keys"};
  }
  return check_accounts(settings, view, "user", std::vector{name.substr(0, slash)});
}

Result<UserLimits> read_user(const LimitSettings& limits, const Settings& settings,
                             const ConfigView& view) {
  TRY(check_user_name(settings, view));
  UserLimits own{view.name(), {}, {}};
  TRY(read_section(view, kUserKeys, own.limits));
  TRY(check_association(limits, view, own.limits));
  if (!view.is_given("default_account")) return own;
  own.default_account = view.text("default_account");
  if (own.name.find('/') != std::string::npos) {
    return at(view, "default_account", "a user has one, not one in each account");
  }
  TRY(check_accounts(settings, view, "default_account", {&own.default_account, 1}));
  return own;
}

Result<void> read_licences(const Config& config, LimitSettings& out) {
  for (const ConfigView& view : config.all("license")) {
    TRY(check_name(view, "license"));
    if (!view.has("count")) {
      return Error{ErrorCode::invalid,
                   config.file() + ": [license " + view.name() + "]: it has no count"};
    }
    out.licences.push_back({view.name(), static_cast<uint32_t>(view.integer("count"))});
  }
  return {};
}

}  // namespace

Result<LimitSettings> read_limits(const Config& config, const Settings& settings) {
  LimitSettings out;
  TRY(read_qos(config, settings, out));
  for (const AccountSettings& account : settings.accounts) {
    AccountLimits own{account.name, account.parent, {}};
    const ConfigView view = *config.find("account", account.name);
    TRY(read_section(view, kAccountKeys, own.limits));
    TRY(check_association(out, view, own.limits));
    out.accounts.push_back(std::move(own));
  }
  for (const ConfigView& view : config.all("user")) {
    out.users.push_back(TRY(read_user(out, settings, view)));
  }
  TRY(read_licences(config, out));
  return out;
}

Result<void> check_partition_names(const Config& config, const Settings& settings) {
  for (const ConfigView& view : config.all("partition")) {
    TRY(check_qos(settings.limits, view, "allow_qos", view.list("allow_qos")));
    TRY(check_accounts(settings, view, "allow_accounts", view.list("allow_accounts")));
  }
  return {};
}

}  // namespace gd

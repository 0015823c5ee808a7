#include "cmd/sacctmgr_change.h"

#include <algorithm>

#include "base/text.h"

namespace gd::cmd {
namespace {

Error usage(std::string text) {
  return Error{ErrorCode::usage, std::move(text)};
}

constexpr std::string_view kEntities[] = {"user", "account", "qos", "coordinator"};

std::string entity_of(std::string_view word) {
  std::string entity = to_lower(word);
  if (entity.ends_with('s') && entity != "qos") entity.pop_back();
  if (entity == "acct") entity = "account";
  if (entity == "coord") entity = "coordinator";
  return entity;
}

Error no_entity(ChangeVerb verb) {
  const std::string name = verb == ChangeVerb::add      ? "add"
                           : verb == ChangeVerb::modify ? "modify"
                                                        : "delete";
  return usage("No valid entity in " + name + " command\nInput line must include " +
               (verb == ChangeVerb::modify
                    ? "\"Account\", \"Cluster\", \"Federation\", \"Job\", \"QOS\", \"Resource\" or "
                      "\"User\""
                    : "\"Account\", \"Cluster\", \"Coordinator\", \"Federation\", \"QOS\", "
                      "\"Resource\", or \"User\""));
}

class Parser {
 public:
  explicit Parser(AcctChange& change) : change_(change) {}

  Result<void> word(const std::string& word) {
    if (equal_no_case(word, "set")) {
      setting_ = true;
      return {};
    }
    if (equal_no_case(word, "where")) {
      setting_ = false;
      return {};
    }
    if (setting_ && change_.verb == ChangeVerb::modify) return assign(word);
    const size_t equals = word.find('=');
    if (equals == std::string::npos) return add_names(change_.names, word);
    if (auto* list = condition(to_lower(word.substr(0, equals)))) {
      return add_names(*list, word.substr(equals + 1));
    }
    if (change_.verb == ChangeVerb::add) return assign(word);
    return usage(
        " Unknown condition: " + printable(word) +
        (change_.verb == ChangeVerb::modify ? "\n Use keyword 'set' to modify value" : ""));
  }

 private:
  std::vector<std::string>* condition(const std::string& key) {
    if (key == "name" || key == "names" || key == change_.entity || key == change_.entity + "s") {
      return &change_.names;
    }
    if (key == "cluster" || key == "clusters") return &change_.clusters;
    const bool of_account =
        key == "account" || key == "accounts" || key == "acct" || key == "accts";
    if (of_account) return change_.entity == "account" ? &change_.names : &change_.accounts;
    const bool of_user = key == "user" || key == "users";
    if (of_user && change_.entity == "coordinator") return &change_.names;
    return nullptr;
  }

  static Result<void> add_names(std::vector<std::string>& list, std::string_view value) {
    for (const char quote : {'\'', '"'}) {
      if (value.size() >= 2 && value.front() == quote && value.back() == quote) {
        value = value.substr(1, value.size() - 2);
      }
    }
    for (std::string& name : words_of(value)) {
      if (std::ranges::count(list, name) == 0) list.push_back(std::move(name));
    }
    return {};
  }

  Result<void> assign(const std::string& word) {
    if (to_lower(word).starts_with("rawusage=")) return reset_usage(word);
    const SetOn on = change_.entity == "qos" ? SetOn::qos : SetOn::association;
    Result<SetValue> assignment = parse_assignment(on, word);
    if (!assignment.ok()) {
      const Error& error = assignment.error();
      const bool is_unknown = error.code == ErrorCode::not_found;
      return usage(
          (is_unknown ? "" : "sacctmgr: error: " + error.text + "\n") +
          " Unknown option: " + printable(word) +
          (change_.verb == ChangeVerb::modify ? "\n Use keyword 'where' to modify condition" : ""));
    }
    TRY(check_entity(*assignment->field));
    change_.set.push_back(std::move(assignment).take());
    return {};
  }

  Result<void> reset_usage(const std::string& word) {
    if (change_.verb != ChangeVerb::modify) return usage(" Unknown option: " + printable(word));
    if (!word.ends_with("=0")) return usage(" " + printable(word) + ": it can be set to 0 only");
    change_.reset_usage = true;
    return {};
  }

  // Descriptions and parents are of accounts, a default account is of a user.
  Result<void> check_entity(const SetField& field) const {
    constexpr std::string_view kOfAccounts[] = {"description", "organization", "parent"};
    const bool of_account = std::ranges::count(kOfAccounts, field.name) > 0;
    const bool of_user = field.name == "defaultaccount";
    const bool wrong =
        (change_.entity == "user" && of_account) || (change_.entity == "account" && of_user);
    if (!wrong) return {};
    return usage(" Unknown option: " + std::string(field.name) +
                 "\n Use keyword 'where' to "
                 "modify condition");
  }

  AcctChange& change_;
  bool setting_ = false;
};

}  // namespace

std::string mgr_cell(std::string_view value, size_t width) {
  std::string cell(value.substr(0, width));
  cell.resize(width, ' ');
  return cell;
}

std::optional<ChangeVerb> change_verb(std::string_view word) {
  const std::string verb = to_lower(word);
  if (verb == "add" || verb == "create") return ChangeVerb::add;
  if (verb == "modify" || verb == "update") return ChangeVerb::modify;
  if (verb == "delete" || verb == "remove") return ChangeVerb::remove;
  return std::nullopt;
}

Result<AcctChange> parse_acct_change(std::span<const std::string> words) {
  AcctChange change;
  change.verb = change_verb(words.empty() ? "" : words[0]).value_or(ChangeVerb::add);
  if (words.size() < 2) return no_entity(change.verb);
  change.entity = entity_of(words[1]);
  const bool is_known = std::ranges::count(kEntities, std::string_view(change.entity)) > 0 &&
                        (change.entity != "coordinator" || change.verb != ChangeVerb::modify);
  if (!is_known) return no_entity(change.verb);
  Parser parser(change);
  for (const std::string& word : words.subspan(2)) TRY(parser.word(word));
  return change;
}

}  // namespace gd::cmd

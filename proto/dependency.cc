#include "proto/dependency.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace gd {

namespace {

struct KindName {
  std::string_view name;
  DependencyKind kind;
};

constexpr std::array kKinds{
    KindName{"after", DependencyKind::after},    KindName{"afterany", DependencyKind::any},
    KindName{"afterok", DependencyKind::ok},     KindName{"afternotok", DependencyKind::not_ok},
    KindName{"aftercorr", DependencyKind::corr}, KindName{"singleton", DependencyKind::singleton},
};

Error malformed(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

// "7", "7_3", "7_*", and for after "7+10".
Result<DependencyTerm> parse_term(DependencyKind kind, std::string_view text) {
  DependencyTerm term;
  term.kind = kind;
  const size_t plus = text.find('+');
  if (plus != std::string_view::npos) {
    if (kind != DependencyKind::after) {
      return malformed("'" + printable(text) + "': only after takes minutes");
    }
    constexpr uint32_t kMostMinutes = 366 * 24 * 60;
    term.minutes = TRY(parse_number<uint32_t>(text.substr(plus + 1), 0, kMostMinutes));
  }
  const std::string_view id = text.substr(0, plus);
  const size_t bar = id.find('_');
  term.job = JobId{TRY(parse_number<uint32_t>(id.substr(0, bar), 1))};
  if (bar == std::string_view::npos) return term;
  const std::string_view element = id.substr(bar + 1);
  if (element == "*")
    term.whole_array = true;
  else
    term.element = TRY(parse_number<uint32_t>(element));
  return term;
}

Result<void> parse_one(std::string_view text, std::vector<DependencyTerm>& terms) {
  const std::vector<std::string_view> parts = split(text, ':');
  const auto known = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindName& each) {
    return equal_no_case(each.name, parts.front());
  });
  if (known == kKinds.end()) {
    std::vector<std::string_view> names;
    for (const KindName& each : kKinds) names.push_back(each.name);
    return malformed("'" + printable(parts.front()) + "' is not one of " +
                     join(std::span<const std::string_view>(names), ", ") +
                     did_you_mean(parts.front(), names));
  }
  if (known->kind == DependencyKind::singleton) {
    if (parts.size() > 1) return malformed("singleton names no jobs");
    DependencyTerm term;
    term.kind = known->kind;
    terms.push_back(term);
  } else if (parts.size() < 2) {
    return malformed("'" + printable(text) + "' names no job");
  }
  for (size_t i = 1; i < parts.size(); ++i) terms.push_back(TRY(parse_term(known->kind, parts[i])));
  if (terms.size() <= kMaxDependencyTerms) return {};
  return malformed("more than " + std::to_string(kMaxDependencyTerms) + " jobs are named");
}

}  // namespace

DependencyState Dependency::state() const {
  const auto count = [&](DependencyState state) {
    return std::count_if(terms.begin(), terms.end(),
                         [&](const DependencyTerm& term) { return term.state == state; });
  };
  const auto all = static_cast<std::ptrdiff_t>(terms.size());
  const auto satisfied = count(DependencyState::satisfied);
  const auto failed = count(DependencyState::failed);
  if (satisfied == all || (any && satisfied > 0)) return DependencyState::satisfied;
  if (any ? failed == all : failed > 0) return DependencyState::failed;
  return DependencyState::waiting;
}

Result<Dependency> parse_dependency(std::string_view text) {
  Dependency dependency;
  if (text.empty() || text == "0" || text == "(null)") return dependency;
  const bool all = text.find(',') != std::string_view::npos;
  dependency.any = text.find('?') != std::string_view::npos;
  if (all && dependency.any) return malformed("',' (all) and '?' (any) exclude each other");
  for (const std::string_view part : split(text, dependency.any ? '?' : ',')) {
    TRY(parse_one(part, dependency.terms));
  }
  return dependency;
}

std::string format_dependency(const Dependency& dependency) {
  std::string text;
  for (const DependencyTerm& term : dependency.terms) {
    if (term.state == DependencyState::satisfied) continue;
    if (!text.empty()) text += dependency.any ? '?' : ',';
    for (const KindName& each : kKinds) {
      if (each.kind == term.kind) text += each.name;
    }
    if (term.job.value != 0) text += ":" + std::to_string(term.job.value);
    if (term.whole_array) text += "_*";
    if (term.element) text += "_" + std::to_string(*term.element);
    if (term.minutes != 0) text += "+" + std::to_string(term.minutes);
    text += term.state == DependencyState::failed ? "(failed)" : "(unfulfilled)";
  }
  return text;
}

}  // namespace gd

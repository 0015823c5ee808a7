// Amounts and limits as text.
#include "proto/limit_values.h"

#include <algorithm>
#include <limits>
#include <map>

#include "base/duration.h"
#include "base/image_name.h"
#include "base/text.h"

namespace gd {

namespace {

constexpr size_t kMaxLicences = 64;  // that one job asks for
constexpr size_t kMaxNameBytes = 64;

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

bool is_name(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return !name.empty() && name.size() <= kMaxNameBytes &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

Result<void> set_once(std::optional<uint64_t>& target, std::string_view what,
                      Result<uint64_t> value) {
  if (target) return invalid(std::string(what) + " is given twice");
  target = TRY(std::move(value));
  return {};
}

Result<void> add_gres(TresLimits& limits, std::string_view kind, std::string_view count) {
  const size_t colon = kind.find(':');
  GresCount gres{std::string(kind.substr(0, colon)), "", 0};
  if (colon != std::string_view::npos) gres.type = kind.substr(colon + 1);
  if (!is_name(gres.name) || (colon != std::string_view::npos && !is_name(gres.type))) {
    return invalid("'gres/" + printable(kind) + "' is not gres/NAME or gres/NAME:TYPE");
  }
  gres.count = TRY(parse_number<uint64_t>(count, 0, kMaxTresCount));
  const auto place = std::lower_bound(limits.gres.begin(), limits.gres.end(), gres,
                                      [](const GresCount& a, const GresCount& b) {
                                        return a.name != b.name ? a.name < b.name : a.type < b.type;
                                      });
  if (place != limits.gres.end() && place->name == gres.name && place->type == gres.type) {
    return invalid("gres/" + std::string(kind) + " is given twice");
  }
  if (limits.gres.size() == kMaxTresKinds) return invalid("more than 64 kinds of gres");
  limits.gres.insert(place, std::move(gres));
  return {};
}

Result<void> add_tres(TresLimits& limits, std::string_view part) {
  const size_t equals = part.find('=');
  if (equals == std::string_view::npos) {
    return invalid("'" + printable(part) + "' is not KIND=COUNT, as in cpu=8");
  }
  std::string_view kind = part.substr(0, equals);
  const std::string_view count = part.substr(equals + 1);
  if (kind == "cpu")
    return set_once(limits.cpus, kind, parse_number<uint64_t>(count, 0, kMaxTresCount));
  if (kind == "mem") {
    const uint64_t mib = TRY(parse_mib(count));
    if (mib > kMaxTresCount) return invalid("mem=" + printable(count) + " is too much");
    return set_once(limits.memory_mib, kind, mib);
  }
  if (kind == "node")
    return set_once(limits.nodes, kind, parse_number<uint64_t>(count, 0, kMaxTresCount));
  if (take_prefix(kind, "gres/")) return add_gres(limits, kind, count);
  constexpr std::string_view kKinds[] = {"cpu", "mem", "node", "gres/gpu"};
  return invalid("unknown resource '" + printable(kind) + "'; known are cpu, mem, node, gres/NAME" +
                 did_you_mean(kind, kKinds));
}

Result<void> set_count(std::optional<uint32_t>& target, std::string_view value) {
  target = TRY(parse_number<uint32_t>(value, 0, std::numeric_limits<uint32_t>::max()));
  return {};
}

Result<void> set_tres(TresLimits& target, std::string_view value) {
  target = TRY(parse_tres_limits(value));
  return {};
}

Result<void> set_wall(std::optional<Seconds>& target, std::string_view value) {
  target = TRY(parse_time_limit(value));
  return {};
}

std::vector<std::string> names_of(std::string_view value) {
  std::vector<std::string> names;
  for (const std::string_view part : split(value, ',')) {
    if (!trim(part).empty()) names.emplace_back(trim(part));
  }
  return names;
}

Error no_such_key(std::string_view key) {
  return Error{ErrorCode::not_found, "no limit is called '" + printable(key) + "'"};
}

// Those with a past, which only the groups of grp_* have.
Result<void> set_minutes(GroupLimits& group, std::string_view what, std::string_view value) {
  if (what == "tres_mins") return set_tres(group.tres_mins, value);
  if (what == "tres_run_mins") return set_tres(group.tres_run_mins, value);
  if (what == "wall") return set_wall(group.wall, value);
  return no_such_key(what);
}

// "grp_jobs" with the prefix "grp_", "max_jobs_per_user" with the suffix "_per_user".
Result<void> set_group(GroupLimits& group, std::string_view what, std::string_view value) {
  if (what == "jobs") return set_count(group.jobs, value);
  if (what == "submit") return set_count(group.submitted, value);
  if (what == "tres") return set_tres(group.tres, value);
  return no_such_key(what);
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

Result<void> set_each(EachLimits& each, std::string_view key, std::string_view value) {
  if (key == "max_tres_per_job") return set_tres(each.tres, value);
  if (key == "max_tres_mins_per_job") return set_tres(each.tres_mins, value);
  if (key == "max_wall") return set_wall(each.wall, value);
  return no_such_key(key);
}

Result<Seconds> whole_interval(std::string_view value) {
  return std::chrono::ceil<Seconds>(TRY(parse_interval(value)));
}

Result<void> set_preemption(QosLimits& limits, std::string_view key, std::string_view value) {
  if (key == "preempt") {
    limits.preempt = names_of(value);
  } else if (key == "preempt_mode") {
    limits.preempt_mode = TRY(parse_preempt_mode(value));
  } else if (key == "preempt_exempt_time") {
    limits.preempt_exempt = TRY(whole_interval(value));
  } else if (key == "grace_time") {
    limits.grace_time = TRY(whole_interval(value));
  } else {
    return no_such_key(key);
  }
  return {};
}

Result<void> set_flag(bool& target, std::string_view value) {
  target = value == "yes";
  if (target || value == "no") return {};
  return invalid("'" + printable(value) + "' is not yes or no");
}

}  // namespace

Result<TresLimits> parse_tres_limits(std::string_view text) {
  TresLimits limits;
  for (const std::string_view part : split(text, ',')) {
    if (trim(part).empty()) return invalid("an amount is missing beside a comma");
    TRY(add_tres(limits, trim(part)));
  }
  return limits;
}

std::string format_tres_limits(const TresLimits& limits) {
  std::string text;
  const auto add = [&text](std::string_view kind, const std::string& count) {
    text += (text.empty() ? "" : ",") + std::string(kind) + "=" + count;
  };
  if (limits.cpus) add("cpu", std::to_string(*limits.cpus));
  if (limits.memory_mib) add("mem", format_mib(*limits.memory_mib));
  if (limits.nodes) add("node", std::to_string(*limits.nodes));
  for (const GresCount& gres : limits.gres) {
    add("gres/" + gres.name + (gres.type.empty() ? "" : ":" + gres.type),
        std::to_string(gres.count));
  }
  return text;
}

Result<void> set_limit(AssocLimits& limits, std::string_view key, std::string_view value) {
  std::string_view rest = key;
  if (take_prefix(rest, "grp_")) {
    const Result<void> set = set_group(limits.group, rest, value);
    if (set.ok() || set.error().code != ErrorCode::not_found) return set;
    return set_minutes(limits.group, rest, value);
  }
  if (key == "max_jobs") return set_count(limits.per_user.jobs, value);
  if (key == "max_submit") return set_count(limits.per_user.submitted, value);
  if (key == "qos") {
    limits.qos = names_of(value);
    return {};
  }
  if (key == "default_qos") {
    limits.default_qos = value;
    return {};
  }
  if (key == "allow_images") {
    limits.allow_images = names_of(value);
    return {};
  }
  if (key == "default_image") {
    (void)TRY(parse_image_name(value));
    limits.default_image = value;
    return {};
  }
  return set_each(limits.each, key, value);
}

Result<void> set_limit(QosLimits& limits, std::string_view key, std::string_view value) {
  std::string_view rest = key;
  if (take_prefix(rest, "grp_")) {
    const Result<void> set = set_group(limits.group, rest, value);
    if (set.ok() || set.error().code != ErrorCode::not_found) return set;
    return set_minutes(limits.group, rest, value);
  }
  if (take_prefix(rest, "max_")) {
    if (take_suffix(rest, "_per_user")) return set_group(limits.per_user, rest, value);
    if (take_suffix(rest, "_per_account")) return set_group(limits.per_account, rest, value);
    return set_each(limits.each, key, value);
  }
  if (key == "priority") {
    limits.priority = TRY(parse_number<uint32_t>(value));
  } else if (key == "deny_on_limit") {
    TRY(set_flag(limits.deny_on_limit, value));
  } else if (key == "allow_users") {
    limits.allow_users = names_of(value);
  } else if (key == "allow_accounts") {
    limits.allow_accounts = names_of(value);
  } else {
    return set_preemption(limits, key, value);
  }
  return {};
}

namespace {

// Who may preempt whom, by place in LimitSettings::qos; those that are not there have no place.
using PreemptGraph = std::vector<std::vector<size_t>>;

// The places that are on a circle, or lead to one: what is left when all that lead nowhere have
// been taken away again and again.
std::vector<bool> left_on_circles(const PreemptGraph& graph) {
  std::vector<size_t> ways(graph.size());
  std::vector<std::vector<size_t>> from(graph.size());
  std::vector<size_t> ends;
  for (size_t i = 0; i < graph.size(); ++i) {
    ways[i] = graph[i].size();
    for (const size_t next : graph[i]) from[next].push_back(i);
    if (ways[i] == 0) ends.push_back(i);
  }
  std::vector<bool> left(graph.size(), true);
  while (!ends.empty()) {
    const size_t end = ends.back();
    ends.pop_back();
    left[end] = false;
    for (const size_t before : from[end]) {
      if (--ways[before] == 0) ends.push_back(before);
    }
  }
  return left;
}

// "a, b, a": followed from any place that is left; empty if none is.
std::string circle_text(const LimitSettings& limits, const PreemptGraph& graph) {
  const std::vector<bool> left = left_on_circles(graph);
  const auto first = std::ranges::find(left, true);
  if (first == left.end()) return "";
  std::vector<size_t> path{static_cast<size_t>(first - left.begin())};
  std::vector<bool> seen(graph.size());
  while (!seen[path.back()]) {
    seen[path.back()] = true;
    path.push_back(
        *std::ranges::find_if(graph[path.back()], [&](size_t place) { return left[place]; }));
  }
  path.erase(path.begin(), std::ranges::find(path, path.back()));
  std::string text;
  for (const size_t i : path) text += (text.empty() ? "" : ", ") + limits.qos[i].name;
  return text;
}

}  // namespace

Result<void> check_preempt_lists(const LimitSettings& limits) {
  std::map<std::string_view, size_t> places;
  for (size_t i = 0; i < limits.qos.size(); ++i) places.emplace(limits.qos[i].name, i);
  PreemptGraph graph(limits.qos.size());
  for (size_t i = 0; i < limits.qos.size(); ++i) {
    for (const std::string& other : limits.qos[i].preempt) {
      const auto place = places.find(other);
      if (place != places.end()) graph[i].push_back(place->second);
      if (place != places.end() || other == kNormalQos) continue;
      std::vector<std::string_view> names{kNormalQos};
      for (const QosLimits& each : limits.qos) names.push_back(each.name);
      return invalid("[qos " + limits.qos[i].name + "]: preempt: there is no [qos " +
                     printable(other) + "]" + did_you_mean(other, names));
    }
  }
  const std::string circle = circle_text(limits, graph);
  if (circle.empty()) return {};
  return invalid("[qos]: preempt: a job could be ended for one of its own QOS, by " + circle);
}

Result<std::vector<GresCount>> parse_licences(std::string_view text) {
  std::vector<GresCount> all;
  for (const std::string_view part : split(text, ',')) {
    const size_t at = part.find_first_of(":=");
    GresCount one{std::string(part.substr(0, at)), "", 1};
    if (!is_name(one.name)) {
      return invalid("'" + printable(part) + "' is not a licence's NAME or NAME:COUNT");
    }
    if (at != std::string_view::npos) {
      constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
      one.count = TRY(parse_number<uint32_t>(part.substr(at + 1), 0, kMost));
    }
    if (one.count == 0) continue;
    if (all.size() == kMaxLicences) return invalid("more than 64 licences");
    all.push_back(std::move(one));
  }
  std::sort(all.begin(), all.end());
  for (size_t i = 1; i < all.size(); ++i) {
    if (all[i].name == all[i - 1].name) {
      return invalid("licence " + all[i].name + " is given twice");
    }
  }
  return all;
}

std::string format_licences(const std::vector<GresCount>& all) {
  std::string text;
  for (const GresCount& one : all) {
    text += (text.empty() ? "" : ",") + one.name + ":" + std::to_string(one.count);
  }
  return text;
}

}  // namespace gd

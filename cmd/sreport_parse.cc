// sreport's command line: the kind of report by its words, its period, its columns.
#include <algorithm>
#include <array>

#include "base/hostlist.h"
#include "base/text.h"
#include "cmd/job_query.h"
#include "cmd/sreport.h"

namespace gd::cmd {
namespace {

constexpr size_t kMaxGroups = 100;  // columns of job sizes
constexpr uint64_t kMaxGroupCpus = uint64_t{1} << 32;

Error said(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

struct ReportName {
  std::string_view type, name;
  ReportKind kind;
};
constexpr auto kReports = std::to_array<ReportName>({
    {"cluster", "accountutilizationbyuser", ReportKind::by_account},
    {"cluster", "userutilizationbyaccount", ReportKind::by_user},
    {"cluster", "utilization", ReportKind::utilization},
    {"user", "topusage", ReportKind::top_users},
    {"job", "sizesbyaccount", ReportKind::job_sizes},
});
constexpr std::string_view kRefusedReports[] = {"userutilizationbywckey", "wckeyutilizationbyuser",
                                                "sizesbyaccountandwckey", "sizesbywckey"};
constexpr std::pair<std::string_view, std::string_view> kValidReports[] = {
    {"cluster",
     "Not valid report %\nValid cluster reports are, \"AccountUtilizationByUser\", "
     "\"UserUtilizationByAccount\", and \"Utilization\""},
    {"user", "Not valid report %\nValid user reports are, \"TopUsage\""},
    {"job", "Not valid report %\nValid job reports are, \"SizesByAccount\""}};

// Slurm takes any beginning of a report's name.
Result<ReportKind> report_kind(std::string_view type_word, std::string_view name_word) {
  const std::string type = to_lower(type_word), name = to_lower(name_word);
  if (!type.empty() && std::string_view("reservation").starts_with(type) && type.size() > 2) {
    return said("reservation: not supported by gd: reservations keep no record of their use");
  }
  const auto valid = std::ranges::find_if(kValidReports, [&](const auto& each) {
    return !type.empty() && each.first.starts_with(type);
  });
  if (valid == std::end(kValidReports)) return said("invalid keyword: " + printable(type_word));
  for (const ReportName& report : kReports) {
    if (report.type == valid->first && !name.empty() && report.name.starts_with(name)) {
      return report.kind;
    }
  }
  for (const std::string_view refused : kRefusedReports) {
    if (!name.empty() && refused.starts_with(name)) {
      return said(std::string(refused) + ": not supported by gd: it keeps no use by wckey");
    }
  }
  std::string text(valid->second);
  text.replace(text.find('%'), 1, printable(name_word));
  return said(text);
}

Result<void> parse_time_form(std::string_view word, ReportQuery& query) {
  struct Form {
    std::string_view name;
    TimeForm time;
    Share share;
  };
  constexpr auto kForms = std::to_array<Form>({{"secper", TimeForm::seconds, Share::behind},
                                               {"minper", TimeForm::minutes, Share::behind},
                                               {"hourper", TimeForm::hours, Share::behind},
                                               {"seconds", TimeForm::seconds, Share::without},
                                               {"minutes", TimeForm::minutes, Share::without},
                                               {"hours", TimeForm::hours, Share::without},
                                               {"percent", TimeForm::minutes, Share::alone}});
  const std::string lower = to_lower(word);
  // A beginning will do; "sec" is Seconds, not SecPer.
  const Form* chosen = nullptr;
  for (const Form& form : kForms) {
    if (!lower.empty() && form.name.starts_with(lower)) chosen = &form;
    if (form.name == lower) break;
  }
  if (chosen == nullptr) return said("unknown time format " + printable(word));
  query.time = chosen->time;
  query.share = chosen->share;
  return {};
}

std::vector<ReportColumn> known_columns(const ReportQuery& query) {
  const int time = query.share == Share::behind ? 18 : 8;
  if (query.kind == ReportKind::utilization) {
    return {{"cluster", "Cluster", 9},     {"trescount", "TRES Count", 10},
            {"tresname", "TRES Name", 14}, {"allocated", "Allocated", time},
            {"down", "Down", time},        {"planneddown", "PLND Down", time},
            {"idle", "Idle", time},        {"planned", "Planned", time},
            {"reserved", "Planned", time}, {"overcommitted", "Over Comm", time},
            {"reported", "Reported", time}};
  }
  const bool tree = query.kind == ReportKind::by_account && query.tree;
  return {{"cluster", "Cluster", 9},     {"account", "Account", tree ? -20 : 15},
          {"login", "Login", 9},         {"proper", "Proper Name", 15},
          {"tresname", "TRES Name", 14}, {"used", "Used", time},
          {"energy", "Energy", time}};
}

std::string default_columns(const ReportQuery& query) {
  const bool tres = !query.tres.empty();
  switch (query.kind) {
    case ReportKind::utilization:
      return std::string("cluster,") + (tres ? "tresname," : "") +
             "allocated,down,planneddown,idle,planned,reported";
    case ReportKind::by_account:
      return std::string("cluster,account,login,proper,") +
             (tres ? "tresname,used" : "used,energy");
    case ReportKind::by_user:
    case ReportKind::top_users:
      return std::string("cluster,login,proper,account,") +
             (tres ? "tresname,used" : "used,energy");
    case ReportKind::job_sizes: return "";
  }
  return "";
}

Result<void> choose_columns(const std::string& format, ReportQuery& query) {
  if (query.kind == ReportKind::job_sizes) {
    if (format.empty()) return {};
    return said("format: not supported by gd with job sizes");
  }
  const std::vector<ReportColumn> known = known_columns(query);
  const std::string names = format.empty() ? default_columns(query) : format;
  for (const std::string_view part : split(names, ',')) {
    const size_t percent = part.find('%');
    const std::string name = to_lower(trim(part.substr(0, percent)));
    auto found = std::ranges::find(known, std::string_view(name), &ReportColumn::name);
    if (found == known.end() && !name.empty()) {
      found = std::ranges::find_if(
          known, [&](const ReportColumn& column) { return column.name.starts_with(name); });
    }
    if (found == known.end()) return said(" Unknown field '" + printable(name) + "'");
    ReportColumn column = *found;
    if (percent != std::string_view::npos) {
      column.width = TRY(parse_number<int>(part.substr(percent + 1), -1000, 1000));
    }
    query.columns.push_back(std::move(column));
  }
  return {};
}

TimePoint whole_hour(TimePoint moment) {
  return std::chrono::floor<std::chrono::hours>(moment);
}

class Words {
 public:
  Words(ReportQuery& query, TimePoint now, const TimeZone& zone)
      : query_(query), now_(now), zone_(zone) {}

  Result<void> take(const std::string& word) {
    const size_t equals = word.find('=');
    const std::string key = to_lower(std::string_view(word).substr(0, equals));
    if (equals == std::string::npos) return take_flag(key, word);
    const std::string value = word.substr(equals + 1);
    if (key == "start") return moment(value, start_);
    if (key == "end") return moment(value, end_);
    if (key == "format") return format_ = value, Result<void>{};
    if (key == "topcount") {
      query_.top = TRY(parse_number<uint32_t>(value, 1, 1'000'000));
      return {};
    }
    if (key == "grouping") return grouping(value);
    if (key == "nodes") {
      query_.filter.nodes = TRY(expand_hostlist(value));
      return {};
    }
    return take_list(key, value, word);
  }

  // What is not said is all of yesterday; Slurm's hours are whole.
  Result<std::string> finish() {
    const TimePoint today = TRY(parse_moment("today", now_, zone_, Direction::past));
    const TimePoint yesterday =
        TRY(parse_moment("today", today - std::chrono::hours(12), zone_, Direction::past));
    query_.period.start = whole_hour(start_.value_or(yesterday));
    query_.period.end = end_ ? std::chrono::ceil<std::chrono::hours>(*end_) : today;
    if (query_.period.end <= query_.period.start) {
      query_.period.end = query_.period.start + std::chrono::hours(1);
    }
    return format_;
  }

 private:
  Result<void> moment(const std::string& text, std::optional<TimePoint>& at) {
    const auto parsed = parse_moment(text, now_, zone_, Direction::past);
    if (!parsed.ok()) return said("Invalid time specification (pos=0): " + printable(text));
    at = *parsed;
    return {};
  }

  Result<void> take_flag(const std::string& key, const std::string& word) {
    const bool sizes = query_.kind == ReportKind::job_sizes;
    if (key == "all_clusters") return {};
    if (key == "tree" && query_.kind == ReportKind::by_account) return query_.tree = true, ok();
    if (key == "group" && query_.kind == ReportKind::top_users) return query_.group = true, ok();
    if (key == "flatview" && sizes) return query_.flat = true, ok();
    if (key == "acctasparent" && sizes) return query_.as_parent = true, ok();
    if (key == "printjobcount" && sizes) return query_.count_jobs = true, ok();
    return unknown(word);
  }
  static Result<void> ok() { return {}; }
  static Error unknown(const std::string& word) {
    return said(" Unknown condition: " + printable(word) + "\nUse keyword set to modify value");
  }

  Result<void> take_list(const std::string& key, const std::string& value,
                         const std::string& word) {
    std::vector<std::string> names = words_of(value);
    const bool sizes = query_.kind == ReportKind::job_sizes;
    if (key == "clusters" || key == "cluster") return query_.clusters = std::move(names), ok();
    if (key == "accounts" || key == "account") return query_.accounts = std::move(names), ok();
    if (key == "users" || key == "user") return query_.filter.users = std::move(names), ok();
    if (sizes && (key == "partitions" || key == "partition")) {
      return query_.filter.partitions = std::move(names), ok();
    }
    if (sizes && (key == "jobs" || key == "job")) {
      for (const std::string& name : split_job_list(value)) {
        TRY(add_named(name, query_.filter.jobs, query_.filter.elements));
      }
      return {};
    }
    if (sizes && key == "gid") {
      for (const std::string& name : names) {
        query_.groups.push_back(TRY(parse_number<Gid>(name)));
      }
      return {};
    }
    if (key == "wckeys") return said("wckeys: not supported by gd: it keeps no use by wckey");
    return unknown(word);
  }

  Result<void> grouping(const std::string& value) {
    query_.grouping.clear();
    if (equal_no_case(value, "individual")) return {};
    for (const std::string& part : words_of(value)) {
      const uint64_t size = TRY(parse_number<uint64_t>(part, 1, kMaxGroupCpus));
      if (!query_.grouping.empty() && size <= query_.grouping.back()) {
        return said("grouping: " + std::to_string(size) + " does not follow " +
                    std::to_string(query_.grouping.back()) + "; sizes grow");
      }
      query_.grouping.push_back(size);
    }
    if (query_.grouping.empty() || query_.grouping.size() > kMaxGroups) {
      return said("grouping: " + std::to_string(query_.grouping.size()) +
                  " sizes; 1 to 100 are taken");
    }
    return {};
  }

  ReportQuery& query_;
  TimePoint now_;
  const TimeZone& zone_;
  std::optional<TimePoint> start_, end_;
  std::string format_;
};

Result<void> check_tres(const ReportOptions& options, ReportQuery& query) {
  for (const std::string& name : options.tres) {
    const bool known = name == "cpu" || name == "mem" || name == "node" || name == "billing" ||
                       (name.starts_with("gres/") && name.size() > 5) || equal_no_case(name, "ALL");
    if (!known) {
      return said("tres: '" + printable(name) +
                  "' is not cpu, mem, node, billing, gres/NAME or ALL");
    }
    if (equal_no_case(name, "ALL")) {
      for (const char* each : {"cpu", "mem", "node", "billing"}) {
        const bool no_nodes = query.kind == ReportKind::utilization && each[0] == 'n';
        if (!no_nodes) query.tres.emplace_back(each);
      }
    } else {
      query.tres.push_back(name);
    }
  }
  if (query.kind == ReportKind::job_sizes && !query.tres.empty()) {
    return said("tres: not supported by gd with job sizes, which are counted in cpus");
  }
  if (query.kind == ReportKind::utilization && std::ranges::count(query.tres, "node") > 0) {
    return said(
        "fatal: TRES node usage is no longer reported in the Cluster Utilization report.  Please "
        "use TRES CPU instead.");
  }
  return {};
}

}  // namespace

Result<ReportQuery> parse_report(const ReportOptions& options, TimePoint now,
                                 const TimeZone& zone) {
  if (options.words.size() < 2) {
    return Error{ErrorCode::usage,
                 "say which report: cluster Utilization, cluster AccountUtilizationByUser, cluster "
                 "UserUtilizationByAccount, user TopUsage or job SizesByAccount"};
  }
  ReportQuery query;
  TRY(parse_time_form(options.time, query));
  query.kind = TRY(report_kind(options.words[0], options.words[1]));
  query.no_header = options.no_header;
  query.parsable = options.parsable;
  query.parsable2 = options.parsable2;
  query.clusters = options.clusters;
  TRY(check_tres(options, query));
  Words words(query, now, zone);
  for (size_t i = 2; i < options.words.size(); ++i) TRY(words.take(options.words[i]));
  const std::string format = TRY(words.finish());
  TRY(choose_columns(format, query));
  return query;
}

bool counts(const ReportQuery& query, const JobRecord& job) {
  const bool account_is_meant = query.kind == ReportKind::job_sizes || query.accounts.empty() ||
                                std::ranges::count(query.accounts, job.spec->account) > 0;
  return account_is_meant &&
         (query.groups.empty() || std::ranges::count(query.groups, job.gid) > 0);
}

}  // namespace gd::cmd

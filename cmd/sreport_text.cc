// Reports as Slurm prints them: a heading of its own, columns with dashes or bars.
#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "cmd/sreport.h"

namespace gd::cmd {
namespace {

constexpr char kRule[] =
    "--------------------------------------------------------------------------------\n";

uint64_t of_kind(const TresSeconds& used, std::string_view kind) {
  const auto found = used.find(kind);
  return found == used.end() ? 0 : found->second;
}

std::string percent(double part, double whole) {
  char text[64];
  (void)std::snprintf(text, sizeof text, "%.2f%%", whole == 0 ? 0.0 : part / whole * 100);
  return text;
}

std::string_view unit_name(TimeForm time) {
  if (time == TimeForm::seconds) return "Seconds";
  return time == TimeForm::minutes ? "Minutes" : "Hours";
}

class Table {
 public:
  Table(const ReportQuery& query, const UsageReport& report, const ReportInput& input,
        const TimeZone& zone)
      : query_(query), report_(report), input_(input), zone_(zone), columns_(query.columns) {}

  std::string run() {
    if (query_.kind == ReportKind::job_sizes) add_size_columns();
    if (!query_.no_header) heading();
    const bool other_cluster =
        !query_.clusters.empty() && std::ranges::count(query_.clusters, input_.site.cluster) == 0;
    if (other_cluster) return std::move(out_);
    switch (query_.kind) {
      case ReportKind::utilization: utilization(); break;
      case ReportKind::by_account: usage(report_.by_account(input_.site)); break;
      case ReportKind::by_user: usage(users(UsageReport::Accounts::apart)); break;
      case ReportKind::top_users: top(); break;
      case ReportKind::job_sizes: sizes(); break;
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool bare() const { return query_.parsable || query_.parsable2; }

  // ---- headings
  [[nodiscard]] std::string title() const {
    switch (query_.kind) {
      case ReportKind::utilization: return "Cluster Utilization";
      case ReportKind::by_account: return "Cluster/Account/User Utilization";
      case ReportKind::by_user: return "Cluster/User/Account Utilization";
      case ReportKind::top_users: return "Top " + std::to_string(query_.top) + " Users";
      case ReportKind::job_sizes: return "Job Sizes";
    }
    return "";
  }

  [[nodiscard]] std::string units() const {
    const bool sizes = query_.kind == ReportKind::job_sizes;
    if (sizes && query_.count_jobs) return "Units are in number of jobs ran";
    std::string text = sizes ? "Time reported in " : "Usage reported in ";
    if (query_.share == Share::alone) return text + "Percentage of Total";
    if (!sizes) text += query_.tres.empty() ? "CPU " : "TRES ";
    text += unit_name(query_.time);
    return query_.share == Share::behind ? text + "/Percentage of Total" : text;
  }

  void heading() {
    const std::string length = " (" + std::to_string(query_.period.seconds()) + " secs)";
    out_ += kRule + title() + " " + format_moment(query_.period.start, zone_) + " - " +
            format_moment(query_.period.end - Seconds{1}, zone_) +
            (query_.kind == ReportKind::utilization ? "" : length) + "\n" + units() + "\n" + kRule;
    std::vector<std::string> names;
    for (const ReportColumn& column : columns_) {
      const auto width = static_cast<size_t>(std::abs(column.width));
      // Of a heading that is too long the rest is missing; of a value there is a "+".
      names.push_back(bare() ? column.heading : column.heading.substr(0, width));
    }
    line(names);
    if (bare()) return;
    for (const ReportColumn& column : columns_) {
      out_ += std::string(static_cast<size_t>(std::abs(column.width)), '-') + " ";
    }
    out_ += '\n';
  }

  // ---- cells
  void line(const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      if (bare()) {
        out_ += cells[i];
        if (query_.parsable || i + 1 < cells.size()) out_ += '|';
        continue;
      }
      const auto width = static_cast<size_t>(std::abs(columns_[i].width));
      std::string cell = cells[i];
      if (cell.size() > width && width > 0) cell = cell.substr(0, width - 1) + "+";
      const std::string pad(width - std::min(width, cell.size()), ' ');
      out_ += columns_[i].width < 0 ? cell + pad : pad + cell;
      out_ += ' ';
    }
    out_ += '\n';
  }

  [[nodiscard]] std::string amount(uint64_t seconds, uint64_t whole) const {
    const auto part = static_cast<double>(seconds);
    const std::string share = percent(part, static_cast<double>(whole));
    if (query_.share == Share::alone) return share;
    const double unit = query_.time == TimeForm::seconds   ? 1
                        : query_.time == TimeForm::minutes ? 60
                                                           : 3600;
    char text[64];
    (void)std::snprintf(text, sizeof text, "%.0f", part / unit);
    return query_.share == Share::behind ? std::string(text) + "(" + share + ")" : text;
  }

  // What the period is reported in: cpu alone, or each kind on a line of its own.
  [[nodiscard]] std::vector<std::string> kinds() const {
    return query_.tres.empty() ? std::vector<std::string>{"cpu"} : query_.tres;
  }

  // ---- reports
  // How long nodes were down, or kept for jobs to come, is not recorded: these cells are empty.
  void utilization() {
    const TresSeconds used = report_.total();
    for (const std::string& kind : kinds()) {
      const uint64_t whole = of_kind(input_.capacity, kind);
      const uint64_t held = of_kind(used, kind);
      std::vector<std::string> cells;
      for (const ReportColumn& column : columns_) {
        std::string cell;
        if (column.name == "cluster") cell = input_.site.cluster;
        if (column.name == "trescount") cell = std::to_string(of_kind(input_.count, kind));
        if (column.name == "tresname") cell = kind;
        if (column.name == "allocated") cell = amount(held, whole);
        if (column.name == "idle") cell = amount(whole - std::min(whole, held), whole);
        if (column.name == "reported") cell = amount(whole, whole);
        cells.push_back(std::move(cell));
      }
      line(cells);
    }
  }

  [[nodiscard]] std::vector<UsageRow> users(UsageReport::Accounts accounts) const {
    return report_.by_user(kinds().front(), accounts);
  }

  void top() {
    std::vector<UsageRow> rows =
        users(query_.group ? UsageReport::Accounts::grouped : UsageReport::Accounts::apart);
    if (rows.size() > query_.top) rows.resize(query_.top);
    usage(rows);
  }

  void usage(const std::vector<UsageRow>& rows) {
    for (const UsageRow& row : rows) {
      const bool is_meant = query_.accounts.empty() || query_.kind != ReportKind::by_account ||
                            std::ranges::count(query_.accounts, row.account) > 0;
      if (!is_meant) continue;
      for (const std::string& kind : kinds()) usage_line(row, kind);
    }
  }

  void usage_line(const UsageRow& row, const std::string& kind) {
    std::vector<std::string> cells;
    for (const ReportColumn& column : columns_) {
      std::string cell;
      if (column.name == "cluster") cell = input_.site.cluster;
      if (column.name == "account") {
        const size_t indent = row.user.empty() ? row.depth : row.depth + 1;
        cell = (query_.tree ? std::string(indent, ' ') : "") + row.account;
      }
      if (column.name == "login") cell = row.user;
      if (column.name == "proper" && !row.user.empty()) {
        cell = printable(input_.proper_name(row.user));
      }
      if (column.name == "tresname") cell = kind;
      if (column.name == "used") {
        cell = amount(of_kind(row.used, kind), of_kind(input_.capacity, kind));
      }
      cells.push_back(std::move(cell));
    }
    line(cells);
  }

  void add_size_columns() {
    columns_ = {{"cluster", "Cluster", 9}, {"account", "Account", 9}};
    for (const std::string& heading : report_.size_headings()) {
      columns_.push_back({"", heading, query_.share == Share::behind ? 18 : 13});
    }
    columns_.push_back({"", "% of cluster", 12});
  }

  void sizes() {
    const UsageReport::SizesOf of = query_.flat        ? UsageReport::SizesOf::accounts
                                    : query_.as_parent ? UsageReport::SizesOf::children
                                                       : UsageReport::SizesOf::subtrees;
    const std::vector<SizeRow> rows = report_.sizes(
        input_.site, of, query_.accounts,
        query_.count_jobs ? UsageReport::Count::jobs : UsageReport::Count::cpu_seconds);
    uint64_t whole = 0;
    for (const SizeRow& row : rows) whole += row.total;
    for (const SizeRow& row : rows) {
      std::vector<std::string> cells{input_.site.cluster, row.account};
      for (const uint64_t part : row.parts) {
        cells.push_back(query_.count_jobs ? std::to_string(part) : amount(part, row.total));
      }
      cells.push_back(percent(static_cast<double>(row.total), static_cast<double>(whole)));
      line(cells);
    }
  }

  const ReportQuery& query_;
  const UsageReport& report_;
  const ReportInput& input_;
  const TimeZone& zone_;
  std::vector<ReportColumn> columns_;
  std::string out_;
};

}  // namespace

std::string report_text(const ReportQuery& query, const UsageReport& report,
                        const ReportInput& input, const TimeZone& zone) {
  return Table(query, report, input, zone).run();
}

}  // namespace gd::cmd

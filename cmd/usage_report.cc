#include "cmd/usage_report.h"

#include <algorithm>
#include <set>

namespace gd::cmd {
namespace {

void add_to(TresSeconds& sum, const TresSeconds& more) {
  for (const auto& [kind, seconds] : more) sum[kind] += seconds;
}

uint64_t of_kind(const TresSeconds& used, std::string_view kind) {
  const auto found = used.find(kind);
  return found == used.end() ? 0 : found->second;
}

uint64_t cpus_held(const JobRecord& job) {
  uint64_t cpus = 0;
  for (const NodeShare& share : job.nodes) cpus += share.held.cpus;
  return cpus;
}

std::string account_of(const JobRecord& job) {
  return job.spec->account.empty() ? "root" : job.spec->account;
}

// Accounts by their parents: those that are not there any more hang below the root.
class Tree {
 public:
  Tree(const Site& site, const std::set<std::string>& used) {
    std::set<std::string> all = used;
    for (const SiteAccount& account : site.accounts) all.insert(account.name);
    all.erase("root");
    for (const std::string& name : all) {
      const SiteAccount* account = site.find_account(name);
      const bool below = account != nullptr && !account->parent.empty();
      below_[below ? account->parent : "root"].push_back(name);
    }
  }

  [[nodiscard]] const std::vector<std::string>& below(const std::string& name) const {
    static const std::vector<std::string> kNone;
    const auto found = below_.find(name);
    return found == below_.end() ? kNone : found->second;
  }

  // It and all below it.
  void gather(const std::string& name, std::vector<std::string>& all) const {
    all.push_back(name);
    for (const std::string& child : below(name)) gather(child, all);
  }

 private:
  std::map<std::string, std::vector<std::string>> below_;
};

}  // namespace

TresSeconds used_in(const JobRecord& job, const Period& period, TimePoint now) {
  if (job.start_time == TimePoint{} || job.nodes.empty()) return {};
  const TimePoint ended_at = job.end_time == TimePoint{} ? now : job.end_time;
  const TimePoint from = std::max(job.start_time, period.start);
  const TimePoint to = std::min(ended_at, period.end);
  if (to <= from) return {};
  const auto seconds =
      static_cast<uint64_t>(std::chrono::duration_cast<Seconds>(to - from).count());
  TresSeconds used;
  for (const NodeShare& share : job.nodes) {
    used["cpu"] += seconds * share.held.cpus;
    used["mem"] += seconds * share.held.memory_mib;
    used["node"] += seconds;
    for (const GresCount& gres : share.held.gres) {
      used["gres/" + gres.name] += seconds * gres.count;
      if (!gres.type.empty()) used["gres/" + gres.name + ":" + gres.type] += seconds * gres.count;
    }
  }
  used["billing"] = used["cpu"];
  return used;
}

void UsageReport::add(const JobRecord& job) {
  const TresSeconds used = used_in(job, period_, now_);
  if (used.empty()) return;
  const std::string account = account_of(job);
  add_to(used_[{account, job.user}], used);
  Size& size = sizes_[account][cpus_held(job)];
  size.cpu_seconds += of_kind(used, "cpu");
  ++size.jobs;
}

TresSeconds UsageReport::total() const {
  TresSeconds sum;
  for (const auto& [name, used] : used_) add_to(sum, used);
  return sum;
}

std::vector<UsageRow> UsageReport::by_account(const Site& site) const {
  std::set<std::string> accounts;
  for (const auto& [name, used] : used_) accounts.insert(name.first);
  const Tree tree(site, accounts);
  std::vector<UsageRow> rows;
  // Users of an account stand behind it, then the accounts below; sums are filled in afterwards.
  const auto visit = [&](const auto& self, const std::string& name, uint32_t depth) -> void {
    const size_t at = rows.size();
    rows.push_back({name, "", depth, {}});
    for (const auto& [owner, used] : used_) {
      if (owner.first != name) continue;
      rows.push_back({name, owner.second, depth, used});
      add_to(rows[at].used, used);
    }
    for (const std::string& child : tree.below(name)) {
      const size_t place = rows.size();
      self(self, child, depth + 1);
      add_to(rows[at].used, rows[place].used);
    }
  };
  visit(visit, "root", 0);
  std::erase_if(rows, [](const UsageRow& row) { return row.used.empty(); });
  return rows;
}

std::vector<UsageRow> UsageReport::by_user(std::string_view tres, Accounts accounts) const {
  std::vector<UsageRow> rows;
  std::map<std::string, size_t> row_of;
  for (const auto& [owner, used] : used_) {
    const auto [place, fresh] = row_of.try_emplace(owner.second, rows.size());
    if (fresh || accounts == Accounts::apart) {
      place->second = rows.size();
      rows.push_back({owner.first, owner.second, 0, used});
      continue;
    }
    UsageRow& row = rows[place->second];
    row.account += "," + owner.first;
    add_to(row.used, used);
  }
  std::ranges::stable_sort(rows, [&](const UsageRow& a, const UsageRow& b) {
    const uint64_t left = of_kind(a.used, tres), right = of_kind(b.used, tres);
    return left != right ? left > right : a.user < b.user;
  });
  return rows;
}

std::vector<uint64_t> UsageReport::columns() const {
  if (!grouping_.empty()) return grouping_;
  std::set<uint64_t> sizes;
  for (const auto& [account, by_size] : sizes_) {
    for (const auto& [cpus, size] : by_size) sizes.insert(cpus);
  }
  return {sizes.begin(), sizes.end()};
}

std::vector<std::string> UsageReport::size_headings() const {
  std::vector<std::string> headings;
  const std::vector<uint64_t> all = columns();
  if (grouping_.empty()) {
    for (const uint64_t size : all) headings.push_back(std::to_string(size) + " CPUs");
    return headings;
  }
  uint64_t from = 0;
  for (const uint64_t size : all) {
    headings.push_back(std::to_string(from) + "-" + std::to_string(size - 1) + " CPUs");
    from = size;
  }
  headings.push_back(">= " + std::to_string(from) + " CPUs");
  return headings;
}

std::vector<SizeRow> UsageReport::sizes(const Site& site, SizesOf of,
                                        const std::vector<std::string>& accounts,
                                        Count count) const {
  std::set<std::string> known;
  for (const auto& [account, by_size] : sizes_) known.insert(account);
  const Tree tree(site, known);
  const std::vector<uint64_t> all = columns();
  const auto row_of = [&](const std::string& name, const std::vector<std::string>& parts) {
    SizeRow row{name, std::vector<uint64_t>(all.size() + (grouping_.empty() ? 0 : 1)), 0};
    for (const std::string& account : parts) {
      const auto by_size = sizes_.find(account);
      if (by_size == sizes_.end()) continue;
      for (const auto& [cpus, size] : by_size->second) {
        // Without groups a size is its own column; with them, the one that begins before it.
        const auto place = grouping_.empty() ? std::ranges::lower_bound(all, cpus)
                                             : std::ranges::upper_bound(all, cpus);
        const uint64_t more = count == Count::jobs ? size.jobs : size.cpu_seconds;
        row.parts[static_cast<size_t>(place - all.begin())] += more;
        row.total += more;
      }
    }
    return row;
  };
  std::vector<SizeRow> rows;
  const auto add = [&](const std::string& name, const std::vector<std::string>& parts) {
    SizeRow row = row_of(name, parts);
    if (row.total > 0) rows.push_back(std::move(row));
  };
  const auto add_subtree = [&](const std::string& name) {
    std::vector<std::string> parts;
    tree.gather(name, parts);
    add(name, parts);
  };
  std::vector<std::string> tops = accounts;
  if (tops.empty()) tops.emplace_back("root");
  if (of == SizesOf::accounts) {
    for (const std::string& name : known) {
      if (accounts.empty() || std::ranges::count(accounts, name) > 0) add(name, {name});
    }
  } else if (of == SizesOf::children) {
    for (const std::string& top : tops) {
      for (const std::string& child : tree.below(top)) add_subtree(child);
    }
  } else {
    for (const std::string& top : tops) add_subtree(top);
  }
  return rows;
}

}  // namespace gd::cmd

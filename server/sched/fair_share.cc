#include "server/sched/fair_share.h"

#include <algorithm>

#include "base/check.h"

namespace gd::sched {

void FairShare::configure(std::span<const Account> accounts) {
  accounts_.assign(accounts.begin(), accounts.end());
  for (const Account& account : accounts_) {
    for (const AccountUser& user : account.users) {
      if (user.name != "*") (void)share_of({account.name, user.name});
    }
  }
}

uint32_t FairShare::share_of(const ShareName& name) {
  const auto [place, is_new] = names_.try_emplace(name, static_cast<uint32_t>(leaves_.size()));
  if (is_new) {
    leaves_.emplace_back();
    factors_.push_back(1);
  }
  return place->second;
}

void FairShare::began(uint32_t share, uint64_t cpus, TimePoint at) {
  leaves_[share].running[at] += cpus;
}

void FairShare::withdrew(uint32_t share, uint64_t cpus, TimePoint began) {
  std::map<TimePoint, uint64_t>& running = leaves_[share].running;
  const auto place = running.find(began);
  GD_CHECK(place != running.end() && place->second >= cpus, share, cpus);
  place->second -= cpus;
  if (place->second == 0) running.erase(place);
}

uint32_t FairShare::shares_of(const ShareName& name) const {
  for (const Account& account : accounts_) {
    if (account.name != name.account) continue;
    uint32_t shares = 1;
    for (const AccountUser& user : account.users) {
      if (user.name == name.user) return user.shares;
      if (user.name == "*") shares = user.shares;
    }
    return shares;
  }
  return 1;
}

FairShare::Tree FairShare::tree(const Ledger& ledger, TimePoint now) const {
  Tree tree;
  tree.nodes.emplace_back();
  tree.rows.push_back({.account = "root"});
  std::map<std::string, uint32_t, std::less<>> account_nodes{{"", 0}};
  for (const Account& account : accounts_) {
    const auto parent = account_nodes.find(account.parent);
    GD_CHECK(parent != account_nodes.end(), account.name, account.parent);
    account_nodes.emplace(account.name, static_cast<uint32_t>(tree.nodes.size()));
    tree.nodes.push_back({parent->second, account.shares, 0, false});
    tree.rows.push_back({.account = account.name,
                         .parent = account.parent.empty() ? "root" : account.parent,
                         .shares = account.shares});
  }
  tree.node_of.resize(leaves_.size());
  for (const auto& [name, share] : names_) {
    const Leaf& leaf = leaves_[share];
    const auto account = account_nodes.find(name.account);
    // An account that is no longer configured: its users stand below the root.
    const uint32_t parent = account == account_nodes.end() ? 0 : account->second;
    FairNode node{parent, shares_of(name), ledger.cpu_seconds(name, now), true};
    const TimePoint since = ledger.since({name, ""});
    for (const auto& [began, cpus] : leaf.running) {
      node.usage += usage_of_run(cpus, std::max(began, since), now, ledger.half_life());
    }
    tree.node_of[share] = static_cast<uint32_t>(tree.nodes.size());
    tree.nodes.push_back(node);
    tree.rows.push_back(
        {.account = parent == 0 ? "root" : name.account, .user = name.user, .shares = node.shares});
  }
  return tree;
}

std::vector<double> FairShare::ranked(const Ledger& ledger, TimePoint now) const {
  const Tree now_tree = tree(ledger, now);
  const std::vector<FairRank> ranks = fair_tree_ranks(now_tree.nodes);
  std::vector<double> factors;
  for (const uint32_t node : now_tree.node_of) factors.push_back(ranks[node].factor);
  return factors;
}

std::vector<ShareRow> FairShare::rows(const Ledger& ledger, TimePoint now) const {
  Tree now_tree = tree(ledger, now);
  const std::vector<FairNode>& nodes = now_tree.nodes;
  const std::vector<FairRank> ranks = fair_tree_ranks(nodes);
  std::vector<double> siblings(nodes.size());  // shares of its children
  for (size_t i = 1; i < nodes.size(); ++i) siblings[nodes[i].parent] += nodes[i].shares;
  const auto part = [](double of, double all) { return all > 0 ? of / all : 0; };
  std::vector<std::vector<uint32_t>> children(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    ShareRow& row = now_tree.rows[i];
    row.rank = ranks[i];
    row.part_of_all = part(ranks[i].usage, ranks[0].usage);
    row.part_of_usage = i == 0 ? 1 : part(ranks[i].usage, ranks[nodes[i].parent].usage);
    if (i == 0) continue;
    children[nodes[i].parent].push_back(static_cast<uint32_t>(i));
    row.part_of_shares = part(nodes[i].shares, siblings[nodes[i].parent]);
    row.depth = now_tree.rows[nodes[i].parent].depth + 1;
  }
  // Depth first, an account's users before the accounts below it.
  std::vector<ShareRow> ordered;
  std::vector<uint32_t> open{0};
  while (!open.empty()) {
    const uint32_t at = open.back();
    open.pop_back();
    ordered.push_back(now_tree.rows[at]);
    std::vector<uint32_t> below = children[at];
    std::stable_partition(below.begin(), below.end(),
                          [&](uint32_t i) { return !now_tree.rows[i].user.empty(); });
    open.insert(open.end(), below.rbegin(), below.rend());
  }
  return ordered;
}

}  // namespace gd::sched

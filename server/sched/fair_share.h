// Who has used how much of what is hers: the accounts, their users, and the use of each.
//
// A leaf is a user of an account (or a user, where there are no accounts). What runs is known
// by when it began and adds nothing until it ends; then the ledger has it. Ranked when it is
// asked for, by its owner: the factors stay as they were in between.
// Cost: began, withdrew, ended O(log); rank O(leaves log leaves + runs of different begin).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/sched/fair_tree.h"
#include "server/sched/ledger.h"

namespace gd::sched {

// How old a ranking may be when a pass orders by it.
inline constexpr Seconds kRankEvery{300};

struct AccountUser {
  std::string name;  // "*": everybody else
  uint32_t shares = 1;
  bool operator==(const AccountUser&) const = default;
};

struct Account {
  std::string name;
  std::string parent;  // empty: the root; else one before it in the list
  uint32_t shares = 1;
  std::vector<AccountUser> users;
  bool operator==(const Account&) const = default;
};

struct ShareRow {  // of the tree, as people are shown it
  std::string account;
  std::string parent;
  std::string user;    // empty: the account itself
  uint32_t depth = 0;  // below the root
  uint32_t shares = 1;
  double part_of_shares = 0;  // among its siblings
  double part_of_usage = 0;   // of its parent's
  double part_of_all = 0;     // of the root's
  FairRank rank;
};

class FairShare {
 public:
  void configure(std::span<const Account> accounts);

  // Index of factors(); a new one has factor 1 until the next rank().
  uint32_t share_of(const ShareName& name);
  [[nodiscard]] const std::map<ShareName, uint32_t>& names() const { return names_; }

  void began(uint32_t share, uint64_t cpus, TimePoint at);
  void withdrew(uint32_t share, uint64_t cpus, TimePoint began);  // as if it had not

  // By share: 0..1. They count once they are set.
  [[nodiscard]] std::vector<double> ranked(const Ledger& ledger, TimePoint now) const;
  void set_factors(std::vector<double> factors) { factors_ = std::move(factors); }
  [[nodiscard]] std::span<const double> factors() const { return factors_; }
  // The tree as it is now, parents first.
  [[nodiscard]] std::vector<ShareRow> rows(const Ledger& ledger, TimePoint now) const;

 private:
  struct Leaf {
    std::map<TimePoint, uint64_t> running;  // cpus by when they were taken
  };
  struct Tree {
    std::vector<FairNode> nodes;
    std::vector<uint32_t> node_of;  // by share
    std::vector<ShareRow> rows;     // by node
  };
  [[nodiscard]] Tree tree(const Ledger& ledger, TimePoint now) const;
  [[nodiscard]] uint32_t shares_of(const ShareName& name) const;

  std::vector<Account> accounts_;
  std::map<ShareName, uint32_t> names_;
  std::vector<Leaf> leaves_;  // by share
  std::vector<double> factors_;
};

}  // namespace gd::sched

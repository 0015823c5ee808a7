// gdprio and gdshare: columns by what counts, rows by what was asked, Slurm's bytes.
#include <gtest/gtest.h>

#include <limits>

#include "cmd/gdprio.h"
#include "cmd/gdshare.h"

namespace gd::cmd {
namespace {

TEST(PrioFormat, ShowsWhatCounts) {
  const PrioWeights slurm{.age = 1000, .fair_share = 5000, .partition = 1000};
  EXPECT_EQ(prio_format({}, slurm), "%.15i %9r %.10Y %.10S %.10A %.10F %.10P");
  PrioWeights ours = slurm;
  ours.stretch = 20000;
  EXPECT_EQ(prio_format({}, ours), "%.15i %9r %.10Y %.10S %.10A %.10F %.10P %.10X");
  PrioOptions norm;
  norm.normalised = true;
  EXPECT_EQ(prio_format(norm, slurm), "%.15i %9r %10y %10a %10f %10p");
  PrioOptions user;
  user.filter.users = {"alice"};
  EXPECT_EQ(prio_format(user, slurm), "%.15i %9r %.8u %.10Y %.10S %.10A %.10F %.10P");
  PrioOptions all;
  all.long_listing = true;
  EXPECT_EQ(prio_format(all, slurm),
            "%.15i %9r %.8u %.10Y %.10S %.10A %.10B %.10F %.10J %.10P %.10Q %.11N %.20T");
  all.normalised = true;
  EXPECT_EQ(prio_format(all, slurm), "%.15i %9r %.8u %10y %10a %10b %10f %10j %10p %10q %20t");
}

std::vector<ShareView> rows() {
  return {{.account = "root", .usage = 30, .part_of_usage = 1, .part_of_all = 1},
          {.account = "lab",
           .parent = "root",
           .depth = 1,
           .shares = 4,
           .part_of_shares = 1,
           .usage = 30,
           .part_of_usage = 1,
           .part_of_all = 1,
           .level = 1},
          {.account = "lab",
           .user = "alice",
           .depth = 2,
           .shares = 1,
           .part_of_shares = 0.25,
           .usage = 30,
           .part_of_usage = 1,
           .part_of_all = 1,
           .level = 0.25,
           .factor = 0.5},
          {.account = "lab",
           .user = "bob",
           .depth = 2,
           .shares = 3,
           .part_of_shares = 0.75,
           .level = std::numeric_limits<double>::infinity(),
           .factor = 1}};
}

TEST(Share, TheTableHasSlurmsColumns) {
  ShareOptions all;
  all.all = true;
  EXPECT_EQ(share_table(all, chosen_shares(all, "alice", rows())).value(),
            "Account                    User  RawShares  NormShares    RawUsage  EffectvUsage  "
            "FairShare \n"
            "-------------------- ---------- ---------- ----------- ----------- ------------- "
            "---------- \n"
            "root                                          0.000000          30      1.000000  "
            "          \n"
            " lab                                     4    1.000000          30      1.000000  "
            "          \n"
            "  lab                     alice          1    0.250000          30      1.000000  "
            " 0.500000 \n"
            "  lab                       bob          3    0.750000           0      0.000000  "
            " 1.000000 \n");
}

TEST(Share, OnlyTheRowsThatWereAskedFor) {
  const auto names = [](const ShareOptions& options) {
    std::string text;
    for (const ShareView& row : chosen_shares(options, "alice", rows())) {
      text += row.account + "/" + row.user + " ";
    }
    return text;
  };
  EXPECT_EQ(names({}), "root/ lab/ lab/alice ");
  EXPECT_EQ(names({.users = {"bob"}}), "root/ lab/ lab/bob ");
  EXPECT_EQ(names({.accounts = {"lab"}, .all = true, .users_only = true}), "lab/alice lab/bob ");
}

TEST(Share, Parsable) {
  ShareOptions options;
  options.users = {"bob"};
  options.users_only = options.no_header = options.parsable = true;
  options.format = "user,levelfs,account";
  EXPECT_EQ(share_table(options, chosen_shares(options, "", rows())).value(), "bob|inf|  lab|\n");
  options.parsable = false;
  options.parsable2 = true;
  EXPECT_EQ(share_table(options, chosen_shares(options, "", rows())).value(), "bob|inf|  lab\n");
  options.format = "usr";
  EXPECT_EQ(share_table(options, {}).error().text,
            "unknown field 'usr' in the format; did you mean 'user'?");
}

}  // namespace
}  // namespace gd::cmd

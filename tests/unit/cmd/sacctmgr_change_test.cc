// sacctmgr's changing forms against Slurm 22.05's own answers, and dump files both ways.
#include "cmd/sacctmgr_change.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "cmd/sacctmgr_file.h"
#include "cmd/sacctmgr_usage.h"

namespace gd::cmd {
namespace {

Site site() {
  ConfigReply config;
  const auto add = [&](const char* section, const char* key, const char* value) {
    config.entries.push_back({section, key, value, false});
  };
  add("", "cluster", "linux");
  add("account lab", "users", "games:9,news");
  add("account lab", "description", "the lab");
  add("account lab", "coordinators", "games");
  add("account sub", "parent", "lab");
  add("account sub", "users", "games");
  add("user games", "default_account", "lab");
  add("user lab/games", "max_jobs", "3");
  add("user lab/games", "qos", "normal,short");
  add("qos short", "max_wall", "60");
  return site_of(config);
}

struct Answer {
  std::string out, err;
  int code = 0;
  std::string request;  // "change account/lab users insert x; ..."
};

std::string text_of(const AccountsRequest& request) {
  constexpr const char* kActions[] = {"add", "change", "remove"};
  constexpr const char* kEntry[] = {"set", "clear", "insert", "erase", "merge"};
  std::string out;
  for (const SectionEdit& edit : request.edits) {
    out += std::string(out.empty() ? "" : "; ") + kActions[static_cast<size_t>(edit.action)] + " " +
           edit.kind + "/" + edit.name;
    for (const EntryEdit& entry : edit.entries) {
      out += " " + entry.key + " " + kEntry[static_cast<size_t>(entry.action)] +
             (entry.value.empty() ? "" : " " + entry.value);
    }
  }
  return out;
}

Answer ask(const std::string& line) {
  std::vector<std::string> words;
  for (const std::string_view word : split_words(line)) words.emplace_back(word);
  const auto change = parse_acct_change(words);
  if (!change.ok()) return {"", change.error().text + "\n", 1, ""};
  const ChangePlan plan = plan_acct_change(*change, site());
  return {plan.out, plan.err, plan.code, plan.request ? text_of(*plan.request) : ""};
}

TEST(SacctmgrChange, AddsAccountsAsSlurmDoes) {
  Answer answer = ask("add account x Description=sci Organization=org");
  EXPECT_EQ(answer.out,
            " Adding Account(s)\n  x\n Settings\n  Description     = sci\n"
            "  Organization    = org\n Associations\n  A = x          C = linux     \n");
  EXPECT_EQ(answer.request, "add account/x description set sci organization set org");
  answer = ask("create account x,y parent=lab fairshare=5 maxjobs=3 grptres=cpu=8");
  EXPECT_EQ(answer.out,
            " Adding Account(s)\n  x\n  y\n Settings\n  Description     = Account Name\n"
            "  Organization    = Parent/Account Name\n Associations\n"
            "  A = x          C = linux     \n  A = y          C = linux     \n Settings\n"
            "  Fairshare     = 5\n  GrpTRES       = cpu=8\n  MaxJobs       = 3\n"
            "  Parent        = lab\n");
  EXPECT_EQ(answer.request,
            "add account/x parent set lab shares set 5 max_jobs set 3 grp_tres merge cpu=8; "
            "add account/y parent set lab shares set 5 max_jobs set 3 grp_tres merge cpu=8");
  answer = ask("add account lab");
  EXPECT_EQ(answer.out, " Nothing new added.\n");
  EXPECT_EQ(answer.code, 1);
  EXPECT_EQ(ask("add account x parent=nosuch").err,
            " Parent account 'nosuch' doesn't exist on cluster linux\n"
            "        Contact your admin to add this account.\n No associations created.\n");
  EXPECT_EQ(ask("add account x cluster=other").err,
            " This cluster 'other' doesn't exist.\n"
            "        Contact your admin to add it to accounting.\n");
  EXPECT_EQ(ask("add account").err, " Need name of account to add.\n");
}

std::string reset_of(const std::string& line) {
  std::vector<std::string> words;
  for (const std::string_view word : split_words(line)) words.emplace_back(word);
  const auto change = parse_acct_change(words);
  if (!change.ok()) return change.error().text;
  EXPECT_TRUE(change->reset_usage);
  const auto reset = plan_usage_reset(*change);
  if (!reset.ok()) return reset.error().text;
  std::string text = reset->out;
  for (const UsageOwner& owner : reset->request.owners) {
    text += "[" + owner.account + "|" + owner.user + "|" + owner.qos + "]";
  }
  return text;
}

TEST(SacctmgrChange, RawUsageIsSetToNothingAndByItself) {
  EXPECT_EQ(reset_of("modify account lab,sub set RawUsage=0"),
            " Reset usage of account(s)\n  lab\n  sub\n[lab||][sub||]");
  EXPECT_EQ(reset_of("modify user where name=games account=lab set rawusage=0"),
            " Reset usage of user(s)\n  games of account lab\n[lab|games|]");
  EXPECT_EQ(reset_of("modify user games set rawusage=0"),
            " Reset usage of user(s)\n  games\n[|games|]");
  EXPECT_EQ(reset_of("modify qos short set rawusage=0"),
            " Reset usage of qos(s)\n  short\n[||short]");
  EXPECT_EQ(reset_of("modify qos short set rawusage=5"), " rawusage=5: it can be set to 0 only");
  EXPECT_EQ(reset_of("modify qos short set rawusage=0 priority=3"),
            " RawUsage=0 is set by itself, not beside other values");
  EXPECT_EQ(reset_of("modify qos set rawusage=0"), " No qos given; say whose usage to reset");
}

TEST(SacctmgrChange, SetsMinutes) {
  EXPECT_EQ(ask("modify account lab set GrpCPUMins=600 GrpTRESRunMins=cpu=60 GrpWall=1-0").request,
            "change account/lab grp_tres_mins merge cpu=600 grp_tres_run_mins merge cpu=60 "
            "grp_wall set 1-0");
  EXPECT_EQ(ask("modify qos short set MaxTRESMinsPerJob=cpu=60 GrpTRESMins=gres/gpu=-1").request,
            "change qos/short max_tres_mins_per_job merge cpu=60 grp_tres_mins merge gres/gpu=-1");
}

TEST(SacctmgrChange, AddsUsersAsSlurmDoes) {
  Answer answer = ask("add user games,irc account=lab,sub fairshare=3 maxjobs=4");
  EXPECT_EQ(
      answer.out,
      " Adding User(s)\n  irc\n Associations =\n  U = irc       A = lab        C = linux     \n"
      "  U = irc       A = sub        C = linux     \n Non Default Settings\n"
      "  Fairshare     = 3\n  MaxJobs       = 4\n");
  EXPECT_EQ(answer.request,
            "change account/lab users insert irc:3; change user/lab/irc max_jobs set 4; "
            "change account/sub users insert irc:3; change user/sub/irc max_jobs set 4");
  answer = ask("add user irc account=lab defaultaccount=lab");
  EXPECT_EQ(answer.out,
            " Adding User(s)\n  irc\n Settings =\n  Default Account = lab\n Associations =\n"
            "  U = irc       A = lab        C = linux     \n Non Default Settings\n");
  EXPECT_EQ(ask("add user games account=lab").out, " Nothing new added.\n");
  answer = ask("add user games account=nosuch");
  EXPECT_EQ(answer.out + answer.err,
            " Nothing new added.\n This account 'nosuch' doesn't exist.\n"
            "        Contact your admin to add this account.\n");
  EXPECT_EQ(ask("add user games").err, " Need name of account to add user to.\n");
  EXPECT_EQ(ask("add user").err, " Need name of user to add.\n");
}

TEST(SacctmgrChange, ModifiesAsSlurmDoes) {
  Answer answer = ask("modify user games set maxjobs=7");
  EXPECT_EQ(answer.out,
            " Modified user associations...\n"
            "  C = linux      A = lab                  U = games    \n"
            "  C = linux      A = sub                  U = games    \n");
  EXPECT_EQ(answer.request,
            "change user/lab/games max_jobs set 7; change user/sub/games max_jobs set 7");
  answer = ask("update user where name=games account=lab set maxjobs=-1 fairshare=2 maxwall=-1");
  EXPECT_EQ(answer.request,
            "change account/lab users insert games:2; "
            "change user/lab/games max_jobs clear max_wall clear");
  answer = ask("modify user games set defaultaccount=sub");
  EXPECT_EQ(answer.out, " Modified users...\n  games\n");
  EXPECT_EQ(answer.request, "change user/games default_account set sub");
  answer = ask("modify user news set defaultaccount=sub");
  EXPECT_EQ(answer.out,
            " Can't modify because these users aren't associated with new default account "
            "'sub'...\n  U = news C = linux\n");
  EXPECT_EQ(answer.code, 1);
  answer = ask("modify account sub set parent=root description=x");
  EXPECT_EQ(answer.out,
            " Modified accounts...\n  sub\n Modified account associations...\n"
            "  C = linux      A = sub of lab\n");
  EXPECT_EQ(answer.request, "change account/sub parent clear description set x");
  EXPECT_EQ(ask("modify account lab set grptres=cpu=-1").request,
            "change account/lab grp_tres merge cpu=-1");
  EXPECT_EQ(ask("modify account lab set grpcpus=4").request,
            "change account/lab grp_tres merge cpu=4");
  EXPECT_EQ(ask("modify qos short set flags+=DenyOnLimit priority=3").out,
            " Modified qos...\n  short\n");
  for (const char* line : {"modify user nosuch set maxjobs=1", "modify account x set maxjobs=1",
                           "modify qos x set priority=1"}) {
    EXPECT_EQ(ask(line).out, " Nothing modified\n") << line;
  }
  EXPECT_EQ(ask("modify user games").err, " You didn't give me anything to set\n");
}

// A list that nobody gave begins with what holds.
TEST(SacctmgrChange, AddingToAListBeginsWithWhatHolds) {
  EXPECT_EQ(ask("modify account lab set qos+=short").request,
            "change account/lab qos set normal qos insert short");
  EXPECT_EQ(ask("modify user games account=lab set qos+=long").request,
            "change user/lab/games qos insert long");
  EXPECT_EQ(ask("modify user games account=lab set qos-=short").request,
            "change user/lab/games qos erase short");
  EXPECT_EQ(ask("modify user games account=lab set qos=").request,
            "change user/lab/games qos clear");
}

TEST(SacctmgrChange, DeletesAsSlurmDoes) {
  Answer answer = ask("delete user name=games account=sub");
  EXPECT_EQ(answer.out,
            " Deleting user associations...\n  C = linux      A = sub        U = games    \n");
  EXPECT_EQ(answer.request, "change account/sub users erase games");
  answer = ask("remove user news account=lab");
  EXPECT_EQ(answer.out,
            " Deleting user associations...\n  C = linux      A = lab        U = news     \n"
            " Deleting users (No Associations)...\n  news\n");
  answer = ask("delete user games");
  EXPECT_EQ(answer.out, " Deleting users...\n  games\n");
  EXPECT_EQ(answer.request,
            "change account/lab users erase games; change account/sub users erase games; "
            "remove user/games");
  EXPECT_EQ(ask("delete account sub").request, "remove account/sub");
  answer = ask("delete account lab");
  EXPECT_EQ(answer.err,
            " Error with request: You can not remove the default account of a user\n"
            "  C = linux           A = lab        U = games    \n"
            "  C = linux           A = lab        U = news     \n"
            " Please either remove the accounts listed above from list and resubmit,\n"
            " or change these users' default accounts to remove the account(s).\n"
            " Changes Discarded\n");
  EXPECT_EQ(ask("delete qos short").out, " Deleting QOS(s)...\n  short\n");
  for (const char* line :
       {"delete user x", "delete account x", "delete qos x", "delete user games account=x"}) {
    EXPECT_EQ(ask(line).out, " Nothing deleted\n") << line;
    EXPECT_EQ(ask(line).code, 1);
  }
  EXPECT_EQ(ask("delete user").err, " No conditions given to remove, not executing.\n");
}

TEST(SacctmgrChange, CoordinatorsAsSlurmDoes) {
  Answer answer = ask("add coordinator account=sub names=news");
  EXPECT_EQ(answer.out,
            " Adding Coordinator User(s)\n  news\n To Account(s) and all sub-accounts\n  sub\n");
  EXPECT_EQ(answer.request, "change account/sub coordinators insert news");
  EXPECT_EQ(ask("add coordinator account=lab names=nosuch").err,
            " You specified a non-existent user 'nosuch'.\n");
  answer = ask("delete coordinator account=lab names=games");
  EXPECT_EQ(answer.out,
            " Removing Coordinators with user name\n  games\n From Account(s)\n  lab\n"
            " Removed Coordinators (sub accounts not listed)...\n"
            "  U = games     A = lab       \n");
  answer = ask("delete coordinator names=irc");
  EXPECT_EQ(answer.out,
            " Removing Coordinators with user name\n  irc\n From all accounts\n Nothing removed\n");
}

TEST(SacctmgrChange, AddsQosAsSlurmDoes) {
  EXPECT_EQ(
      ask("add qos long set priority=3 MaxTRESPerUser=cpu=4 flags=DenyOnLimit maxwall=60").out,
      " Adding QOS(s)\n  long\n Settings\n  Description    = long\n"
      "  Flags                    = DenyOnLimit\n  MaxTRESPerUser           = cpu=4\n"
      "  MaxWall                  = 01:00:00\n  Priority                 = 3\n");
  EXPECT_EQ(ask("add qos short").out, " Nothing new added.\n");
}

TEST(SacctmgrChange, WrongWordsAreSlurmsSentences) {
  const std::pair<const char*, const char*> cases[] = {
      {"modify user games set bogus=3",
       " Unknown option: bogus=3\n Use keyword 'where' to modify condition\n"},
      {"modify user games maxjobs=3",
       " Unknown condition: maxjobs=3\n Use keyword 'set' to modify value\n"},
      {"modify user games set maxjobs=abc",
       "sacctmgr: error: Invalid value for MaxJobs (abc)\n Unknown option: maxjobs=abc\n"
       " Use keyword 'where' to modify condition\n"},
      {"add",
       "No valid entity in add command\nInput line must include \"Account\", \"Cluster\", "
       "\"Coordinator\", \"Federation\", \"QOS\", \"Resource\", or \"User\"\n"},
      {"modify bogus x set y=1",
       "No valid entity in modify command\nInput line must include \"Account\", \"Cluster\", "
       "\"Federation\", \"Job\", \"QOS\", \"Resource\" or \"User\"\n"},
      {"modify user games set adminlevel=admin",
       "sacctmgr: error: adminlevel: not supported by gd: administrators are named in gd.conf\n"
       " Unknown option: adminlevel=admin\n Use keyword 'where' to modify condition\n"},
      {"modify user games set fairshare=parent",
       "sacctmgr: error: fairshare: not supported by gd: parent; a user has shares of her own\n"
       " Unknown option: fairshare=parent\n Use keyword 'where' to modify condition\n"}};
  for (const auto& [line, text] : cases) EXPECT_EQ(ask(line).err, text) << line;
}

TEST(SacctmgrFile, ADumpLoadsAsWhatItWasMadeFrom) {
  const std::vector<std::string> lines = dump_lines(site());
  const std::vector<std::string> expected{
      "Cluster - 'linux':Fairshare=1:QOS='normal'",
      "QOS - 'short':MaxWall=60",
      "Parent - 'root'",
      "Account - 'lab':Fairshare=1:Description='the lab':Organization='lab'",
      "Parent - 'lab'",
      "Account - 'sub':Fairshare=1:Description='sub':Organization='lab'",
      "User - 'games':DefaultAccount='lab':Coordinator='lab':Fairshare=9:MaxJobs=3:QOS='normal,"
      "short'",
      "User - 'news':DefaultAccount='lab':Fairshare=1",
      "Parent - 'sub'",
      "User - 'games':DefaultAccount='lab':Coordinator='lab':Fairshare=1"};
  EXPECT_EQ(lines, expected);
  const auto plan = plan_load(dump_heading() + join(lines, "\n"), Site{}, true);
  ASSERT_TRUE(plan.ok()) << plan.error().text;
  EXPECT_TRUE(plan->request.clean && plan->request.load);
  EXPECT_EQ(plan->accounts, (std::vector<std::string>{"lab", "sub"}));
  EXPECT_EQ(plan->users, (std::vector<std::string>{"games", "news"}));
  EXPECT_EQ(text_of(plan->request),
            "add qos/short max_wall set 60; "
            "add account/lab parent clear shares set 1 description set the lab organization set "
            "lab; add account/sub parent set lab shares set 1 description set sub organization set "
            "lab; change account/lab users insert games:9; change user/lab/games max_jobs set 3 "
            "qos set normal,short; change account/lab users insert news; change account/sub users "
            "insert games; change user/games default_account set lab; change account/lab "
            "coordinators insert games; change user/news default_account set lab; change "
            "user/games default_account set lab; change account/lab coordinators insert games");
}

TEST(SacctmgrFile, WhatSlurmDumpsIsRead) {
  const auto plan = plan_load(
      "Cluster - 'linux':Fairshare=1:QOS='normal'\nParent - 'root'\n"
      "User - 'root':DefaultAccount='root':AdminLevel='Administrator':Fairshare=1\n"
      "Account - 'lab':Description='a: b':GrpTRES=mem=100G:MaxWallDurationPerJob=1440:QOS='+short'",
      site(), false);
  ASSERT_TRUE(plan.ok()) << plan.error().text;
  EXPECT_EQ(text_of(plan->request),
            "change account/lab parent clear description set a: b grp_tres merge mem=100G max_wall "
            "set 1440 qos set normal,short");
}

TEST(SacctmgrFile, AWrongLineIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "it has no line with its Cluster - 'NAME'"},
      {"Cluster - 'a'\nAccount lab", "line 2: 'Account lab' is not KIND - 'NAME':..."},
      {"Cluster - 'a'\nParent - 'x'", "line 2: parent 'x': there is no such account before it"},
      {"Cluster - 'a'\nCluster - 'b'", "line 2: a second cluster, 'b'"},
      {"Acount - 'a'",
       "line 1: 'acount' is not Cluster, QOS, Parent, Account or User; did you mean 'account'?"},
      {"Account - 'a", "line 1: 'Account - 'a': a quote is not closed"},
      {"Account - 'a':MaxJobs=x", "line 1: Invalid value for MaxJobs (x)"},
      {"Account - 'a':Lunch=1", "line 1: Unknown option: Lunch=1"}};
  for (const auto& [text, error] : cases) {
    const auto plan = plan_load(text, Site{}, false);
    ASSERT_FALSE(plan.ok()) << text;
    EXPECT_EQ(plan.error().text, error);
  }
  EXPECT_FALSE(plan_load(std::string(kMaxDumpBytes + 1, '#'), Site{}, false).ok());
}

}  // namespace
}  // namespace gd::cmd

// hostlist: Slurm's form both ways, bounded, with errors that tell the position.
#include "base/hostlist.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace gd {
namespace {

std::string expanded(std::string_view text) {
  const Result<std::vector<std::string>> hosts = expand_hostlist(text);
  return hosts.ok() ? join(*hosts, " ") : hosts.error().text;
}

TEST(ExpandHostlist, ReadsSlurmsForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"node1", "node1"},
      {"a,b,a", "a b a"},
      {" a , b ", "a b"},
      {"node[1-3]", "node1 node2 node3"},
      {"node[01-03,12],x3", "node01 node02 node03 node12 x3"},
      {"n[08-10]", "n08 n09 n10"},
      {"n[8-10]", "n8 n9 n10"},
      {"n[098-101]", "n098 n099 n100 n101"},
      {"r[1-2]n[1-2]", "r1n1 r1n2 r2n1 r2n2"},
      {"n[1-2]-ib.lab.org", "n1-ib.lab.org n2-ib.lab.org"},
      {"[1-2]", "1 2"},
      {"n[7]", "n7"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(expanded(text), expected) << text;
}

TEST(ExpandHostlist, TellsWhereItWentWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "hostlist '': a host name is missing at position 1"},
      {"a,", "hostlist 'a,': a host name is missing at position 3"},
      {"a,,b", "hostlist 'a,,b': ',' is not part of a host name at position 3"},
      {"a[1-", "hostlist 'a[1-': a number was expected at position 5"},
      {"a[1", "hostlist 'a[1': ']' is missing at position 4"},
      {"a[1;2]", "hostlist 'a[1;2]': ']' was expected, not ';' at position 4"},
      {"a[3-1]", "hostlist 'a[3-1]': range 3-1 runs backwards at position 6"},
      {"a[]", "hostlist 'a[]': a number was expected at position 3"},
      {"a b", "hostlist 'a b': ',' was expected, not 'b' at position 3"},
      {"a]", "hostlist 'a]': ',' was expected, not ']' at position 2"},
      {"a\n", "hostlist 'a\\n': ',' was expected, not '\\n' at position 2"},
      {"a[1234567890123456]",
       "hostlist 'a[1234567890123456]': a number of more than 15 digits ends at position 19"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(expanded(text), expected) << text;
}

TEST(ExpandHostlist, TakesItsLimitsAndNotOneMore) {
  EXPECT_EQ(expand_hostlist("n[1-65536]")->size(), kMaxHosts);
  EXPECT_EQ(expanded("n[0-65536]"), "hostlist 'n[0-65536]' names more than 65536 hosts");
  EXPECT_EQ(expand_hostlist("r[1-256]n[1-256]")->size(), kMaxHosts);
  EXPECT_FALSE(expand_hostlist("r[1-256]n[1-256],x").ok());
  EXPECT_FALSE(expand_hostlist("a[0-999999999999999]b[0-999999999999999]").ok());
  EXPECT_TRUE(expand_hostlist(std::string(kMaxHostNameBytes, 'x')).ok());
  EXPECT_FALSE(expand_hostlist(std::string(kMaxHostNameBytes + 1, 'x')).ok());
  EXPECT_FALSE(expand_hostlist(std::string(kMaxHostlistBytes + 1, ' ')).ok());
}

std::string folded(std::string_view text) {
  std::vector<std::string> hosts;
  for (const std::string_view word : split_words(text)) hosts.emplace_back(word);
  return fold_hostlist(hosts);
}

TEST(FoldHostlist, WritesSlurmsForm) {
  EXPECT_EQ(folded(""), "");
  EXPECT_EQ(folded("node1"), "node1");
  EXPECT_EQ(folded("n1 n2 n3 n5"), "n[1-3,5]");
  EXPECT_EQ(folded("n08 n09 n10 x"), "n[08-10],x");
  EXPECT_EQ(folded("n9 n10"), "n[9-10]");
  EXPECT_EQ(folded("n9 n010"), "n[9,010]") << "padding of its own is no neighbour";
  EXPECT_EQ(folded("n09 n010"), "n[09,010]");
  EXPECT_EQ(folded("a1 b1 a2"), "a1,b1,a2") << "order is kept";
  EXPECT_EQ(folded("n1 n1"), "n[1,1]");
  EXPECT_EQ(folded("1 2"), "1,2");
}

TEST(FoldHostlist, IsWhatExpandTurnsBack) {
  for (const char* text : {"n[1-3,5]", "n[08-10],x", "n[9,010]", "r1n[1-2],r2n[1-2]", "a,b,a",
                           "n[098-101,7,6,5]", "x1234567890123456789", "n[00-01,000-001]"}) {
    const std::vector<std::string> hosts = expand_hostlist(text).take();
    EXPECT_EQ(expand_hostlist(fold_hostlist(hosts)).take(), hosts) << text;
  }
}

TEST(SortHosts, GoesByNumberAndDropsDoubles) {
  std::vector<std::string> hosts = {"n10", "n2", "n1", "n2", "m3", "n01", "n", "n2-ib"};
  sort_hosts(hosts);
  EXPECT_EQ(join(hosts, " "), "m3 n n01 n1 n2 n2-ib n10");
}

}  // namespace
}  // namespace gd

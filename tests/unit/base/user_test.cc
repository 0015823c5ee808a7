// user: root is on every machine; a name that cannot exist is not found.
#include "base/user.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gd {
namespace {

TEST(LookUpUser, FindsRootByNameAndByNumber) {
  const Result<User> by_name = look_up_user("root");
  ASSERT_TRUE(by_name.ok()) << by_name.error().text;
  EXPECT_EQ(by_name->uid, 0u);
  EXPECT_EQ(by_name->gid, 0u);
  EXPECT_FALSE(by_name->home.empty());
  EXPECT_TRUE(std::is_sorted(by_name->groups.begin(), by_name->groups.end()));
  EXPECT_EQ(std::count(by_name->groups.begin(), by_name->groups.end(), 0u), 1);
  EXPECT_EQ(*look_up_user(uid_t{0}), *by_name);
}

TEST(LookUpUser, TellsWhoIsNotThere) {
  const Result<User> nobody = look_up_user("no:such\nuser");
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.error(), (Error{ErrorCode::not_found, "no such user: no:such\\nuser"}));
  const Result<User> number = look_up_user(uid_t{4294967000});
  ASSERT_FALSE(number.ok());
  EXPECT_EQ(number.error().text, "no such user: uid 4294967000");
}

TEST(Groups, GoBothWays) {
  const Result<std::string> name = group_name(0);
  ASSERT_TRUE(name.ok()) << name.error().text;
  EXPECT_EQ(*look_up_group(*name), 0u);
  EXPECT_EQ(look_up_group("no:such:group").error().code, ErrorCode::not_found);
  EXPECT_EQ(group_name(4294967000).error().code, ErrorCode::not_found);
}

TEST(Labels, FallBackToTheNumber) {
  EXPECT_EQ(user_label(0), "root");
  EXPECT_EQ(user_label(4294967000), "4294967000");
  EXPECT_EQ(group_label(4294967000), "4294967000");
}

}  // namespace
}  // namespace gd

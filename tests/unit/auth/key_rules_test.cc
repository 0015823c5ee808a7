// What keys and tokens may come to be, with each refusal and each limit.
#include "server/auth/key_rules.h"

#include <gtest/gtest.h>

#include "tests/unit/auth/keys.h"

namespace gd::auth {
namespace {

using test::key_of;
using test::user_key;

constexpr TimePoint kNow{Seconds{1000000}};
constexpr Seconds kWeek = 168h;

UserEvidence alice(int key, const char* made_by = kMadeByPam) {
  return {1001, 100, "alice", key_of(key), made_by};
}

TEST(EnrolUser, MakesARecordThatExpires) {
  const auto change = enrol_user(KeyBook{}, alice(1), kWeek, kNow);
  ASSERT_TRUE(change.ok());
  ASSERT_EQ(change->put.size(), 1U);
  const KeyRecord& key = change->put[0];
  EXPECT_EQ(key.kind, KeyKind::user);
  EXPECT_EQ(key.uid, 1001U);
  EXPECT_EQ(key.gid, 100U);
  EXPECT_EQ(key.name, "alice");
  EXPECT_EQ(key.made, kNow);
  EXPECT_EQ(key.expires, kNow + kWeek);
  EXPECT_EQ(key.made_by, "pam");
  EXPECT_TRUE(change->erase.empty());
  EXPECT_EQ(enrol_user(KeyBook{}, alice(1), Seconds{0}, kNow)->put[0].expires, TimePoint{});
}

TEST(EnrolUser, AKeyNeverChangesHandsNotEvenWhenExpired) {
  KeyBook book;
  KeyRecord bobs = user_key(1, 1002, "bob");
  bobs.expires = kNow - Seconds{1};
  book.put(bobs);
  EXPECT_EQ(enrol_user(book, alice(1), kWeek, kNow).error().code, ErrorCode::exists);

  KeyRecord node;
  node.public_key = key_of(2);
  node.kind = KeyKind::node;
  book.put(node);
  EXPECT_EQ(enrol_user(book, alice(2), kWeek, kNow).error().code, ErrorCode::exists);

  KeyRecord job = user_key(3, 1001, "alice");
  job.kind = KeyKind::job;
  book.put(job);
  EXPECT_EQ(enrol_user(book, alice(3), kWeek, kNow).error().code, ErrorCode::exists);

  book.put(user_key(4, 1001, "alice"));  // her own: renewed
  EXPECT_TRUE(enrol_user(book, alice(4), kWeek, kNow).ok());
}

TEST(EnrolUser, UidZeroComesFromTheControllersHostOnly) {
  UserEvidence root{0, 0, "root", key_of(1), kMadeByPeer};
  EXPECT_TRUE(enrol_user(KeyBook{}, root, kWeek, kNow).ok());
  for (const std::string made_by : {"pam", "vouched:node01", "token", ""}) {
    root.made_by = made_by;
    EXPECT_EQ(enrol_user(KeyBook{}, root, kWeek, kNow).error().code, ErrorCode::denied) << made_by;
  }
}

TEST(EnrolUser, TheOldestKeyGivesWayAtTheLimit) {
  KeyBook book;
  for (size_t i = 0; i < kMaxKeysPerUser; ++i) {
    const auto change = enrol_user(book, alice(static_cast<int>(i)), kWeek, kNow + Seconds{i});
    ASSERT_TRUE(change.ok());
    EXPECT_TRUE(change->erase.empty()) << i;
    apply(book, *change);
  }
  book.put(user_key(500, 1002, "bob"));
  EXPECT_TRUE(enrol_user(book, alice(5), kWeek, kNow + kWeek)->erase.empty());  // renewed, not more
  const auto change = enrol_user(book, alice(99), kWeek, kNow + kWeek);
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(change->erase, std::vector<std::string>{key_of(0)});
  apply(book, *change);
  EXPECT_EQ(book.of_user(1001).size(), kMaxKeysPerUser);
  EXPECT_EQ(book.of_user(1002).size(), 1U);
}

TEST(EnrolUser, WhatIsNoKeyIsRefused) {
  UserEvidence evidence = alice(1);
  for (const std::string& text : {std::string(), std::string(39, 'a'), std::string(41, 'a'),
                                  std::string(40, ' '), std::string(40, '~')}) {
    evidence.public_key = text;
    EXPECT_EQ(enrol_user(KeyBook{}, evidence, kWeek, kNow).error().code, ErrorCode::invalid);
  }
}

TEST(JobKeys, LiveAsLongAsTheJobAndReplaceThoseOfAnEarlierLife) {
  KeyBook book;
  apply(book, *enrol_job(book, alice(1), JobId{42}, kNow));
  ASSERT_EQ(book.of_job(JobId{42}).size(), 1U);
  EXPECT_EQ(book.of_job(JobId{42})[0]->made_by, "job");
  EXPECT_EQ(book.of_job(JobId{42})[0]->expires, TimePoint{});
  EXPECT_TRUE(book.of_user(1001).empty());  // they do not count as hers
  apply(book, *enrol_job(book, alice(2), JobId{42}, kNow));
  ASSERT_EQ(book.of_job(JobId{42}).size(), 1U);
  EXPECT_EQ(book.of_job(JobId{42})[0]->public_key, key_of(2));
  EXPECT_EQ(enrol_job(book, alice(2), JobId{43}, kNow).error().code, ErrorCode::exists);
  apply(book, revoke_job(book, JobId{42}));
  EXPECT_EQ(book.size(), 0U);
}

class RevokeKeys : public testing::Test {
 protected:
  void SetUp() override {
    book_.put(user_key(1, 1001, "alice"));
    book_.put(user_key(2, 1001, "alice"));
    book_.put(user_key(3, 1002, "bob"));
    KeyRecord node;
    node.public_key = key_of(4);
    node.kind = KeyKind::node;
    node.name = "bob";  // a node may be called as a user is
    book_.put(node);
  }
  Result<KeyChange> revoke(Revoker who, const std::string& key, const std::string& user) {
    return revoke_keys(book_, who, key, user);
  }
  KeyBook book_;
  const Revoker alice_{1001, false};
  const Revoker admin_{500, true};
};

TEST_F(RevokeKeys, OneOfOnesOwnOrAllOfThem) {
  EXPECT_EQ(revoke(alice_, key_of(1).substr(0, 8), "")->erase.size(), 1U);
  EXPECT_EQ(revoke(alice_, "", "alice")->erase.size(), 2U);
}

TEST_F(RevokeKeys, ThoseOfOthersOnlyByAnAdministrator) {
  EXPECT_EQ(revoke(alice_, key_of(3), "").error().code, ErrorCode::denied);
  EXPECT_EQ(revoke(alice_, "", "bob").error().code, ErrorCode::not_found);
  EXPECT_EQ(revoke(alice_, key_of(4), "").error().code, ErrorCode::denied);
  EXPECT_EQ(revoke(admin_, key_of(3), "")->erase, std::vector<std::string>{key_of(3)});
  EXPECT_EQ(revoke(admin_, "", "bob")->erase, std::vector<std::string>{key_of(3)});
  EXPECT_EQ(revoke(admin_, key_of(4), "")->erase.size(), 1U);
}

TEST_F(RevokeKeys, NeitherNothingNorBoth) {
  EXPECT_EQ(revoke(admin_, "", "").error().code, ErrorCode::invalid);
  EXPECT_EQ(revoke(admin_, key_of(1), "alice").error().code, ErrorCode::invalid);
  EXPECT_EQ(revoke(admin_, "", "nobody").error().code, ErrorCode::not_found);
}

TEST(SweepKeys, ForgetsAKeyOnlyLongAfterItExpired) {
  KeyBook book;
  KeyRecord key = user_key(1, 1001, "alice");
  key.expires = kNow;
  book.put(key);
  book.put(user_key(2, 1001, "alice"));
  EXPECT_TRUE(sweep_keys(book, kNow + kKeptAfterExpiry - 1ms).erase.empty());
  EXPECT_EQ(sweep_keys(book, kNow + kKeptAfterExpiry).erase, std::vector<std::string>{key_of(1)});
}

const JoinToken kWhere{Bytes(kJoinSecretBytes, 's'), "head:6820", key_of(9)};

TEST(JoinTokens, TheStoreHasADigestAndTheTextHasTheSecret) {
  const NodeTokenRequest request{"node01", Seconds{3600}, true};
  const auto made = make_join_token(request, 7, kWhere, 0, kNow);
  ASSERT_TRUE(made.ok()) << made.error().text;
  EXPECT_EQ(*parse_join_token(made->text), kWhere);
  EXPECT_EQ(made->record, (JoinTokenRecord{join_token_digest(kWhere.secret), "node01", true,
                                           kNow + Seconds{3600}, 7}));
  EXPECT_EQ(made->record.digest.bytes().find("ssss"), std::string_view::npos);
  EXPECT_NE(token_store_key(made->record.digest).size(), key_of(1).size());
}

TEST(JoinTokens, LifetimesAndNumbersHaveLimits) {
  const auto make = [](Seconds lifetime, size_t existing) {
    return make_join_token({"", lifetime, false}, 0, kWhere, existing, kNow);
  };
  EXPECT_TRUE(make(kMaxTokenLifetime, kMaxJoinTokens - 1).ok());
  EXPECT_EQ(make(kMaxTokenLifetime + Seconds{1}, 0).error().code, ErrorCode::invalid);
  EXPECT_EQ(make(Seconds{0}, 0).error().code, ErrorCode::invalid);
  EXPECT_EQ(make(Seconds{60}, kMaxJoinTokens).error().code, ErrorCode::exhausted);
}

TEST(JoinNode, ATokenLetsTheNamedNodeInUntilItExpires) {
  JoinTokenRecord token{join_token_digest(kWhere.secret), "node01", false, kNow, 0};
  const KeyBook book;
  const auto joined = join_node(book, &token, "node01", key_of(1), kNow - 1ms);
  ASSERT_TRUE(joined.ok());
  EXPECT_EQ(joined->put[0].kind, KeyKind::node);
  EXPECT_EQ(joined->put[0].name, "node01");
  EXPECT_EQ(joined->put[0].made_by, "token");

  EXPECT_EQ(join_node(book, &token, "node01", key_of(1), kNow).error().code, ErrorCode::denied);
  EXPECT_EQ(join_node(book, nullptr, "node01", key_of(1), kNow).error(),
            join_node(book, &token, "node01", key_of(1), kNow).error());
  EXPECT_EQ(join_node(book, &token, "node02", key_of(1), kNow - 1ms).error().code,
            ErrorCode::denied);
  token.node.clear();  // any one
  EXPECT_TRUE(join_node(book, &token, "node02", key_of(1), kNow - 1ms).ok());
}

TEST(JoinNode, ANewTokenReplacesTheNodesKeyButTakesNobodyElses) {
  KeyBook book;
  JoinTokenRecord token{join_token_digest(kWhere.secret), "", false, kNow + kWeek, 0};
  apply(book, *join_node(book, &token, "node01", key_of(1), kNow));
  apply(book, *join_node(book, &token, "node01", key_of(2), kNow));
  ASSERT_EQ(book.of_node("node01").size(), 1U);
  EXPECT_EQ(book.of_node("node01")[0]->public_key, key_of(2));
  EXPECT_EQ(join_node(book, &token, "node02", key_of(2), kNow).error().code, ErrorCode::exists);
  book.put(user_key(3, 1001, "alice"));
  EXPECT_EQ(join_node(book, &token, "node02", key_of(3), kNow).error().code, ErrorCode::exists);
  EXPECT_EQ(join_node(book, &token, "node02", "short", kNow).error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace gd::auth

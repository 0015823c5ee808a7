// KeyBook and its snapshots: who a key speaks for, now and after a change.
#include "server/auth/key_table.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/auth/keys.h"

namespace gd::auth {
namespace {

using test::key_of;
using test::user_key;

constexpr TimePoint kNow{Seconds{1000000}};

TEST(KeyTable, AnUnknownKeyIsNobody) {
  const KeyBook book;
  const Peer peer = book.table().identify(key_of(1), "192.0.2.1", kNow);
  EXPECT_EQ(peer.kind, PeerKind::nobody);
  EXPECT_EQ(peer.public_key, key_of(1));
  EXPECT_EQ(peer.address, "192.0.2.1");
}

TEST(KeyTable, EachKindIsIdentifiedWithAllThatIsKnown) {
  KeyBook book;
  book.put(user_key(1, 1001, "alice"));
  KeyRecord node;
  node.public_key = key_of(2);
  node.kind = KeyKind::node;
  node.name = "node01";
  book.put(node);
  KeyRecord job = user_key(3, 1001, "alice");
  job.kind = KeyKind::job;
  job.job = 42;
  book.put(job);

  const Peer user = book.table().identify(key_of(1), "a", kNow);
  EXPECT_EQ(user, (Peer{PeerKind::user, key_of(1), 1001, 100, JobId{0}, "alice", "a"}));
  EXPECT_EQ(book.table().identify(key_of(2), "", kNow).kind, PeerKind::node);
  EXPECT_EQ(book.table().identify(key_of(2), "", kNow).name, "node01");
  const Peer of_job = book.table().identify(key_of(3), "", kNow);
  EXPECT_EQ(of_job.kind, PeerKind::job);
  EXPECT_EQ(of_job.job, JobId{42});
}

TEST(KeyTable, AKeyExpiresAtItsTimeAndNotBefore) {
  KeyBook book;
  KeyRecord key = user_key(1, 1001, "alice");
  key.expires = kNow;
  book.put(key);
  EXPECT_EQ(book.table().identify(key_of(1), "", kNow - 1ms).kind, PeerKind::user);
  EXPECT_EQ(book.table().identify(key_of(1), "", kNow).kind, PeerKind::nobody);
  EXPECT_EQ(book.expired_by(kNow - 1ms).size(), 0U);
  EXPECT_EQ(book.expired_by(kNow).size(), 1U);
}

TEST(KeyTable, ASnapshotDoesNotChangeWhenTheBookDoes) {
  KeyBook book;
  book.put(user_key(1, 1001, "alice"));
  const auto before = book.snapshot();
  book.erase(key_of(1));
  book.put(user_key(2, 1002, "bob"));
  EXPECT_NE(before->find(key_of(1), kNow), nullptr);
  EXPECT_EQ(before->find(key_of(2), kNow), nullptr);
  EXPECT_EQ(book.snapshot()->find(key_of(1), kNow), nullptr);
  EXPECT_NE(book.snapshot()->find(key_of(2), kNow), nullptr);
}

TEST(KeyBook, IndicesFollowEachReplacementAndErasure) {
  KeyBook book;
  for (int i = 0; i < 600; ++i) book.put(user_key(i, i % 2 == 0 ? 1001 : 1002, "x"));
  EXPECT_EQ(book.size(), 600U);
  EXPECT_EQ(book.of_user(1001).size(), 300U);
  book.put(user_key(0, 1002, "x"));
  EXPECT_EQ(book.of_user(1001).size(), 299U);
  EXPECT_EQ(book.of_user(1002).size(), 301U);
  for (int i = 0; i < 600; ++i) book.erase(key_of(i));
  book.erase(key_of(7));
  EXPECT_EQ(book.size(), 0U);
  EXPECT_TRUE(book.of_user(1002).empty());
  EXPECT_TRUE(book.all().empty());
}

TEST(KeyBook, OldestKeysOfAUserComeFirst) {
  KeyBook book;
  for (const int i : {3, 1, 2}) {
    KeyRecord key = user_key(i, 1001, "alice");
    key.made = kNow + Seconds{i};
    book.put(key);
  }
  const auto keys = book.of_user(1001);
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(keys[0]->public_key, key_of(1));
  EXPECT_EQ(keys[2]->public_key, key_of(3));
}

TEST(KeyBook, AFingerprintMustBeLongEnoughAndNameOneKey) {
  KeyBook book;
  KeyRecord a = user_key(1, 1001, "alice");
  KeyRecord b = user_key(2, 1001, "alice");
  a.public_key = "samesame" + std::string(32, 'a');
  b.public_key = "samesame" + std::string(32, 'b');
  book.put(a);
  book.put(b);
  book.put(user_key(3, 1001, "alice"));
  EXPECT_EQ(book.by_fingerprint("samesam").error().code, ErrorCode::invalid);
  EXPECT_EQ(book.by_fingerprint("samesame").error().code, ErrorCode::invalid);
  EXPECT_EQ((*book.by_fingerprint(a.public_key))->public_key, a.public_key);
  EXPECT_EQ((*book.by_fingerprint(fingerprint(key_of(3))))->public_key, key_of(3));
  EXPECT_EQ(book.by_fingerprint("nonesuch").error().code, ErrorCode::not_found);
}

// For ThreadSanitizer: one thread publishes, another asks.
TEST(KeyDirectory, ManyThreadsMayAskWhileOnePublishes) {
  KeyDirectory directory;
  ASSERT_NE(directory.current(), nullptr);
  std::thread reader([&] {
    while (directory.current()->find(key_of(999), kNow) == nullptr) {
    }
  });
  KeyBook book;
  for (int i = 0; i < 1000; ++i) {
    book.put(user_key(i, 1001, "alice"));
    directory.publish(book.snapshot());
  }
  reader.join();
}

}  // namespace
}  // namespace gd::auth

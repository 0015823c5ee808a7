// The limits of gdauthd, each at the limit and one past it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "server/auth/auth_daemon.h"
#include "tests/pam/gdauthd_setup.h"

namespace gd::auth {
namespace {

class GdauthdLimits : public test::GdauthdTest {
 protected:
  // gdauthd's queue may be full for a moment: it reads on.
  template <class Send>
  void must_send(Send send) {
    const Deadline deadline = Deadline::after(10s);
    while (!send().ok()) {
      ASSERT_FALSE(deadline.passed());
      pollfd item{link_->fd(), POLLOUT, 0};
      (void)::poll(&item, 1, 10);
    }
  }
};

TEST_F(GdauthdLimits, SoManyLoginsAtOnceAndSoManyFromOneAddress) {
  std::string users;
  for (size_t i = 0; i <= kMaxLogins; ++i) users += "u" + std::to_string(i) + ":right:gd\n";
  setup_.users(users);
  start();
  uint64_t id = 0;
  const auto begin = [&](const std::string& address) {
    ++id;
    EXPECT_TRUE(link_->start_login(id, "u" + std::to_string(id), address).ok());
    return next();
  };
  for (size_t i = 0; i < kMaxLoginsPerAddress; ++i) {
    const auto event = begin("192.0.2.1");
    ASSERT_TRUE(event && std::holds_alternative<LoginPrompted>(*event)) << i;
  }
  auto event = begin("192.0.2.1");
  ASSERT_TRUE(event && std::holds_alternative<AuthRefused>(*event));
  EXPECT_EQ(std::get<AuthRefused>(*event).error.code, ErrorCode::unavailable);

  for (size_t i = kMaxLoginsPerAddress; i < kMaxLogins; ++i) {
    event = begin("192.0.2." + std::to_string(2 + i));
    ASSERT_TRUE(event && std::holds_alternative<LoginPrompted>(*event)) << i;
  }
  event = begin("198.51.100.1");
  ASSERT_TRUE(event && std::holds_alternative<AuthRefused>(*event));
  EXPECT_EQ(std::get<AuthRefused>(*event).error.code, ErrorCode::unavailable);

  ASSERT_TRUE(link_->cancel_login(1).ok());
  event = begin("198.51.100.1");
  EXPECT_TRUE(event && std::holds_alternative<LoginPrompted>(*event));
}

// The account step hangs as long as nobody writes to a FIFO.
TEST_F(GdauthdLimits, SoManyAccountChecksRunAndSoManyWait) {
  const std::string fifo = setup_.dir / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  setup_.service("required pam_permit.so", "required pam_exec.so quiet /bin/cat " + fifo,
                 "required pam_deny.so");
  start();
  const size_t all = kMaxAccountChecks + kMaxQueuedChecks + 1;
  for (uint64_t id = 1; id <= all; ++id) {
    must_send([&] { return link_->check_account(id, setup_.me); });
  }
  const auto refused = next_is<AuthRefused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->id, all);
  EXPECT_EQ(refused->error.code, ErrorCode::unavailable);
  // Both ends open: from here on each reader finds its end of file at once.
  { const UniqueFd open = std::move(open_file(fifo, O_RDWR)).take(); }
  link_.reset();
  const Deadline deadline = Deadline::after(5s);
  while (!deadline.passed()) {  // readers that opened it later are let go, too
    const UniqueFd writer = UniqueFd{::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
    if (!writer.valid()) break;  // nobody reads any more
  }
}

}  // namespace
}  // namespace gd::auth

// A true gdauthd over a PAM configuration of the test's own.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <optional>
#include <string>

#include "server/auth/auth_link.h"
#include "tests/pam/pam_setup.h"

namespace gd::auth::test {

class GdauthdTest : public testing::Test {
 protected:
  void SetUp() override {
    GD_SKIP_WITHOUT_PAM_MODULES();
    if (!get_env("GD_GDAUTHD")) GTEST_SKIP() << "needs GD_GDAUTHD, the path of the program";
    setup_.plain_service();
  }
  void TearDown() override {
    if (!link_) return;
    Result<Pidfd> process = Pidfd::open(link_->process().pid());
    link_.reset();
    if (process.ok()) (void)process->wait().ok();
  }

  void start(Milliseconds fail_delay = 0ms) {
    AuthSettings settings;
    settings.program = *get_env("GD_GDAUTHD");
    settings.enrol_socket = socket_path_;
    settings.pam_confdir = setup_.dir.path();
    settings.fail_delay = fail_delay;
    Result<AuthLink> link = AuthLink::start(settings);
    ASSERT_TRUE(link.ok()) << link.error().text;
    link_.emplace(std::move(link).take());
  }

  // The next event, or nothing after ten seconds or when gdauthd has gone.
  std::optional<AuthEvent> next() {
    const Deadline deadline = Deadline::after(10s);
    while (!deadline.passed()) {
      Result<std::optional<AuthEvent>> event = link_->receive();
      if (!event.ok()) return std::nullopt;
      if (*event) return std::move(**event);
      pollfd item{link_->fd(), POLLIN, 0};
      (void)::poll(&item, 1, static_cast<int>(deadline.remaining().count()));
    }
    return std::nullopt;
  }
  template <class Event>
  std::optional<Event> next_is() {
    std::optional<AuthEvent> event = next();
    if (!event || !std::holds_alternative<Event>(*event)) {
      ADD_FAILURE() << "another event: "
                    << (event ? std::to_string(event->index()) : std::string("none"));
      return std::nullopt;
    }
    return std::get<Event>(std::move(*event));
  }
  static SecretString secret(const char* text) { return SecretString(std::string(text)); }

  test::PamSetup setup_;
  std::string socket_path_ = setup_.dir / "gdauthd.sock";
  std::optional<AuthLink> link_;  // its end is gdauthd's end
};

}  // namespace gd::auth::test

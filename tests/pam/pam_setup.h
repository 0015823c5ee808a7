// A PAM configuration of a test's own: service "gd" and a file of users.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/process.h"
#include "base/user.h"
#include "tests/support/temp_dir.h"

namespace gd::auth::test {

class PamSetup {
 public:
  PamSetup() : me(look_up_user(::geteuid()).ok() ? look_up_user(::geteuid())->name : "root") {}

  [[nodiscard]] static std::string modules() { return get_env("GD_PAM_MODULES").value_or(""); }
  [[nodiscard]] std::string matrix(const std::string& more = "") const {
    return modules() + "/pam_matrix.so passdb=" + (dir / "users") + " " + more;
  }
  void users(const std::string& lines) { put("users", lines); }  // name:password:service
  void service(const std::string& auth, const std::string& account, const std::string& password) {
    put("gd", "auth " + auth + "\naccount " + account + "\npassword " + password + "\n");
  }
  // Passwords of the file decide, and so does its third column.
  void plain_service() {
    users(me + ":right:gd\n");
    service("required " + matrix(), "required " + matrix(), "required " + matrix());
  }
  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(replace_file(dir / name, text, 0644).ok());
  }

  gd::test::TempDir dir;
  std::string me;  // the user that runs the test
};

}  // namespace gd::auth::test

#define GD_SKIP_WITHOUT_PAM_MODULES()                                       \
  if (gd::auth::test::PamSetup::modules().empty()) {                        \
    GTEST_SKIP() << "needs the modules of libpam-wrapper (GD_PAM_MODULES)"; \
  }

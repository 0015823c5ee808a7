// What users' own files say for one registry, and no other.
#include "server/image/credentials.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace gd::image {
namespace {

TEST(Credentials, AreThoseOfTheOneRegistry) {
  const std::string file =
      R"({"auths":{"https://q.io/v2/":{"auth":"YQ=="},"r.io":{"auth":"Yg=="}},"credsStore":"x"})";
  EXPECT_EQ(credentials_for(file, "q.io"), R"({"auths":{"https://q.io/v2/":{"auth":"YQ=="}}})");
  EXPECT_EQ(credentials_for(file, "s.io"), "");
  EXPECT_EQ(credentials_for("not json", "q.io"), "");
}

std::string auth(const std::string& registry, const std::string& both) {
  return R"({"auths":{")" + registry + R"(":{"auth":")" + to_base64(both) + R"("}}})";
}

TEST(Credentials, OfEnrootsFileWhatNamesTheRegistry) {
  const std::string file =
      "# mine\nmachine q.io login ada password one\n"
      "machine auth.docker.io login ada\n  password two\n"
      "machine nvcr.io login $oauthtoken password three\n"
      "machine s.io login ada password $(pass show s)\nmachine t.io login ada\n";
  EXPECT_EQ(credentials_from_netrc(file, "q.io"), auth("q.io", "ada:one"));
  EXPECT_EQ(credentials_from_netrc(file, "docker.io"), auth("docker.io", "ada:two"));
  EXPECT_EQ(credentials_from_netrc(file, "nvcr.io"), auth("nvcr.io", "$oauthtoken:three"));
  EXPECT_EQ(credentials_from_netrc(file, "s.io"), "") << "nothing is evaluated";
  EXPECT_EQ(credentials_from_netrc(file, "t.io"), "");
  EXPECT_EQ(credentials_from_netrc(file, "u.io"), "");
  EXPECT_EQ(credentials_from_netrc("machine", "u.io"), "");
  EXPECT_EQ(credentials_from_netrc("machine q.io login \xff password \xfe", "q.io"),
            auth("q.io", "\xff:\xfe"));
}

}  // namespace
}  // namespace gd::image

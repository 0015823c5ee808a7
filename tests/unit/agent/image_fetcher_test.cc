// Fetches ahead of their jobs, by a gdstore that does what the test says.
#include "server/agent/image_fetcher.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "tests/support/temp_dir.h"

namespace gd::agent {
namespace {

class ImageFetcherTest : public testing::Test {
 protected:
  // Writes its words down, then waits until `go` can be read.
  void SetUp() override {
    poller_ = Poller::create().take();
    const std::string program = dir_ / "gdstore";
    const std::string text =
        "#!/bin/sh\necho \"$@\" >> " + (dir_ / "said") + "\nread word < " + (dir_ / "go") + "\n";
    UniqueFd fd = open_file(program, O_WRONLY | O_CREAT, 0755).take();
    ASSERT_TRUE(write_all(fd.get(), text, program).ok());
    fd.reset();
    ASSERT_EQ(::mkfifo((dir_ / "go").c_str(), 0600), 0);
    fetcher_.emplace(*poller_, program, "/settings");
  }

  std::string said() {
    Result<Bytes> text = read_file(dir_ / "said", 65536);
    return text.ok() ? std::move(text).take() : Bytes();
  }
  template <class Done>
  bool run_until(const Done& done) {
    const Deadline deadline = Deadline::after(20s);
    while (!done()) {
      if (deadline.passed()) return false;
      EXPECT_TRUE(poller_->run_once(Milliseconds(20)).ok());
    }
    return true;
  }
  size_t lines() {
    const std::string text = said();
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  void let_go() {  // whoever waits
    const UniqueFd fd = open_file(dir_ / "go", O_WRONLY).take();
    (void)write_all(fd.get(), "go\n", "go").ok();
  }
  static ImageFetch image(size_t number) {
    return {.uid = 7, .name = "reg/x:" + std::to_string(number), .digest = ""};
  }

  test::TempDir dir_;
  std::unique_ptr<Poller> poller_;
  std::optional<ImageFetcher> fetcher_;
};

TEST_F(ImageFetcherTest, AFewRunAtOnceAndTheNextFollow) {
  for (size_t i = 0; i < 3; ++i) fetcher_->fetch(image(i));
  fetcher_->fetch({.uid = 7, .name = "reg/x:1", .digest = ""});  // as the second
  EXPECT_EQ(fetcher_->running(), kFetchesAtOnce);
  EXPECT_EQ(fetcher_->waiting(), 1U);
  ASSERT_TRUE(run_until([&] { return lines() == 2; }));
  EXPECT_NE(said().find("--settings /settings --uid 7 fetch reg/x:0\n"), std::string::npos);
  let_go();
  ASSERT_TRUE(run_until([&] { return lines() == 3; }));
  EXPECT_NE(said().find("fetch reg/x:2\n"), std::string::npos);
}

TEST_F(ImageFetcherTest, TheDigestIsHandedOn) {
  fetcher_->fetch({.uid = 9, .name = "reg/x:1", .digest = "sha256:ab"});
  ASSERT_TRUE(run_until([&] { return lines() == 1; }));
  EXPECT_EQ(said(), "--settings /settings --uid 9 fetch reg/x:1 sha256:ab\n");
}

TEST_F(ImageFetcherTest, NoMoreThanTheseWait) {
  for (size_t i = 0; i < kFetchesAtOnce + kMaxFetchesWaiting + 5; ++i) fetcher_->fetch(image(i));
  EXPECT_EQ(fetcher_->running(), kFetchesAtOnce);
  EXPECT_EQ(fetcher_->waiting(), kMaxFetchesWaiting);
}

TEST_F(ImageFetcherTest, AProgramThatIsNotThereHoldsUpNobody) {
  ImageFetcher other(*poller_, dir_ / "nothing", "/settings");
  other.fetch(image(1));
  ASSERT_TRUE(run_until([&] { return other.running() == 0; }));
  EXPECT_EQ(other.waiting(), 0U);
}

}  // namespace
}  // namespace gd::agent

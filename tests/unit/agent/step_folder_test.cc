// A step's folder: its name, its files, and who may start it.
#include "server/agent/step_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "base/process.h"
#include "server/agent/spool.h"
#include "tests/support/temp_dir.h"

namespace gd::agent {
namespace {

StepKey key(uint32_t job, StepId step = kBatchStep) {
  return {JobId{job}, LaunchNumber{7}, step};
}

StepLaunch launch_of(const StepKey& k) {
  StepLaunch launch;
  launch.job = k.job;
  launch.launch = k.launch;
  launch.step = k.step;
  launch.user = "ada";
  return launch;
}

StepStatus lost_status(const StepKey& k) {
  StepStatus status = status_of(k, StepPhase::ended);
  status.cause = EndCause::lost;
  return status;
}

TEST(FolderNameTest, OneNameAStepAndBack) {
  for (const StepId step : {kBatchStep, kInteractiveStep, kExternStep, StepId{0}, StepId{17}}) {
    EXPECT_EQ(parse_folder_name(folder_name(key(12, step))), key(12, step));
  }
  EXPECT_EQ(folder_name(key(12)), "12.7.batch");
  for (const char* name : {"", "12", "12.7", "12.7.", "012.7.0", "12.7.batch.new", "x.7.0",
                           "12.7.-1", "12.7.4294967291"}) {
    EXPECT_FALSE(parse_folder_name(name)) << name;
  }
}

TEST(StartTimeTest, NamesMayHoldAnything) {
  std::string line = "7 (a) b) S 1";
  for (int field = 5; field <= 21; ++field) line += " 0";
  EXPECT_EQ(*parse_start_time(line + " 4711 0 0"), 4711U);
  EXPECT_FALSE(parse_start_time("7 (a) S 1 2").ok());
}

TEST(ProcessNameTest, AnotherProcessOfTheSameNumberIsNotOpened) {
  ProcessName self = *name_process(::getpid());
  EXPECT_TRUE(open_process(self).ok());
  ++self.start_time;
  EXPECT_EQ(open_process(self).error().code, ErrorCode::not_found);
}

TEST(StepFolderTest, KeepsLaunchAndStatus) {
  const test::TempDir dir;
  const Result<StepFolder> folder = StepFolder::create(dir.path(), launch_of(key(1)), "boot-1");
  ASSERT_TRUE(folder.ok()) << folder.error().text;
  EXPECT_EQ(folder->read_launch()->user, "ada");
  EXPECT_EQ(*folder->read_boot(), "boot-1");
  EXPECT_EQ(folder->read_status().error().code, ErrorCode::not_found);
  EXPECT_FALSE(*folder->was_started());
  ASSERT_TRUE(folder->mark_started().ok());
  EXPECT_TRUE(*folder->was_started());
  ASSERT_TRUE(folder->write_status(lost_status(key(1))).ok());
  EXPECT_EQ(folder->read_status()->cause, EndCause::lost);
  EXPECT_EQ(StepFolder::create(dir.path(), launch_of(key(1)), "boot-1").error().code,
            ErrorCode::exists);
  ASSERT_TRUE(folder->remove().ok());
  EXPECT_TRUE(list_steps(dir.path())->empty());
}

// A process that holds the lock until its input ends.
class Holder {
 public:
  explicit Holder(const StepFolder& folder) : pipe_(make_pipe().take()) {
    Pipe ready = make_pipe().take();
    pid_ = ::fork();
    if (pid_ == 0) {
      pipe_.write.reset();
      const bool got = folder.lock().ok();
      (void)!::write(ready.write.get(), got ? "y" : "n", 1);
      char end = 0;
      (void)!::read(pipe_.read.get(), &end, 1);
      ::_exit(0);
    }
    char answer = 0;
    (void)!::read(ready.read.get(), &answer, 1);
  }
  ~Holder() {
    pipe_.write.reset();
    ::waitpid(pid_, nullptr, 0);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Pipe pipe_;
  pid_t pid_ = -1;
};

TEST(StepFolderTest, TheDeadAreClaimedAndTheLivingAreNot) {
  const test::TempDir dir;
  const StepFolder folder = *StepFolder::create(dir.path(), launch_of(key(1)), "b");
  StepStatus status;
  {
    const Holder holder(folder);
    EXPECT_EQ(*folder.lock_holder(), holder.pid());
    EXPECT_FALSE(*folder.claim_dead(lost_status(key(1)), status));
    EXPECT_FALSE(folder.read_status().ok());
  }
  EXPECT_EQ(*folder.lock_holder(), std::nullopt);
  EXPECT_TRUE(*folder.claim_dead(lost_status(key(1)), status));
  EXPECT_EQ(status.cause, EndCause::lost);
  EXPECT_EQ(folder.read_status()->cause, EndCause::lost);
}

TEST(StepFolderTest, AnEndOnFileIsNotOverwritten) {
  const test::TempDir dir;
  const StepFolder folder = *StepFolder::create(dir.path(), launch_of(key(1)), "b");
  StepStatus ended = status_of(key(1), StepPhase::ended);
  ended.exit.code = 3;
  ASSERT_TRUE(folder.keep_status(ended).ok());
  StepStatus status;
  EXPECT_TRUE(*folder.claim_dead(lost_status(key(1)), status));
  EXPECT_EQ(status.exit.code, 3);
}

TEST(StepFolderTest, FilesAreReadToTheirLimits) {
  const test::TempDir dir;
  const StepFolder folder = *StepFolder::create(dir.path(), launch_of(key(1)), "b");
  for (const auto& [name, limit] :
       {std::pair{"status", kMaxStatusBytes}, std::pair{"launch", kMaxLaunchBytes}}) {
    const bool status = std::string_view(name) == "status";
    const auto read = [&] {
      return status ? folder.read_status().error().text : folder.read_launch().error().text;
    };
    ASSERT_TRUE(replace_file(folder.file(name), std::string(limit, 'x'), 0600).ok());
    EXPECT_EQ(read().find(std::to_string(limit + 1)), std::string::npos) << read();
    ASSERT_TRUE(replace_file(folder.file(name), std::string(limit + 1, 'x'), 0600).ok());
    EXPECT_NE(read().find(std::to_string(limit)), std::string::npos) << read();
  }
}

TEST(SpoolTest, SaysOfEachFolderWhatItIs) {
  const test::TempDir dir;
  const StepFolder accepted = *StepFolder::create(dir.path(), launch_of(key(1)), "now");
  const StepFolder running = *StepFolder::create(dir.path(), launch_of(key(2)), "now");
  const StepFolder dead = *StepFolder::create(dir.path(), launch_of(key(3)), "now");
  const StepFolder old = *StepFolder::create(dir.path(), launch_of(key(4)), "before");
  for (const StepFolder* folder : {&running, &dead}) ASSERT_TRUE(folder->mark_started().ok());
  ASSERT_TRUE(make_directories(dir / "9.9.batch.new", 0700).ok());
  const Holder holder(running);
  const Result<SpoolFindings> found = examine_spool(dir.path(), "now", TimePoint{});
  ASSERT_TRUE(found.ok()) << found.error().text;
  ASSERT_EQ(found->steps.size(), 4U);
  EXPECT_EQ(found->steps[0].state, FoundStep::State::accepted);
  EXPECT_EQ(found->steps[1].state, FoundStep::State::running);
  EXPECT_EQ(found->steps[2].state, FoundStep::State::ended);
  EXPECT_EQ(found->steps[2].status.cause, EndCause::lost);
  EXPECT_EQ(found->steps[3].status.error, "the node was started again");
  ASSERT_EQ(found->living.size(), 1U);
  EXPECT_EQ(found->living[0].shepherd, holder.pid());
  EXPECT_NE(::access((dir / "9.9.batch.new").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace gd::agent

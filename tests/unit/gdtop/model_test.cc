// gdtop's screen as text: what each key does, and that any size will do.
#include "gdtop/model.h"

#include <gtest/gtest.h>

#include "cmd/format.h"

namespace gd::top {
namespace {

constexpr TimePoint kNow{Seconds{1'700'000'000}};

JobView job_of(uint32_t id, const std::string& user, uint64_t cpu_milli, uint64_t memory_mib) {
  JobView view;
  JobRecord& job = view.job;
  job.id = JobId{id};
  job.user = user;
  job.spec = std::make_shared<const JobSpec>(JobSpec{.name = "work"});
  job.state = JobState::running;
  job.launch = LaunchNumber{id};
  job.start_time = kNow - Seconds{600};
  job.nodes = {{.node = "n2", .held = {.cpus = 2, .memory_mib = 1000, .gres = {}}}};
  job.steps.push_back({.id = kBatchStep, .state = StepState::running, .shares = {{.node = "n2"}}});
  StepSample sample{.job = job.id, .launch = job.launch, .step = kBatchStep, .node = "n2"};
  sample.cpu_milli = cpu_milli;
  sample.memory_mib = memory_mib;
  sample.pids = id;
  sample.so_far.memory_peak_mib = memory_mib;
  view.samples.push_back(sample);
  return view;
}

NodeView node_of(const std::string& name, bool drained = false) {
  NodeView node;
  node.node.info.name = name;
  node.node.state = NodeState::up;
  node.node.drained = drained;
  node.usable = {.cpus = 8, .memory_mib = 4096, .gres = {}};
  return node;
}

Data data() {
  return {.cluster = "test",
          .now = kNow,
          .jobs = {job_of(1, "alice", 1900, 100), job_of(2, "bob", 10, 950),
                   job_of(3, "alice", 700, 500)},
          .nodes = {node_of("n10"), node_of("n2", true)}};
}

class ModelTest : public testing::Test {
 protected:
  ModelTest() { model.set_data(data()); }
  Action press(char letter) { return model.press({KeyKind::character, letter}); }
  Action press(KeyKind kind) { return model.press({kind}); }
  // The first words of the rows, and where the cursor is: "1 *2 3".
  std::string order(size_t rows = 20) {
    std::string out;
    const std::vector<Line> lines = model.render(rows, 120);
    for (size_t i = 3; i < lines.size(); ++i) {
      if (!out.empty()) out += ' ';
      if (lines[i].chosen) out += '*';
      out += lines[i].text.substr(0, lines[i].text.find(' '));
    }
    return out;
  }
  std::string line(size_t row) { return model.render(20, 120).at(row).text; }

  Model model;
};

TEST_F(ModelTest, TheTitleSumsUpTheCluster) {
  EXPECT_EQ(line(0), "gd test  nodes 1/2 up  cpus 0/16 held  jobs 3  cpu 261%");
  EXPECT_TRUE(line(1).starts_with("jobs by cpu   q quit")) << line(1);
}

TEST_F(ModelTest, EachSortKeySortsAndArrowsGoOn) {
  EXPECT_EQ(order(), "*1 3 2");
  press('m');
  EXPECT_EQ(order(), "2 3 *1") << "the cursor stays on its job";
  press('r');
  EXPECT_EQ(order(), "*1 3 2");
  press('j');
  EXPECT_EQ(order(), "*1 2 3");
  press('o');
  EXPECT_EQ(order(), "*1 3 2");
  press('n');
  EXPECT_EQ(order(), "3 2 *1");
  press('j');
  press(KeyKind::left);
  EXPECT_TRUE(line(1).starts_with("jobs by time")) << line(1);
  press(KeyKind::right);
  press(KeyKind::right);
  EXPECT_TRUE(line(1).starts_with("jobs by user")) << line(1);
}

TEST_F(ModelTest, TheCursorMovesWithinItsRowsAndStaysOnItsJob) {
  press(KeyKind::up);
  EXPECT_EQ(order(), "*1 3 2");
  press(KeyKind::down);
  EXPECT_EQ(order(), "1 *3 2");
  Data later = data();
  later.jobs[2] = job_of(3, "alice", 2000, 500);
  model.set_data(later);
  EXPECT_EQ(order(), "*3 1 2");
  press(KeyKind::end);
  press(KeyKind::down);
  EXPECT_EQ(order(), "3 1 *2");
  later.jobs.clear();
  model.set_data(later);
  EXPECT_EQ(order(), "");
  press(KeyKind::down);
  press(KeyKind::page_up);
  EXPECT_EQ(order(), "");
}

TEST_F(ModelTest, OneUsersJobs) {
  press('u');
  EXPECT_EQ(line(1), "user (empty: all): _");
  for (const char letter : std::string("bobx")) press(letter);
  press(KeyKind::backspace);
  EXPECT_EQ(press('q'), Action::none) << "a letter, no command";
  press(KeyKind::backspace);
  press(KeyKind::enter);
  EXPECT_EQ(order(), "*2");
  EXPECT_TRUE(line(1).starts_with("jobs by cpu, of bob")) << line(1);
  press('u');
  press(KeyKind::escape);
  EXPECT_EQ(order(), "*2");
  model.set_user("");
  EXPECT_EQ(order(), "*1 3 2") << "back on the job that was left";
  press('u');
  for (size_t i = 0; i < kMaxUserFilter + 5; ++i) press('a');
  EXPECT_EQ(line(1).size(), std::string("user (empty: all): _").size() + kMaxUserFilter);
}

TEST_F(ModelTest, NodesAreATableOfTheirOwn) {
  press(KeyKind::tab);
  EXPECT_EQ(order(), "*n2 n10");
  EXPECT_EQ(model.render(20, 120).at(3).style, Style::warning) << "drained";
  press('r');
  EXPECT_EQ(order(), "n10 *n2");
  press(KeyKind::tab);
  EXPECT_EQ(order(), "*2 3 1") << "the direction is of both";
}

TEST_F(ModelTest, ColoursSayWhatIsWrong) {
  const std::vector<Line> lines = model.render(20, 120);
  EXPECT_EQ(lines.at(3).style, Style::busy);
  EXPECT_EQ(lines.at(4).style, Style::plain);
  EXPECT_EQ(lines.at(5).style, Style::warning);
  Data idle = data();
  idle.jobs = {job_of(1, "alice", 10, 10)};
  model.set_data(idle);
  EXPECT_EQ(model.render(20, 120).at(3).style, Style::idle);
}

TEST_F(ModelTest, HelpAndErrorsAndLeaving) {
  press('?');
  EXPECT_NE(model.render(24, 120).at(2).text.find("leave"), std::string::npos);
  EXPECT_EQ(press('q'), Action::none) << "any key goes back";
  EXPECT_EQ(order(), "*1 3 2");
  model.set_error("no answer");
  EXPECT_EQ(model.render(20, 120).at(1), (Line{"no answer", Style::error}));
  model.set_data(data());
  EXPECT_NE(line(1), "no answer");
  EXPECT_EQ(press(' '), Action::refresh);
  EXPECT_EQ(press('q'), Action::quit);
}

TEST_F(ModelTest, AnySizeWillDoAndTheCursorIsAlwaysThere) {
  Data many = data();
  for (uint32_t id = 10; id < 60; ++id) many.jobs.push_back(job_of(id, "alice", id, id));
  model.set_data(many);
  press(KeyKind::end);
  for (size_t rows = 1; rows < 40; ++rows) {
    for (const size_t columns : {1U, 7U, 40U, 200U}) {
      const std::vector<Line> lines = model.render(rows, columns);
      EXPECT_LE(lines.size(), rows);
      size_t chosen = 0;
      for (const Line& each : lines) {
        EXPECT_LE(cmd::text_columns(each.text), columns);
        chosen += each.chosen ? 1 : 0;
      }
      EXPECT_EQ(chosen, rows > 3 ? 1U : 0U) << rows;
    }
    press(rows % 3 == 0 ? KeyKind::page_up : KeyKind::up);
  }
  press(KeyKind::home);
  EXPECT_TRUE(order(6).starts_with("*1 ")) << order(6);
}

}  // namespace
}  // namespace gd::top

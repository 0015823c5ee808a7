// squeue --json and sinfo --json: the words and numbers of Slurm's that clients read.
#include "cmd/slurm_json.h"

#include <gtest/gtest.h>

namespace gd::cmd {
namespace {

template <class View, class... More>
std::string text_of(const View& view, const More&... more) {
  JsonWriter json;
  write_slurm_json(json, view, more...);
  return json.text();
}

void expect_in(const std::string& text, std::initializer_list<const char*> pieces) {
  for (const char* piece : pieces) EXPECT_NE(text.find(piece), std::string::npos) << piece;
}

TEST(SlurmJson, AJobThatHasFailed) {
  JobSpec spec;
  spec.chdir = "/home/ada";
  spec.output = "log/%j";
  spec.memory_per_cpu_mib = 10;
  JobView view;
  view.job.id = JobId{7};
  view.job.state = JobState::failed;
  view.job.exit = {.code = 3};
  view.job.time_limit = Seconds{61};
  view.job.spec = std::make_unique<const JobSpec>(spec);
  expect_in(
      text_of(view, "lab"),
      {R"("job_id":7,)", R"("cluster":"lab")", R"("job_state":"FAILED")", R"("exit_code":768)",
       R"("time_limit":2,)", R"("standard_output":"/home/ada/log/%j")", R"("nice":null)",
       R"("memory_per_node":null,"memory_per_cpu":10)", R"("array_task_id":null)"});
}

TEST(SlurmJson, ANodeThatIsDrainedAndDoesNotAnswer) {
  NodeView view;
  view.node.name = "n1";
  view.node.drained = true;
  view.node.reason = "fan";
  view.node.info.stream_address = "10.0.0.1:7003";
  view.load = 1.26;
  view.usable = {.cpus = 4, .memory_mib = 100, .gres = {{"gpu", "a100", 2}}};
  expect_in(text_of(view), {R"("address":"10.0.0.1","port":7003)", R"("state_flags":["DRAIN")",
                            R"("cpu_load":126)", R"("tres":"cpu=4,mem=100M,billing=4")",
                            R"("gres":"gpu:a100:2")", R"("reason":"fan")"});
}

}  // namespace
}  // namespace gd::cmd

// What gdsub sends, for scripts, environments and command lines; and what it refuses.
#include "cmd/gdsub.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/duration.h"
#include "cmd/command.h"
#include "cmd/replay.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{
    .name = "gdsub", .slurm_name = "sbatch", .rest = RestMode::stop_at_first};

struct Submission {
  std::string script = "#!/bin/sh\ntrue\n";
  std::vector<std::string> args = {"job.sh"};
  std::map<std::string, std::string> variables = {};
  std::vector<std::string> environment = {"HOME=/home/a", "LANG=C"};
};

Result<SubmitRequest> request_of(const Submission& s) {
  SubOptions options;
  Cli cli(kInfo, Dialect::gd);
  define_gdsub(cli, options);
  const Parsed line = TRY(cli.parse(s.args, RestMode::stop_at_first));
  TRY(cli.apply(line));
  const Script script{line.rest.empty() ? "" : line.rest[0], s.script};
  const Surroundings around{
      .now = TimePoint{}, .host = "login", .directory = "/place", .environment = s.environment};
  return to_submit_request(kInfo, Dialect::gd, script, line, around,
                           [&s](const char* name) -> std::optional<std::string> {
                             const auto found = s.variables.find(name);
                             if (found == s.variables.end()) return std::nullopt;
                             return found->second;
                           });
}

JobSpec spec_of(const Submission& s) {
  Result<SubmitRequest> request = request_of(s);
  EXPECT_TRUE(request.ok()) << (request.ok() ? "" : request.error().text);
  return request.ok() ? request->spec : JobSpec{};
}

std::string refusal(const Submission& s) {
  const Result<SubmitRequest> request = request_of(s);
  return request.ok() ? "accepted" : request.error().text;
}

TEST(Gdsub, FillsInWhatIsNotSaid) {
  const JobSpec spec = spec_of({});
  EXPECT_EQ(spec.name, "job.sh");
  EXPECT_EQ(spec.output, "slurm-%j.out");
  EXPECT_EQ(spec.error, "");
  EXPECT_EQ(spec.chdir, "/place");
  EXPECT_EQ(spec.command, "/place/job.sh");
  EXPECT_EQ(spec.submit_host, "login");
  EXPECT_EQ(spec.tasks, std::nullopt);  // a difference that Toil and Open MPI look for
  EXPECT_EQ(spec.cpus_per_task, std::nullopt);
  EXPECT_EQ(spec.time_limit, std::nullopt);
  EXPECT_EQ(spec.requeue, std::nullopt);
}

TEST(Gdsub, EveryRequestHasItsOwnName) {
  const Result<SubmitRequest> a = request_of({});
  const Result<SubmitRequest> b = request_of({});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_TRUE(a.value().request.given());
  EXPECT_NE(a.value().request, b.value().request);
}

TEST(Gdsub, CommandLineBeatsEnvironmentBeatsScript) {
  Submission s{.script = "#!/bin/sh\n#SBATCH -J script -p script -c 2\ntrue\n"};
  EXPECT_EQ(spec_of(s).name, "script");
  s.variables = {{"SBATCH_JOB_NAME", "variable"}, {"SBATCH_PARTITION", "variable"}};
  EXPECT_EQ(spec_of(s).name, "variable");
  EXPECT_EQ(spec_of(s).partition, "variable");
  s.args = {"-J", "line", "job.sh"};
  EXPECT_EQ(spec_of(s).name, "line");
  EXPECT_EQ(spec_of(s).partition, "variable");
  EXPECT_EQ(spec_of(s).cpus_per_task, 2U);
}

TEST(Gdsub, MemoryPerCpuAndPerNodeReplaceEachOther) {
  const Submission s{.script = "#!/bin/sh\n#SBATCH --mem=4G\ntrue\n",
                     .args = {"--mem-per-cpu=1G", "job.sh"}};
  EXPECT_EQ(spec_of(s).memory_per_node_mib, std::nullopt);
  EXPECT_EQ(spec_of(s).memory_per_cpu_mib, 1024U);
}

TEST(Gdsub, ScriptArgumentsAreItsOwn) {
  const JobSpec spec = spec_of({.args = {"-c", "2", "job.sh", "-c", "x", "--mem"}});
  EXPECT_EQ(spec.cpus_per_task, 2U);
  EXPECT_EQ(spec.argv, (std::vector<std::string>{"-c", "x", "--mem"}));
}

struct OptionCase {
  const char* option;
  std::string (*get)(const JobSpec& spec);
  const char* expect;
};

const OptionCase kOptions[] = {
    {"--time=90", [](const JobSpec& s) { return format_time_limit(s.time_limit); }, "01:30:00"},
    {"-t2-00:00", [](const JobSpec& s) { return format_time_limit(s.time_limit); }, "2-00:00:00"},
    {"--nodes=2-4",
     [](const JobSpec& s) {
       return std::to_string(s.nodes_min) + "-" + std::to_string(*s.nodes_max);
     },
     "2-4"},
    {"-N3",
     [](const JobSpec& s) {
       return std::to_string(s.nodes_min) + "-" + std::to_string(*s.nodes_max);
     },
     "3-3"},
    {"--mem=2G", [](const JobSpec& s) { return std::to_string(*s.memory_per_node_mib); }, "2048"},
    {"--mem=200M", [](const JobSpec& s) { return std::to_string(*s.memory_per_node_mib); }, "200"},
    {"--signal=B:USR2@30",
     [](const JobSpec& s) {
       return std::to_string(*s.warn_signal) + (s.warn_batch_only ? "b" : "") +
              std::to_string(s.warn_before.count());
     },
     "12b30"},
    {"--signal=10",
     [](const JobSpec& s) {
       return std::to_string(*s.warn_signal) + (s.warn_batch_only ? "b" : "") +
              std::to_string(s.warn_before.count());
     },
     "1060"},
    {"--nice", [](const JobSpec& s) { return std::to_string(s.nice); }, "100"},
    {"--nice=-5", [](const JobSpec& s) { return std::to_string(s.nice); }, "-5"},
    {"--gres=gpu:a100:2,disk",
     [](const JobSpec& s) {
       return s.gres_per_node[0].type + std::to_string(s.gres_per_node[0].count) +
              s.gres_per_node[1].name + std::to_string(s.gres_per_node[1].count);
     },
     "a1002disk1"},
    {"--begin=now+60",
     [](const JobSpec& s) { return std::to_string(s.begin->time_since_epoch().count()); }, "60000"},
    {"--chdir=sub", [](const JobSpec& s) { return s.chdir; }, "/place/sub"},
    {"--hold", [](const JobSpec& s) { return std::string(s.hold ? "held" : ""); }, "held"},
    {"--no-requeue", [](const JobSpec& s) { return std::string(*s.requeue ? "yes" : "no"); }, "no"},
    {"--open-mode=append",
     [](const JobSpec& s) { return std::to_string(static_cast<int>(s.open_mode)); }, "2"},
    {"--container-image=/img", [](const JobSpec& s) { return s.image.name; }, "/img"},
    {"--network=none",
     [](const JobSpec& s) { return std::string(s.image.no_network ? "none" : "host"); }, "none"},
    {"--time=UNLIMITED",
     [](const JobSpec& s) {
       return std::string(*s.time_limit == kMaxDuration ? "unlimited" : "?");
     },
     "unlimited"},
};

TEST(Gdsub, OptionsReachTheSpec) {
  for (const OptionCase& each : kOptions) {
    SCOPED_TRACE(each.option);
    const Result<SubmitRequest> request = request_of({.args = {each.option, "job.sh"}});
    ASSERT_TRUE(request.ok()) << request.error().text;
    EXPECT_EQ(each.get(request.value().spec), each.expect);
  }
}

TEST(Gdsub, RefusesWithTheThingAndThePlace) {
  EXPECT_EQ(refusal({.script = ""}), "job.sh: is empty");
  EXPECT_EQ(
      refusal({.script = "echo hi\n"}),
      "job.sh: is no batch script: the first line must be #! and a program, such as #!/bin/sh");
  EXPECT_EQ(refusal({.script = "#!/bin/sh\r\ntrue\r\n"}),
            "job.sh: has DOS line ends (\\r\\n); convert it, for instance with dos2unix");
  EXPECT_EQ(refusal({.script = std::string("#!/bin/sh\n\0", 11)}), "job.sh: contains a NUL byte");
  EXPECT_EQ(refusal({.script = "#!/bin/sh\n#SBATCH --tme=3\n"}),
            "job.sh:2: unknown option '--tme'; did you mean '--time'?");
  EXPECT_EQ(refusal({.script = "#!/bin/sh\n#SBATCH -J a\n#SBATCH --time=soon\n"}).substr(0, 24),
            "job.sh:3: --time=soon: '");
  EXPECT_EQ(refusal({.script = "#!/bin/sh\n#SBATCH what\n"}), "job.sh:2: 'what' is not an option");
  EXPECT_EQ(refusal({.script = "#!/bin/sh\n#SBATCH --switches=1\n"}),
            "job.sh:2: option '--switches' is not supported by gd 0.1.0");
}

TEST(Gdsub, RefusesTheCommandLineBeforeTheScriptIsRead) {
  SubOptions options;
  Cli cli(kInfo, Dialect::gd);
  define_gdsub(cli, options);
  const auto refused = [&cli](std::string option) {
    const std::vector<std::string> args{std::move(option)};
    const Result<void> applied = cli.apply(*cli.parse(args, RestMode::stop_at_first));
    return applied.ok() ? "accepted" : applied.error().text;
  };
  EXPECT_EQ(refused("-N4-2"), "--nodes=4-2: the most, 2, is less than the least, 4");
  EXPECT_EQ(refused("--signal=R:USR1"),
            "--signal=R:USR1: 'R' means reservations, which are not supported");
  EXPECT_EQ(refused("--gres=gpu:a:b"), "--gres=gpu:a:b: 'b' is not a number");
  EXPECT_EQ(refused("--open-mode=both").substr(0, 48),
            "--open-mode=both: not one of append, truncate");
}

TEST(Gdsub, AScriptHasALimit) {
  Script script{"big.sh", "#!/bin/sh\n"};
  script.text.resize(kMaxScriptBytes, '#');
  EXPECT_TRUE(check_script(script).ok());
  script.text += '#';
  const Result<void> checked = check_script(script);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().text, "big.sh: has 4194305 bytes, more than 4194304");
}

TEST(Gdsub, AnEnvironmentHasALimit) {
  Submission s{.environment = {"X=" + std::string(kMaxEnvironmentBytes - 3, 'x')}};
  EXPECT_EQ(refusal(s), "accepted");
  s.environment[0] += 'x';
  EXPECT_EQ(refusal(s),
            "the environment has 2097153 bytes, more than 2097152; choose some with --export");
}

std::string exported(std::string_view names) {
  const std::vector<std::string> environment{"A=1", "B=two words", "C=3=3"};
  Result<Bytes> out = export_environment(names, environment);
  if (!out.ok()) return out.error().text;
  std::string text = std::move(out).take();
  std::replace(text.begin(), text.end(), '\0', ';');
  return text;
}

TEST(Export, ChoosesVariables) {
  EXPECT_EQ(exported("ALL"), "A=1;B=two words;C=3=3;");
  EXPECT_EQ(exported("NONE"), "");
  EXPECT_EQ(exported("NIL"), "");
  EXPECT_EQ(exported("A,C"), "A=1;C=3=3;");
  EXPECT_EQ(exported("ALL,A=9"), "A=9;B=two words;C=3=3;");
  EXPECT_EQ(exported("D='x,y',E=\"it's\""), "D=x,y;E=it's;");
  EXPECT_EQ(exported("MISSING"), "");
  EXPECT_EQ(exported("D='x"), "--export: the quote ' is not closed");
  EXPECT_EQ(exported("=x"), "--export: '=x' has no name");
}

// ---- what Slurm's clients say beside

TEST(Gdsub, MailWckeyAndDeadline) {
  const JobSpec spec = spec_of({.args = {"--mail-type=END,FAIL", "--mail-user", "ada@x.org",
                                         "--wckey=w", "--deadline=now+1hour", "job.sh"}});
  EXPECT_EQ(format_mail_events(spec.mail_events), "END,FAIL");
  EXPECT_EQ(spec.mail_user, "ada@x.org");
  EXPECT_EQ(spec.wckey, "w");
  EXPECT_EQ(spec.deadline, TimePoint{3600s});
  EXPECT_NE(refusal({.args = {"--mail-user=-x", "job.sh"}}), "accepted");
  EXPECT_NE(refusal({.args = {"--mail-type=SOMETIMES", "job.sh"}}), "accepted");
  EXPECT_NE(refusal({.args = {"--deadline=nonsense", "job.sh"}}), "accepted");
}

TEST(Gdsub, GpusOfTheWholeJobAreSharedOutEvenly) {
  const auto gpus = [](std::vector<std::string> args) {
    args.emplace_back("job.sh");
    return spec_of({.args = std::move(args)}).gres_per_node;
  };
  EXPECT_EQ(gpus({"--gpus=3"}), (std::vector<GresCount>{{"gpu", "", 3}}));
  EXPECT_EQ(gpus({"-G", "a100:4", "-N", "2"}), (std::vector<GresCount>{{"gpu", "a100", 2}}));
  EXPECT_EQ(refusal({.args = {"--gpus=3", "-N", "2", "job.sh"}}),
            "--gpus=3 does not come out even on 2 nodes; use --gpus-per-node");
  EXPECT_EQ(refusal({.args = {"--gpus=4", "-N", "1-2", "job.sh"}}),
            "--gpus=4 does not come out even on 1-2 nodes; use --gpus-per-node");
}

ReplaySource source_of(JobSpec spec) {
  ReplaySource source;
  source.job.id = JobId{7};
  source.job.spec = std::make_shared<const JobSpec>(std::move(spec));
  source.script = {.script = "#!/bin/sh\n", .environment = Bytes("A=1\0", 4)};
  return source;
}

TEST(Replay, HoldsTheImageToItsDigestAndKeepsTheRest) {
  ReplaySource source = source_of({.name = "fit", .cpus_per_task = 3, .image = {.name = "debian"}});
  source.job.receipts.emplace_back();
  source.job.receipts[0] = {.image = "docker.io/library/debian:latest",
                            .digest = "sha256:" + std::string(64, 'a')};
  const Result<Replayed> again = to_replay(source);
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_TRUE(again->notes.empty());
  EXPECT_EQ(again->request.spec.image.name, source.job.receipts[0].image);
  EXPECT_EQ(again->request.spec.image.digest, source.job.receipts[0].digest);
  EXPECT_EQ(again->request.spec.cpus_per_task, 3U);
  EXPECT_EQ(again->request.script, source.script.script);
  EXPECT_EQ(again->request.environment, source.script.environment);
  EXPECT_TRUE(again->request.request.given());
}

TEST(Replay, SaysWhatIsNotAsItWas) {
  ReplaySource source = source_of({.begin = TimePoint(1s), .dependency = "afterok:3"});
  source.job.receipts = {{.image = "host"}};
  const Result<Replayed> again = to_replay(source);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->notes, (std::vector<std::string>{
                              "not replayed: --begin", "not replayed: --dependency=afterok:3",
                              "image host has no digest: it may have changed since the job ran"}));
  EXPECT_FALSE(again->request.spec.begin);
  EXPECT_EQ(again->request.spec.dependency, "");
}

TEST(Replay, OneElementOfAnArrayIsOneElement) {
  ReplaySource source = source_of({.array = "0-9"});
  source.job.array = ArrayPart{.array = JobId{7}, .elements = IndexSet::of(3)};
  EXPECT_EQ(to_replay(source)->request.spec.array, "0-9");
  source.one_element = true;
  EXPECT_EQ(to_replay(source)->request.spec.array, "3");
}

TEST(Replay, RefusesWhatHasNoScript) {
  EXPECT_EQ(to_replay(source_of({.kind = JobKind::interactive})).error().code, ErrorCode::invalid);
  ReplaySource gone = source_of({});
  gone.script.script.clear();
  EXPECT_EQ(to_replay(gone).error().code, ErrorCode::not_found);
  EXPECT_TRUE(check_replay_options({.given = {{.name = "replay"}, {.name = "wait"}}}).ok());
  EXPECT_FALSE(check_replay_options({.given = {{.name = "partition"}}}).ok());
  EXPECT_FALSE(check_replay_options({.rest = {"job.sh"}}).ok());
}

TEST(Environment, ALoginStandsBeneathWhatIsExported) {
  const Bytes exported("A=exported\0B=2\0", 15);
  const auto merged =
      with_login_environment(exported, std::vector<std::string>{"A=login", "C=3", "junk"});
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(*merged, Bytes("A=exported\0B=2\0C=3\0", 19));
}

TEST(Environment, ALoginShellIsAskedAndItsChatterSkipped) {
  const auto entries = login_environment("20S");
  ASSERT_TRUE(entries.ok()) << entries.error().text;
  const auto has = [&](std::string_view start) {
    return std::ranges::any_of(*entries, [&](const auto& e) { return e.starts_with(start); });
  };
  EXPECT_TRUE(has("HOME="));
  EXPECT_TRUE(has("USER="));
  EXPECT_FALSE(login_environment("xL").ok());
  EXPECT_FALSE(login_environment("0").ok());
}

}  // namespace
}  // namespace gd::cmd

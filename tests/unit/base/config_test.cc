// config: the grammar, the schema's errors with file and line, and documents that
// the parser reads back.
#include "base/config.h"

#include <gtest/gtest.h>

#include <array>

#include "base/text.h"
#include "tests/support/temp_dir.h"

namespace gd {
namespace {

constexpr std::array<ConfigKey, 7> kTopKeys = {{
    {"state", ConfigType::path, "/var/lib/gd", "Where the state is kept."},
    {"port", ConfigType::integer, "7410", "Port of the controller.", 1, 65535},
    {"heartbeat", ConfigType::interval, "30s", "How often nodes report.", 100, 3'600'000},
    {"log_level", ConfigType::choice, "info", "What is logged.", 0, 0, "debug|info|warning"},
    {"private", ConfigType::boolean, "no", "Hide the jobs of others."},
    {"note", ConfigType::text, nullptr, "Shown at login."},
    {"weight", ConfigType::real, "0.5", "A weight."},
}};
constexpr std::array<ConfigKey, 4> kPartitionKeys = {{
    {"nodes", ConfigType::list, "all", "Nodes of the partition."},
    {"memory", ConfigType::size_mib, "4G", "Most memory of a job.", 1, 1 << 20},
    {"time", ConfigType::time_limit, "UNLIMITED", "Longest job."},
    {"buffer", ConfigType::size_bytes, "64K", "A buffer.", 1024, 1 << 20},
}};
constexpr std::array<ConfigKind, 2> kSchema = {{
    {"", SectionNaming::unnamed, "The cluster as a whole.", kTopKeys},
    {"partition", SectionNaming::named, "A queue.", kPartitionKeys},
}};

Result<Config> load(std::string_view text) {
  return Config::load(kSchema, text, "f");
}

std::string error_of(std::string_view text) {
  const Result<Config> config = load(text);
  return config.ok() ? "no error" : config.error().text;
}

TEST(Config, ReadsEveryTypeAndFallsBackToDefaults) {
  const Result<Config> config = load(R"(
# a comment
port = 8000   # and another
heartbeat = 500ms
private = YES
note = "a # \"b\" \\"
[partition long]
nodes = node[1-3], \
        x1     # joined
memory = 512
time = 7-0
)");
  ASSERT_TRUE(config.ok()) << config.error().text;
  const ConfigView top = config->top();
  EXPECT_EQ(top.integer("port"), 8000);
  EXPECT_EQ(top.interval("heartbeat"), 500ms);
  EXPECT_TRUE(top.flag("private"));
  EXPECT_EQ(top.text("note"), "a # \"b\" \\");
  EXPECT_EQ(top.text("state"), "/var/lib/gd");
  EXPECT_EQ(top.text("log_level"), "info");
  EXPECT_EQ(top.real("weight"), 0.5);
  EXPECT_EQ(top.where("heartbeat"), "f:4");
  EXPECT_TRUE(top.is_given("port"));
  EXPECT_FALSE(top.is_given("state"));
  const std::optional<ConfigView> partition = config->find("partition", "long");
  ASSERT_TRUE(partition);
  EXPECT_EQ(partition->list("nodes"), (std::vector<std::string>{"node[1-3]", "x1"}));
  EXPECT_EQ(partition->mib("memory"), 512u);
  EXPECT_EQ(partition->bytes("buffer"), 65536u);
  EXPECT_EQ(partition->time_limit("time"), TimeLimit{Seconds{7 * 86400}});
  EXPECT_FALSE(config->find("partition", "short"));
}

TEST(Config, OfAnEmptyOrMissingFileIsTheDefaults) {
  const Result<Config> config = Config::load_file(kSchema, "/nonexistent/gd.conf");
  ASSERT_TRUE(config.ok()) << config.error().text;
  EXPECT_EQ(config->top().integer("port"), 7410);
  EXPECT_FALSE(config->top().has("note"));
  EXPECT_TRUE(config->all("partition").empty());
  const test::TempDir dir;
  EXPECT_FALSE(Config::load_file(kSchema, dir.path()).ok()) << "a folder is not missing";
}

TEST(Config, TellsFileLineAndWhatWasMeant) {
  const std::pair<const char*, const char*> cases[] = {
      {"prot = 1",
       "f:1: no such key in the part before the first [section]: prot; did you mean "
       "'port'?"},
      {"\n\nport = 70000", "f:3: port: 70000 is not between 1 and 65535"},
      {"port = 1\nport = 2", "f:2: port is there twice, first in line 1"},
      {"log_level = inof",
       "f:1: log_level: 'inof' is not one of debug, info, warning; did you "
       "mean 'info'?"},
      {"private = maybe", "f:1: private: 'maybe' is neither yes nor no"},
      {"state = var", "f:1: state: 'var' is not a path that begins with /"},
      {"heartbeat = 10ms", "f:1: heartbeat: 10ms is not between 100ms and 1h"},
      {"[partition]", "f:1: [partition] needs a name, as in [partition example]"},
      {"[partiton a]", "f:1: no such section: [partiton a]; did you mean 'partition'?"},
      {"[partition a]\n[partition a]", "f:2: [partition a] is there twice"},
      {"[partition a]\nmemory = 2T", "f:2: memory: 2T is not between 1M and 1T"},
      {"[partition a]\nbuffer = 1", "f:2: buffer: 1 is not between 1024 bytes and 1048576 bytes"},
      {"[partition a\nport = 1", "f:1: '[partition a' is not a header as [partition long]"},
      {"prot = 1\nnonsense\nport = x",
       "f:1: no such key in the part before the first [section]: prot; did you mean 'port'?\n"
       "f:2: 'nonsense' is neither 'key = value' nor a [section]\n"
       "f:3: port: 'x' is not a whole number"},
      {"port", "f:1: 'port' is neither 'key = value' nor a [section]"},
      {"a b = 1", "f:1: 'a b' is not the name of a key"},
      {"include x.conf", "f:1: include is not supported; put all keys into this file"},
      {"Include = x.conf", "f:1: include is not supported; put all keys into this file"},
      {"note = \"a", "f:1: note: the closing quote is missing"},
      {"note = \"a\" b", "f:1: note: ' b' stands behind the closing quote"},
      {"note = a \"b\"", "f:1: note: quotes must enclose the whole value"},
      {"note = \"\\n\"", "f:1: note: '\\n' inside quotes; only \\\" and \\\\ are known"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(error_of(text), expected) << text;
}

TEST(Config, ReportsAllErrorsUpToItsLimitAndCountsTheRest) {
  std::string text;
  for (size_t i = 0; i < kMaxConfigErrors; ++i) text += "x" + std::to_string(i) + " = 1\n";
  EXPECT_EQ(split(error_of(text), '\n').size(), kMaxConfigErrors);
  const std::string more = error_of(text + "y = 1\nz = 1\n");
  EXPECT_EQ(split(more, '\n').size(), kMaxConfigErrors + 1);
  EXPECT_TRUE(more.ends_with("\nf: and 2 more errors")) << more;
}

TEST(Config, TakesItsLimitAndNotOneByteMore) {
  EXPECT_TRUE(load(std::string(kMaxConfigBytes, '\n')).ok());
  EXPECT_EQ(error_of(std::string(kMaxConfigBytes + 1, '\n')),
            "f: holds 1048577 bytes, at most 1048576 are allowed");
}

TEST(Config, CountsLinesAcrossJoinedOnes) {
  EXPECT_EQ(error_of("note = a \\\n  b\nport = x"), "f:3: port: 'x' is not a whole number");
  EXPECT_EQ(load("note = a \\\n  b")->top().text("note"), "a b");
  EXPECT_EQ(load("note = a \\")->top().text("note"), "a") << "the end of the file ends it";
}

// The sample, uncommented, is a good file, and says what the defaults are.
TEST(SampleConfig, IsReadBackAsTheDefaults) {
  const std::string sample = sample_config(kSchema);
  EXPECT_TRUE(load(sample).ok());
  std::string uncommented;
  for (const std::string_view line : split(sample, '\n')) {
    const bool is_key = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    std::string_view text = is_key ? line.substr(1) : line;
    if (text == "note =") continue;  // has no default
    uncommented += text == "[partition NAME]" ? "[partition a]" : std::string(text);
    uncommented += '\n';
  }
  const Result<Config> config = load(uncommented);
  ASSERT_TRUE(config.ok()) << config.error().text << "\n" << uncommented;
  EXPECT_TRUE(config->top().is_given("port"));
  EXPECT_EQ(config->top().integer("port"), 7410);
  EXPECT_EQ(config->find("partition", "a")->mib("memory"), 4096u);
}

TEST(ManConfig, NamesEveryKeyWithItsDefault) {
  const std::string man = man_config(kSchema);
  EXPECT_NE(man.find(".TP\n.B port\nPort of the controller.\nValue: a whole number, 1 to 65535.\n"
                     "Default: 7410.\n"),
            std::string::npos)
      << man;
  EXPECT_NE(man.find(".SS \"[partition NAME]\"\n"), std::string::npos) << man;
  EXPECT_NE(man.find("Not given by default.\n"), std::string::npos) << man;
}

TEST(ConfigDeathTest, AbortsWhenAskedForWhatIsNotThere) {
  const Result<Config> config = load("");
  EXPECT_DEATH((void)config->top().integer("prot"), "check failed");
  EXPECT_DEATH((void)config->top().flag("port"), "check failed");
  EXPECT_DEATH((void)config->top().text("note"), "check failed");
  EXPECT_DEATH((void)config->only("queue"), "check failed");
}

}  // namespace
}  // namespace gd

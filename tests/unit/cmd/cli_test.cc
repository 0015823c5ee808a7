// The option grammar, by table; then what holds for the definitions of all commands.
#include "cmd/cli.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/text.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{
    .name = "gdtest", .slurm_name = "stest", .summary = "Test", .arguments = "[FILE]..."};

struct Fields {
  bool loud = false, long_list = false;
  std::string name, mode;
  std::optional<uint32_t> count;
  std::vector<std::string> users, rest;
  std::string exclusive = "no";
};

void define(Cli& cli, Fields& to) {
  cli.flag("-l,--loud", "Loud", to.loud);
  cli.flag("-L,--long-list", "Long", to.long_list);
  cli.option("-n,--name", "NAME", "Name", to.name).env("NAME");
  cli.count("-c,--count", "N", "Count", to.count);
  cli.list("-u,--user,--users", "NAME[,...]", "Users", to.users);
  cli.on("--exclusive", "[=WHO]", "Alone", [&to](std::string_view text) -> Result<void> {
    to.exclusive = text.empty() ? "yes" : text;
    return {};
  });
  cli.option("--mode", "MODE", "Mode", to.mode).choose({"append", "truncate"});
  cli.refuse("-a,--array --bb");
  cli.rest(to.rest);
}

struct Case {
  const char* name;
  std::vector<std::string> args;
  const char* expect;  // "loud name count users exclusive mode | rest" or the error
  RestMode rest = RestMode::permute;
  Dialect dialect = Dialect::gd;
};

std::string render(const Fields& f) {
  std::string out = f.loud ? "loud " : "";
  if (f.long_list) out += "long ";
  if (!f.name.empty()) out += "name=" + f.name + " ";
  if (f.count) out += "count=" + std::to_string(*f.count) + " ";
  if (!f.users.empty()) out += "users=" + join(std::span(f.users), "+") + " ";
  if (f.exclusive != "no") out += "exclusive=" + f.exclusive + " ";
  if (!f.mode.empty()) out += "mode=" + f.mode + " ";
  return out + "| " + join(std::span(f.rest), " ");
}

class CliTest : public testing::TestWithParam<Case> {};

TEST_P(CliTest, ReadsTheCommandLine) {
  Fields fields;
  Cli cli(kInfo, GetParam().dialect);
  define(cli, fields);
  const Result<Parsed> parsed = cli.parse(GetParam().args, GetParam().rest);
  if (!parsed.ok()) {
    EXPECT_EQ(parsed.error().code, ErrorCode::usage);
    EXPECT_EQ(parsed.error().text, GetParam().expect);
    return;
  }
  const Result<void> applied = cli.apply(*parsed);
  EXPECT_EQ(applied.ok() ? render(fields) : applied.error().text, GetParam().expect);
}

const Case kCases[] = {
    {"Nothing", {}, "| "},
    {"ShortFlag", {"-l"}, "loud | "},
    {"ShortCluster", {"-lL"}, "loud long | "},
    {"ShortGluedValue", {"-nalpha"}, "name=alpha | "},
    {"ShortValueApart", {"-n", "alpha"}, "name=alpha | "},
    {"ClusterEndsInValue", {"-lnalpha"}, "loud name=alpha | "},
    {"ValueThatLooksLikeAnOption", {"-n", "-l"}, "name=-l | "},
    {"LongWithEquals", {"--name=alpha"}, "name=alpha | "},
    {"LongApart", {"--name", "alpha"}, "name=alpha | "},
    {"EmptyValue", {"--name="}, "| "},
    {"ValueWithEquals", {"--name=a=b"}, "name=a=b | "},
    {"UniqueBeginning", {"--na=alpha"}, "name=alpha | "},
    {"AliasBeginningIsNotAmbiguous", {"--use=a"}, "users=a | "},
    {"ExactNameBeatsBeginning", {"--user=a"}, "users=a | "},
    {"AmbiguousBeginning", {"--lo"}, "option '--lo' is ambiguous: '--loud' or '--long-list'"},
    {"OptionalValueNeedsEquals", {"--exclusive", "job.sh"}, "exclusive=yes | job.sh"},
    {"OptionalValueGiven", {"--exclusive=user"}, "exclusive=user | "},
    {"ListsAdd", {"-u", "a,b", "--user=c"}, "users=a+b+c | "},
    {"Permutes", {"one", "-l", "two"}, "loud | one two"},
    {"StopsAtTheFirst", {"-l", "job.sh", "-n", "x"}, "loud | job.sh -n x", RestMode::stop_at_first},
    {"DashDashEnds", {"--", "-l"}, "| -l"},
    {"DashIsAnArgument", {"-"}, "| -"},
    {"Unknown", {"--nam3=x"}, "unknown option '--nam3'; did you mean '--name'?"},
    {"UnknownLetter", {"-z"}, "unknown option '-z'"},
    {"MissingValue", {"--name"}, "option '--name' needs a value: NAME"},
    {"MissingShortValue", {"-n"}, "option '-n' needs a value: NAME"},
    {"FlagWithValue", {"--loud=yes"}, "option '--loud' takes no value"},
    {"Choice", {"--mode=append"}, "mode=append | "},
    {"WrongChoice",
     {"--mode=apend"},
     "--mode=apend: not one of append, truncate; did you mean 'append'?"},
    {"NotANumber", {"--count=x"}, "--count=x: 'x' is not a whole number"},
    {"TooSmall", {"--count=0"}, "--count=0: 0 is not between 1 and 4294967295"},
    {"Refused", {"--array=1-3"}, "option '--array' is not supported by gd 0.1.0"},
    {"RefusedLetter", {"-a1-3"}, "option '-a' is not supported by gd 0.1.0"},
    {"SlurmUnknown",
     {"--nam3=x"},
     "unrecognized option '--nam3'",
     RestMode::permute,
     Dialect::slurm},
    {"SlurmLetter", {"-z"}, "invalid option -- 'z'", RestMode::permute, Dialect::slurm},
    {"SlurmValue",
     {"--count=x"},
     "Invalid --count specification",
     RestMode::permute,
     Dialect::slurm},
};

INSTANTIATE_TEST_SUITE_P(Grammar, CliTest, testing::ValuesIn(kCases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(CliEnvironment, TheFirstPrefixWinsAndTheErrorNamesTheVariable) {
  Fields fields;
  Cli cli(kInfo, Dialect::gd);
  define(cli, fields);
  constexpr std::string_view kPrefixes[] = {"GDTEST_", "STEST_"};
  const std::map<std::string, std::string> variables{{"GDTEST_NAME", "own"},
                                                     {"STEST_NAME", "slurm"}};
  const auto get = [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  const Parsed parsed = cli.from_environment(kPrefixes, get);
  ASSERT_EQ(parsed.given.size(), 1U);
  EXPECT_EQ(parsed.given[0].where, "GDTEST_NAME");
  ASSERT_TRUE(cli.apply(parsed).ok());
  EXPECT_EQ(fields.name, "own");
}

TEST(CliHelp, ShowsEveryOptionAndHidesWhatIsRefused) {
  Fields fields;
  Cli cli(kInfo, Dialect::gd);
  define(cli, fields);
  const std::string help = cli.help();
  EXPECT_NE(help.find("-n, --name=NAME"), std::string::npos) << help;
  EXPECT_NE(help.find("--exclusive[=WHO]"), std::string::npos) << help;
  EXPECT_EQ(help.find("--array"), std::string::npos) << help;
}

}  // namespace
}  // namespace gd::cmd

// #SBATCH and #GD lines: which lines count, and how they are cut into words.
#include "cmd/directives.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace gd::cmd {
namespace {

std::string render(std::string_view script) {
  const Result<std::vector<Directive>> read = read_directives(script);
  if (!read.ok()) return read.error().text;
  std::string out;
  for (const Directive& directive : *read) {
    out += std::to_string(directive.line) + "[" + join(std::span(directive.words), "|") + "]";
  }
  return out;
}

struct Case {
  const char* name;
  const char* script;
  const char* expect;
};
class DirectivesTest : public testing::TestWithParam<Case> {};
TEST_P(DirectivesTest, AreRead) {
  EXPECT_EQ(render(GetParam().script), GetParam().expect);
}

const Case kCases[] = {
    {"None", "#!/bin/sh\necho\n", ""},
    {"OneALine", "#!/bin/sh\n#SBATCH -J a\n#SBATCH --mem=1G\n", "2[-J|a]3[--mem=1G]"},
    {"SeveralALine", "#!/bin/sh\n#SBATCH -J a  -c 2\n", "2[-J|a|-c|2]"},
    {"BlankLinesBefore", "#!/bin/sh\n\n\n#SBATCH -J a\n", "4[-J|a]"},
    {"CommentsBetween", "#!/bin/sh\n# hello\n#SBATCH -J a\n", "3[-J|a]"},
    {"EndsAtTheFirstCommand", "#!/bin/sh\n#SBATCH -J a\nset -e\n#SBATCH -J b\n", "2[-J|a]"},
    {"OursToo", "#!/bin/sh\n#GD --image=host\n", "2[--image=host]"},
    {"TrailingComment", "#!/bin/sh\n#SBATCH -J a # why\n", "2[-J|a]"},
    {"HashInsideAWord", "#!/bin/sh\n#SBATCH -J a#b\n", "2[-J|a#b]"},
    {"SingleQuotes", "#!/bin/sh\n#SBATCH --comment='it is' -J a\n", "2[--comment=it is|-J|a]"},
    {"ShellQuotedQuote", "#!/bin/sh\n#SBATCH --comment='it'\"'\"'s'\n", "2[--comment=it's]"},
    {"DoubleQuotes", "#!/bin/sh\n#SBATCH -J \"a \\\"b\\\" \\c\"\n", "2[-J|a \"b\" \\c]"},
    {"Backslash", "#!/bin/sh\n#SBATCH -J a\\ b\n", "2[-J|a b]"},
    {"EmptyWord", "#!/bin/sh\n#SBATCH -J ''\n", "2[-J|]"},
    {"TabsCount", "#!/bin/sh\n#SBATCH\t-J\ta\n", "2[-J|a]"},
    {"NotADirective", "#!/bin/sh\n#SBATCHX -J a\n##SBATCH -J b\n #SBATCH -J c\n", ""},
    {"WithoutALineEnd", "#!/bin/sh\n#SBATCH -J a", "2[-J|a]"},
    {"OpenQuote", "#!/bin/sh\n#SBATCH -J 'a\n", "line 2: the quote ' is not closed"},
    {"LastBackslash", "#!/bin/sh\n#SBATCH -J a\\\n", "line 2: nothing follows the last backslash"},
};
INSTANTIATE_TEST_SUITE_P(Lines, DirectivesTest, testing::ValuesIn(kCases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Directives, HaveALimit) {
  std::string script = "#!/bin/sh\n#SBATCH";
  for (size_t i = 0; i < kMaxDirectiveWords; ++i) script += " x";
  ASSERT_TRUE(read_directives(script).ok());
  const auto read = read_directives(script + " x\n");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().text,
            "line 2: more than 4096 words stand in the directives of this script");
}

}  // namespace
}  // namespace gd::cmd

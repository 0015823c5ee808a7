// gdshare - shares of accounts and users, and what they have used of them. The columns and
// bytes are those of Slurm's sshare under Fair Tree.
#include "cmd/gdshare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "cmd/client.h"
#include "cmd/format.h"
#include "cmd/job_query.h"
#include "cmd/slurm_text.h"

namespace gd::cmd {
namespace {

constexpr CommandInfo kInfo{.name = "gdshare",
                            .slurm_name = "sshare",
                            .summary = "Show shares of accounts and users, and what they used",
                            .arguments = "",
                            .examples =
                                "gdshare                         # the accounts, and me\n"
                                "gdshare -a                      # everybody\n"
                                "gdshare -l -A physics           # one account, all columns\n",
                            .completes = Completes::nothing};

using Row = const ShareView&;
using Out = std::string&;

void digits(double value, Out out) {
  if (std::isinf(value)) {
    out += "inf";
    return;
  }
  char text[64];
  (void)std::snprintf(text, sizeof text, "%f", value);
  out += text;
}

constexpr auto kFields = std::to_array<Field<ShareView>>({
    {0, "account", "Account", [](Row r, Out o) { o += std::string(r.depth, ' ') + r.account; }},
    {0, "user", "User", [](Row r, Out o) { o += r.user; }},
    {0, "rawshares", "RawShares",
     [](Row r, Out o) { o += r.depth == 0 ? "" : std::to_string(r.shares); }},
    {0, "normshares", "NormShares", [](Row r, Out o) { digits(r.part_of_shares, o); }},
    {0, "rawusage", "RawUsage",
     [](Row r, Out o) { o += std::to_string(static_cast<uint64_t>(std::max(0.0, r.usage))); }},
    {0, "normusage", "NormUsage", [](Row r, Out o) { digits(r.part_of_all, o); }},
    {0, "effectvusage", "EffectvUsage", [](Row r, Out o) { digits(r.part_of_usage, o); }},
    {0, "fairshare", "FairShare",
     [](Row r, Out o) {
       if (!r.user.empty()) digits(r.factor, o);
     }},
    {0, "levelfs", "LevelFS",
     [](Row r, Out o) {
       if (r.depth > 0) digits(r.level, o);
     }},
    {0, "grptresmins", "GrpTRESMins", [](Row, Out) {}},
    {0, "tresrunmins", "TRESRunMins", [](Row, Out) {}},
});

struct Column {
  std::string_view name;
  uint32_t width;
};
constexpr std::array<Column, 11> kWidths{{{"Account", 20},
                                          {"User", 10},
                                          {"RawShares", 10},
                                          {"NormShares", 11},
                                          {"RawUsage", 11},
                                          {"NormUsage", 11},
                                          {"EffectvUsage", 13},
                                          {"FairShare", 10},
                                          {"LevelFS", 10},
                                          {"GrpTRESMins", 30},
                                          {"TRESRunMins", 30}}};
constexpr std::string_view kShort =
    "Account,User,RawShares,NormShares,RawUsage,EffectvUsage,FairShare";
constexpr std::string_view kLong =
    "Account,User,RawShares,NormShares,RawUsage,NormUsage,EffectvUsage,FairShare,LevelFS,"
    "GrpTRESMins,TRESRunMins";

// Columns as Listing takes them: padded, or with bars.
std::vector<FormatItem> items_of(const ShareOptions& options) {
  std::string_view names = options.long_listing ? kLong : kShort;
  if (!options.format.empty()) names = options.format;
  std::vector<FormatItem> items;
  for (const std::string_view part : split(names, ',')) {
    FormatItem item{.name = std::string(trim(part)), .spelt = std::string(trim(part))};
    const bool bars = options.parsable || options.parsable2;
    item.suffix = bars ? "|" : " ";
    for (const Column& column : kWidths) {
      if (equal_no_case(column.name, item.name) && !bars) item.width = column.width;
    }
    item.right = !equal_no_case(item.name, "Account");
    items.push_back(std::move(item));
  }
  if (options.parsable2 && !items.empty()) items.back().suffix.clear();
  return items;
}

bool one_of(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

Result<int> print(const ShareOptions& options, Context& context) {
  Client* controller = TRY(context.controller());
  ShareQueryReply reply = TRY(controller->ask<ShareQueryReply>(ShareQuery{}));
  const std::vector<ShareView> rows = chosen_shares(options, own_name(), std::move(reply.rows));
  context.out << TRY(share_table(options, rows));
  return kExitDone;
}

Result<int> run(const ShareOptions& options, Context& context) {
  Result<int> code = print(options, context);
  if (code.ok() || !context.slurm() || code.error().code == ErrorCode::usage) return code;
  return slurm_load_error(code.error());
}

int start(const Invocation& call) {
  return start_command<ShareOptions, define_gdshare, run>(kInfo, call);
}

}  // namespace

void define_gdshare(Cli& cli, ShareOptions& options) {
  cli.group("Which rows");
  cli.list("-A,--accounts", "ACCOUNT[,...]", "These accounts", options.accounts);
  cli.list("-u,--users", "USER[,...]", "These users instead of you", options.users)
      .complete(Completes::user);
  cli.flag("-a,--all", "All users", options.all);
  cli.flag("-U,--Users", "Users only, no accounts", options.users_only);
  cli.group("Form");
  cli.flag("-l,--long", "More columns", options.long_listing);
  cli.option("-o,--format", "FIELD[,...]", "Columns by name", options.format);
  cli.flag("-n,--noheader", "No line of headings", options.no_header);
  cli.flag("-h,--no-header", "No line of headings", options.no_header).hide();
  cli.flag("-p,--parsable", "With | behind each field", options.parsable);
  cli.flag("-P,--parsable2", "With | between fields", options.parsable2);
  cli.flag("-v,--verbose", "Say nothing more: there is nothing more to say", options.verbose)
      .hide();
  cli.refuse("-M,--clusters -m,--partition");
}

std::vector<ShareView> chosen_shares(const ShareOptions& options, const std::string& me,
                                     std::vector<ShareView> rows) {
  std::erase_if(rows, [&](const ShareView& row) {
    if (!options.accounts.empty() && !one_of(options.accounts, row.account)) return true;
    if (row.user.empty()) return options.users_only;
    if (options.all) return false;
    return options.users.empty() ? row.user != me : !one_of(options.users, row.user);
  });
  return rows;
}

Result<std::string> share_table(const ShareOptions& options, const std::vector<ShareView>& rows) {
  const std::vector<FormatItem> items = items_of(options);
  auto listing = TRY(Listing<ShareView>::make(items, kFields));
  std::string text;
  if (!options.no_header) {
    listing.header(text);
    const bool bars = options.parsable || options.parsable2;
    if (!bars) {
      for (const FormatItem& item : items) text += std::string(item.width, '-') + " ";
      text += "\n";
    }
  }
  for (const ShareView& row : rows) listing.row(row, text);
  return text;
}

const Command kGdshare{&kInfo, start};

}  // namespace gd::cmd

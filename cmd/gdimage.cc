// gdimage - the images that a node keeps: fetch, list, remove, check.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/image_name.h"
#include "base/json.h"
#include "base/text.h"
#include "base/user.h"
#include "cmd/command.h"
#include "cmd/connection.h"
#include "cmd/grid.h"
#include "cmd/job_fields.h"
#include "cmd/output.h"
#include "proto/image_progress.h"
#include "proto/paths.h"

namespace gd::cmd {
namespace {

struct ImageOptions {
  bool json = false;
  bool quiet = false;
  std::vector<std::string> rest;
};

constexpr CommandInfo kInfo{
    .name = "gdimage",
    .slurm_name = "",
    .summary = "The container images of this node: fetch, list, remove, check",
    .arguments = "pull|import|list|show|remove|prune|verify|containers|discard [IMAGE|SIZE|NAME]",
    .examples =
        "gdimage pull debian:12            # before a job needs it\n"
        "gdimage import /data/tools.tar    # an OCI or docker archive, or an OCI layout\n"
        "gdimage import tools.sqsh         # a squashfs, SIF or erofs file\n"
        "gdimage list\n"
        "gdimage containers                # those of --container-name\n"
        "gdimage prune 20G                 # root: the longest unused go\n",
    .completes = Completes::nothing};

void define(Cli& cli, ImageOptions& options) {
  cli.flag("--json", "List and show as JSON", options.json);
  cli.flag("-q,--quiet", "No word on how far a fetch has come", options.quiet);
  cli.rest(options.rest);
}

std::string working_directory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

struct ImageRow {
  std::string name;
  std::string owner;
  std::string digest;
  uint64_t bytes = 0;
  int64_t used = 0;  // seconds of the epoch
  bool in_use = false;
};

Result<ImageRow> parse_row(std::string_view line) {
  const std::vector<std::string_view> parts = split(line, '\t');
  if (parts.size() != 6) return Error{ErrorCode::internal, "gdstore: a line that is no image"};
  return ImageRow{.name = std::string(parts[0]),
                  .owner = std::string(parts[1]),
                  .digest = std::string(parts[2]),
                  .bytes = TRY(parse_number<uint64_t>(parts[3])),
                  .used = TRY(parse_number<int64_t>(parts[4])),
                  .in_use = parts[5] == "yes"};
}

Result<UniqueFd> connect_agent(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::invalid, "run_dir is too long: " + path};
  }
  path.copy(address.sun_path, path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return os_error("socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error{ErrorCode::unavailable, "no node agent answers at " + path + " (" +
                                             std::string(::strerror(errno)) +
                                             "): gdimage works on a compute node"};
  }
  return fd;
}

// Sends one request; each line of the answer but the last goes to `take`.
Result<void> ask(const std::string& request,
                 const std::function<Result<void>(std::string_view)>& take) {
  const LoginSettings settings = TRY(load_login_settings());
  const UniqueFd fd = TRY(connect_agent(settings.run_dir + "/" + kImageSocketName));
  TRY(write_all(fd.get(), request + "\n", "node agent"));
  std::string unread;
  std::array<char, 4096> block;
  for (;;) {
    const size_t end = unread.find('\n');
    if (end != std::string::npos) {
      const std::string line = unread.substr(0, end);
      unread.erase(0, end + 1);
      if (line == "done") return {};
      std::string_view rest = line;
      if (take_prefix(rest, "error ")) {
        const size_t blank = rest.find(' ');
        return Error{ErrorCode::denied, std::string(rest.substr(blank + 1))};
      }
      TRY(take(line));
      continue;
    }
    const ssize_t count = ::read(fd.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Error{ErrorCode::unavailable, "the node agent ended the connection"};
    unread.append(block.data(), static_cast<size_t>(count));
  }
}

std::string size_text(uint64_t bytes) {
  if (bytes >= uint64_t{1} << 30) return std::to_string(bytes >> 30) + " GiB";
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

std::string owner_text(const std::string& owner) {
  const Result<uid_t> uid = parse_number<uid_t>(owner);
  return uid.ok() ? user_label(*uid) : owner;
}

TimePoint used_at(const ImageRow& row) {
  return TimePoint(Milliseconds(row.used * 1000));
}

void print_json(Context& context, const std::vector<ImageRow>& rows) {
  JsonWriter json(JsonStyle::pretty);
  json.begin_object().key("images").begin_array();
  for (const ImageRow& row : rows) {
    json.begin_object().key("name").string(row.name).key("owner").string(owner_text(row.owner));
    json.key("digest").string(row.digest).key("bytes").number(row.bytes);
    json.key("last_used").number(row.used).key("in_use").boolean(row.in_use).end_object();
  }
  json.end_array().end_object();
  context.out << json.take();
}

void print_table(Context& context, const std::vector<ImageRow>& rows) {
  size_t width = 5;
  for (const ImageRow& row : rows) width = std::max(width, row.name.size());
  const auto cell = [](std::string text, size_t columns) {
    text.resize(std::max(text.size(), columns), ' ');
    return text + "  ";
  };
  context.out.line(cell("IMAGE", width) + cell("DIGEST", 12) + cell("SIZE", 9) + cell("OWNER", 10) +
                   "LAST USED");
  for (const ImageRow& row : rows) {
    context.out.line(cell(printable(row.name, 1024), width) + cell(row.digest.substr(7, 12), 12) +
                     cell(size_text(row.bytes), 9) + cell(owner_text(row.owner), 10) +
                     (row.in_use ? "now" : moment_or(used_at(row), "never")));
  }
}

Result<std::vector<ImageRow>> rows_of_node() {
  std::vector<ImageRow> rows;
  TRY(ask("list", [&rows](std::string_view line) -> Result<void> {
    if (!take_prefix(line, "image ")) return {};
    rows.push_back(TRY(parse_row(line)));
    return {};
  }));
  return rows;
}

Result<int> list(const ImageOptions& options, Context& context, const std::string& only) {
  std::vector<ImageRow> rows = TRY(rows_of_node());
  if (!only.empty()) {
    const std::string name =
        render(TRY(parse_image_name(absolute_image_name(only, working_directory()))));
    std::erase_if(rows, [&name](const ImageRow& row) { return row.name != name; });
    if (rows.empty()) return Error{ErrorCode::not_found, "image " + name + ": not on this node"};
  }
  if (options.json) {
    print_json(context, rows);
  } else if (only.empty()) {
    print_table(context, rows);
  } else {
    for (const ImageRow& row : rows) {
      context.out.line("image      " + row.name + "\ndigest     " + row.digest + "\nsize       " +
                       size_text(row.bytes) + "\nowner      " + owner_text(row.owner) +
                       "\nlast used  " + (row.in_use ? "now" : moment_or(used_at(row), "never")));
    }
  }
  return kExitDone;
}

// The octets of a file at a place, or fewer.
std::string octets_at(const std::string& path, off_t at, size_t count) {
  std::string octets(count, '\0');
  const Result<UniqueFd> file = open_file(path, O_RDONLY | O_NONBLOCK);
  const ssize_t got = file.ok() ? ::pread(file->get(), octets.data(), count, at) : 0;
  octets.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return octets;
}

// What a file is, by its look: a file system, an archive of docker or of OCI, or a layout in a
// folder.
Result<std::string> import_name(const std::string& path) {
  std::error_code error;
  const std::string whole = std::filesystem::absolute(path, error).lexically_normal();
  if (::access((whole + "/index.json").c_str(), R_OK) == 0) return "oci:" + whole;
  if (::access(whole.c_str(), R_OK) != 0) return os_error("image " + whole);
  if (octets_at(whole, 0, 4) == "hsqs") return "squashfs:" + whole;
  if (octets_at(whole, 32, 9) == "SIF_MAGIC") return "sif:" + whole;
  if (octets_at(whole, 1024, 4) == "\xe2\xe1\xf5\xe0") return "erofs:" + whole;
  const std::string tail = whole.substr(whole.rfind('/') + 1);
  const bool docker = tail.find("docker") != std::string::npos;
  return (docker ? "docker-archive:" : "oci-archive:") + whole;
}

Result<int> pull(const ImageOptions& options, Context& context, const std::string& text) {
  const ImageName name = TRY(parse_image_name(absolute_image_name(text, working_directory())));
  TRY(ask("pull " + render(name), [&](std::string_view line) -> Result<void> {
    const std::optional<ImageProgress> progress = parse_image_progress(line);
    if (progress && !options.quiet)
      context.err.line(render(name) + ": " + progress_text(*progress));
    return {};
  }));
  context.out.line("image " + render(name) + " is here");
  return kExitDone;
}

Result<int> remove(Context& context, const std::string& text) {
  const std::string name =
      render(TRY(parse_image_name(absolute_image_name(text, working_directory()))));
  const auto nothing = [](std::string_view) -> Result<void> { return {}; };
  const Result<void> own = ask("remove " + name, nothing);
  if (!own.ok() && ::geteuid() == 0) {
    TRY(ask("remove-shared " + name, nothing));
  } else {
    TRY(own);
  }
  context.out.line("image " + name + " is removed");
  return kExitDone;
}

// Of --container-name, on this node: one's own, or for root all.
Result<int> containers(const ImageOptions& options, Context& context) {
  Grid table{.columns = {{"CONTAINER"}, {"USER"}, {"IMAGE"}, {"SIZE", true}, {"LAST USED"}}};
  JsonWriter json(JsonStyle::pretty);
  json.begin_object().key("containers").begin_array();
  TRY(ask("containers", [&](std::string_view line) -> Result<void> {
    if (!take_prefix(line, "container ")) return {};
    const std::vector<std::string_view> parts = split(line, '\t');
    if (parts.size() != 6) return Error{ErrorCode::internal, "gdstore: a line that is none"};
    const uint64_t bytes = TRY(parse_number<uint64_t>(parts[3]));
    const int64_t used = TRY(parse_number<int64_t>(parts[4]));
    const std::string user = owner_text(std::string(parts[1]));
    json.begin_object().key("name").string(parts[0]).key("user").string(user);
    json.key("image").string(parts[2]).key("bytes").number(bytes).key("last_used").number(used);
    json.key("in_use").boolean(parts[5] == "yes").end_object();
    const TimePoint at(Milliseconds(used * 1000));
    table.rows.push_back({std::string(parts[0]), user, printable(parts[2], 1024), size_text(bytes),
                          parts[5] == "yes" ? "now" : moment_or(at, "never")});
    return {};
  }));
  json.end_array().end_object();
  if (options.json) {
    context.out << json.take();
  } else {
    const GridLines lines = layout(table, 0);
    context.out.line(lines.header);
    for (const std::string& row : lines.rows) context.out.line(row);
  }
  return kExitDone;
}

Result<int> discard(Context& context, const std::string& name) {
  TRY(ask("discard " + name, [](std::string_view) -> Result<void> { return {}; }));
  context.out.line("container " + name + " is removed");
  return kExitDone;
}

Result<int> prune(Context& context, const std::string& size) {
  const uint64_t mib = TRY(parse_mib(size));
  TRY(ask("prune " + std::to_string(mib), [&context](std::string_view line) -> Result<void> {
    if (!take_prefix(line, "pruned ")) return {};
    const std::vector<std::string_view> parts = split(line, '\t');
    if (parts.size() != 3) return {};
    context.out.line(std::string(parts[0]) + " images removed, " +
                     size_text(TRY(parse_number<uint64_t>(parts[1]))) + "; " +
                     size_text(TRY(parse_number<uint64_t>(parts[2]))) + " left");
    return {};
  }));
  return kExitDone;
}

Result<int> verify(Context& context) {
  TRY(ask("verify", [&context](std::string_view line) -> Result<void> {
    if (take_prefix(line, "problem ")) context.out.line(std::string(line));
    return {};
  }));
  context.out.line("all images are as they were made");
  return kExitDone;
}

Result<int> run(const ImageOptions& options, Context& context) {
  const std::vector<std::string>& words = options.rest;
  const std::string verb = words.empty() ? "" : words[0];
  const std::string argument = words.size() > 1 ? words[1] : "";
  if (words.size() == 1 && verb == "list") return list(options, context, "");
  if (words.size() == 1 && verb == "verify") return verify(context);
  if (words.size() == 1 && verb == "containers") return containers(options, context);
  if (words.size() == 2) {
    if (verb == "pull") return pull(options, context, argument);
    if (verb == "import") {
      return pull(options, context, TRY(import_name(argument)));
    }
    if (verb == "show") return list(options, context, argument);
    if (verb == "remove") return remove(context, argument);
    if (verb == "discard") return discard(context, argument);
    if (verb == "prune") return prune(context, argument);
  }
  return Error{ErrorCode::usage,
               "expected pull IMAGE, import FILE, list, show IMAGE, remove IMAGE, prune SIZE, "
               "verify, containers or discard NAME, not '" +
                   printable(join(words, " ")) + "'"};
}

int start(const Invocation& call) {
  return start_command<ImageOptions, define, run>(kInfo, call);
}

}  // namespace

const Command kGdimage{&kInfo, start};

}  // namespace gd::cmd

// gdctld: the controller. main is the list of its parts, in the order of rights:
// what needs root comes first (folders, gdauthd, the published key), then it becomes
// its user for good, then it opens the store and the network.
#include <sys/stat.h>

#include <climits>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/descriptor_limit.h"
#include "base/log.h"
#include "base/process.h"
#include "base/user.h"
#include "proto/paths.h"
#include "proto/settings.h"
#include "proto/socket.h"
#include "server/auth/auth_link.h"
#include "server/auth/key_files.h"
#include "server/controller/controller.h"
#include "server/controller/loop.h"
#include "server/controller/mailer.h"
#include "server/controller/service.h"
#include "server/store/lmdb_store.h"

namespace gd::controller {
namespace {

constexpr size_t kReaderThreads = 2;
constexpr char kProgram[] = "gdctld " GD_VERSION;
constexpr char kUsage[] =
    "usage: gdctld [--config FILE] [--foreground]\n"
    "  --config FILE  configuration (default: $GD_CONF or /etc/gd/gd.conf)\n"
    "  --foreground   log to standard error, whatever log_file says\n"
    "  --sample       print the configuration file with all keys at their defaults\n"
    "  --version      print the version\n";

struct Options {
  std::string config = config_path();
  bool foreground = false;
  bool sample = false;
  bool version = false;
  bool help = false;
};

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& each = arguments[i];
    if (each == "--foreground")
      options.foreground = true;
    else if (each == "--sample")
      options.sample = true;
    else if (each == "--version")
      options.version = true;
    else if (each == "--help" || each == "-h")
      options.help = true;
    else if (each.starts_with("--config="))
      options.config = each.substr(9);
    else if (each == "--config" && i + 1 < arguments.size())
      options.config = arguments[++i];
    else
      return Error{ErrorCode::usage, "unknown argument '" + each + "'; try --help"};
  }
  return options;
}

Result<void> open_log(const ControllerSettings& settings, const Options& options) {
  if (settings.log_file.empty() || options.foreground) {
    log_to_stderr(settings.log_level);
    return {};
  }
  return log_to_file(settings.log_file, settings.log_level);
}

// The files that root makes, or that the process's own user does when it is not root.
Result<void> prepare_folders(const ControllerSettings& settings, const User& user) {
  TRY(make_directories(settings.state_dir, 0700));
  TRY(make_directories(settings.run_dir, 0755));
  if (::geteuid() == 0 && ::chown(settings.state_dir.c_str(), user.uid, user.gid) != 0) {
    return os_error("chown " + settings.state_dir);
  }
  return {};
}

// Beside us: that is where it is installed, and where a build puts it.
std::string gdauthd_path() {
  std::string self(PATH_MAX, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size());
  self.resize(size < 0 ? 0 : static_cast<size_t>(size));
  const std::string folder = self.substr(0, self.rfind('/'));
  for (const std::string& path : {folder + "/gdauthd", folder + "/../auth/gdauthd"}) {
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return folder + "/gdauthd";
}

struct Keys {
  CurveKeys curve;
  TicketKeys ticket;
};

struct State {
  std::unique_ptr<store::LmdbStore> store;
  Keys keys;
};

// Before anything that a running gdctld would miss: its lock refuses a second one.
Result<State> open_state(const ControllerSettings& settings, const User& user) {
  std::optional<ActingAs> acting;
  if (::geteuid() == 0) acting.emplace(TRY(ActingAs::user(user)));
  State state;
  state.store = TRY(store::LmdbStore::open(
      {.folder = settings.state_dir + "/db", .low_disk_mib = settings.low_disk_mib}));
  TRY(store::adopt_format(*state.store, {.program = kProgram}));
  Keys& keys = state.keys;
  keys.curve = TRY(auth::load_or_make_curve_keys(settings.state_dir + "/controller.key"));
  keys.ticket = TRY(auth::load_or_make_ticket_keys(settings.state_dir + "/ticket.key"));
  return state;
}

Result<User> user_to_be(const ControllerSettings& settings) {
  if (::geteuid() != 0) return look_up_user(::geteuid());
  Result<User> user = look_up_user(settings.user);
  if (!user.ok()) return std::move(user).error().in("user = " + settings.user);
  if (user->uid == 0) {
    return Error{ErrorCode::invalid, "user = " + settings.user + ": gdctld does not run as root; " +
                                         "name an account of its own"};
  }
  return user;
}

std::string host_name() {
  std::string name(HOST_NAME_MAX + 1, '\0');
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.c_str();
}

struct Network {  // in this order: the socket goes before the handler, that before the context
  SocketContext context{1};
  std::optional<ZapHandler> zap;
  std::optional<ServerSocket> socket;
};

Result<void> open_network(Network& network, const ControllerSettings& settings,
                          const CurveKeys& keys, auth::KeyDirectory& directory,
                          const Clock& clock) {
  network.zap.emplace(network.context,
                      [&directory, &clock](const std::string& key, const std::string& address) {
                        return directory.current()->identify(key, address, clock.now());
                      });
  const HostPort listen = TRY(parse_host_port(settings.listen, kDefaultPort));
  network.socket.emplace(TRY(ServerSocket::bind(network.context, tcp_endpoint(listen), keys)));
  log_notice("listening", {{"endpoint", network.socket->endpoint()}});
  return {};
}

// Everything after the rights are gone.
Result<void> serve(Settings settings, const Options& options, State state, auth::AuthLink* auth,
                   int signal_fd, std::optional<Uid> own_uid) {
  const SystemClock clock;
  const ControllerSettings fixed = settings.controller;
  store::LmdbStore& store = *state.store;
  Keys& keys = state.keys;
  auth::KeyDirectory directory;
  const std::unique_ptr<Mailbox> mailbox = TRY(Mailbox::create());
  Network network;
  TRY(open_network(network, fixed, keys.curve, directory, clock));
  SocketOutbox outbox(*network.socket);
  Workers workers(kReaderThreads);
  Mailer mailer(fixed.mail_program);

  Parts parts{
      .settings = std::move(settings),
      .store = &store,
      .outbox = &outbox,
      .workers = &workers,
      .mailbox = mailbox.get(),
      .auth = auth,
      .directory = &directory,
      .ticket_keys = std::move(keys.ticket),
      .public_key = keys.curve.public_key,
      .host = host_name(),
      .threads = kReaderThreads + 2,  // the owner and the mailer
      .resolve_groups = resolve_groups,
      .send_mail =
          [&mailer](core::MailNote note) {
            const std::string to = note.to;
            if (mailer.send(std::move(note)) == Mailer::Taken::yes) return;
            log_warning("mail_dropped", {{"to", to}, {"waiting", kMaxMails}});
          },
      .reload = [path = options.config] { return load_settings(path); },
      .on_settings =
          [&store](const ControllerSettings& fresh) { store.set_low_disk_mib(fresh.low_disk_mib); },
      .own_uid = own_uid};
  const std::unique_ptr<Controller> controller =
      TRY(Controller::start(std::move(parts), clock.now()));
  log_notice("ready", {{"jobs", controller->hub().cluster.jobs().size()},
                       {"nodes", controller->hub().cluster.nodes().size()}});
  notify_service_manager("READY=1");
  Result<void> done = run_loop({.controller = *controller,
                                .socket = *network.socket,
                                .mailbox = *mailbox,
                                .auth = auth,
                                .signal_fd = signal_fd,
                                .clock = clock});
  notify_service_manager("STOPPING=1");
  mailbox->close();  // a worker that waits for room there must not hold up the end
  return done;
}

Result<void> run(const Options& options) {
  Settings settings = TRY(load_settings(options.config));
  const ControllerSettings& top = settings.controller;
  TRY(open_log(top, options));
  raise_descriptor_limit();  // each node and each client is one
  const UniqueFd signal_fd = TRY(signals_as_descriptor());
  const User user = TRY(user_to_be(top));
  TRY(prepare_folders(top, user));
  State state = TRY(open_state(top, user));
  TRY(auth::publish_controller_key(top.controller_key, state.keys.curve.public_key));
  const std::string pid_file = top.run_dir + "/gdctld.pid";
  TRY(replace_file(pid_file, std::to_string(::getpid()) + "\n", 0644));
  auth::AuthLink auth = TRY(auth::AuthLink::start(
      {.program = gdauthd_path(), .enrol_socket = top.run_dir + "/" + kAuthSocketName}));
  const bool was_root = ::geteuid() == 0;
  if (was_root) TRY(become(user));
  const std::optional<Uid> own_uid = was_root ? std::nullopt : std::optional<Uid>(user.uid);
  const Result<void> done =
      serve(std::move(settings), options, std::move(state), &auth, signal_fd.get(), own_uid);
  (void)::unlink(pid_file.c_str());  // where root made it the next start replaces it
  return done;
}

}  // namespace
}  // namespace gd::controller

int main(int argc, char** argv) {
  const auto options =
      gd::controller::parse_options(std::vector<std::string>(argv + 1, argv + argc));
  if (!options.ok()) {
    std::fprintf(stderr, "gdctld: %s\n", options.error().text.c_str());
    return 2;
  }
  if (options->help) return std::fputs(gd::controller::kUsage, stdout) < 0 ? 1 : 0;
  if (options->version) return std::puts(gd::controller::kProgram) < 0 ? 1 : 0;
  if (options->sample) return std::fputs(gd::sample_settings().c_str(), stdout) < 0 ? 1 : 0;
  const gd::Result<void> done = gd::controller::run(*options);
  if (done.ok()) {
    gd::log_notice("stopped");
    return 0;
  }
  gd::log_error("stopped", {{"error", done.error()}});
  return 1;
}

// gdnoded against a controller that this test plays: joining, orders, reports, restarts,
// streams by ticket, and what it refuses. Needs root.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>

#include "proto/codec.h"
#include "proto/enrol.h"
#include "proto/join_token.h"
#include "proto/socket.h"
#include "proto/ticket.h"
#include "server/agent/node_identity.h"
#include "server/agent/stream_port.h"
#include "tests/unit/agent/shepherd_harness.h"

namespace gd::agent::test {
namespace {

// A port that nobody has right now: taken by a socket and let go.
std::string free_port() {
  SocketContext context;
  const std::string endpoint =
      ServerSocket::bind(context, "tcp://127.0.0.1:*", make_curve_keys())->endpoint();
  return endpoint.substr(endpoint.rfind(':') + 1);
}

class NodedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    shepherds_.emplace();
    context_.emplace();
    zap_.emplace(*context_, [](const std::string& key, const std::string& address) {
      return std::optional<Peer>{{.public_key = key, .address = address}};
    });
    controller_.emplace(ServerSocket::bind(*context_, "tcp://127.0.0.1:*", keys_).take());
    spool_ = dir_ / "spool";
    ASSERT_TRUE(make_directories(spool_, 0755).ok());
    const std::string cgroup = *shepherds_->settings.cgroup_root;
    const std::string config = "controller = " + address() + "\nrun_dir = " + (dir_ / "run") +
                               "\n[agent]\nname = node1\nlisten = 127.0.0.1:" + free_port() + "\n" +
                               "address = 127.0.0.1\nspool_dir = " + spool_ +
                               "\ncgroup = " + cgroup + "\nfeatures = fast\n";
    ASSERT_TRUE(replace_file(dir_ / "gd.conf", config, 0644).ok());
  }
  void TearDown() override {
    if (agent_.valid()) stop(SIGKILL);
    if (shepherds_) shepherds_->destroy_groups();  // kills their containers; shepherds retire
  }

  std::string address() { return controller_->endpoint().substr(std::string("tcp://").size()); }
  void give_identity() {
    node_keys_ = make_curve_keys();
    ASSERT_TRUE(store_identity(spool_, {node_keys_, address(), keys_.public_key}).ok());
  }
  void start() {
    SpawnOptions options;
    options.fds = {{2, 2}};
    Result<Pidfd> agent = spawn({GDNODED_PROGRAM, "--config", dir_ / "gd.conf"}, options);
    ASSERT_TRUE(agent.ok()) << agent.error().text;
    agent_ = std::move(agent).take();
  }
  void stop(int number) {
    (void)agent_.send_signal(number).ok();
    (void)agent_.wait().ok();
    agent_ = Pidfd{};
  }

  template <class Wanted>
  std::optional<Wanted> await() {
    const Deadline deadline = Deadline::after(kPatience);
    while (!deadline.passed()) {
      if (std::optional<Incoming> incoming = controller_->receive()) {
        Result<Message> message = decode(incoming->body);
        if (!message.ok()) continue;
        route_ = incoming->route;
        tag_ = incoming->tag;
        peer_ = incoming->peer;
        if (auto* wanted = std::get_if<Wanted>(&*message)) return std::move(*wanted);
        continue;
      }
      std::array items{WaitItem(*controller_)};
      (void)wait(items, 100ms);
    }
    return std::nullopt;
  }
  void answer(const Message& message) { (void)controller_->send(route_, tag_, encode(message)); }

  NodeInfo welcome() {
    const std::optional<NodeHello> hello = await<NodeHello>();
    if (!hello) return {};
    answer(NodeWelcome{.nonce = hello->nonce,
                       .session = ++session_,
                       .heartbeat = 1s,
                       .ticket_key = tickets_.public_key,
                       .cluster = "test",
                       .may_vouch = may_vouch_});
    number_ = 0;
    return hello->info;
  }
  void order(NodeOrders orders) {
    orders.session = session_;
    orders.number = ++number_;
    answer(orders);
  }
  std::optional<StepStatus> await_step(const StepKey& key, StepPhase phase) {
    while (const std::optional<NodeReport> report = await<NodeReport>()) {
      for (const StepStatus& status : report->steps) {
        if (key_of(status) == key && status.phase >= phase) return status;
      }
    }
    return std::nullopt;
  }
  void await_empty_spool() {
    const Deadline deadline = Deadline::after(kPatience);
    while (!list_steps(spool_ + "/jobs")->empty() && !deadline.passed()) {
      (void)::poll(nullptr, 0, 5);
    }
    EXPECT_TRUE(list_steps(spool_ + "/jobs")->empty());
  }
  Bytes ticket_for(const StepLaunch& launch, const std::string& client_key) {
    return sign_ticket({launch.job, launch.launch, launch.step, launch.uid, "node1", client_key},
                       tickets_.secret_key);
  }

  gd::test::TempDir dir_;
  std::optional<Shepherds> shepherds_;  // for its user, work folder and groups
  CurveKeys keys_ = make_curve_keys();
  CurveKeys node_keys_;
  TicketKeys tickets_ = make_ticket_keys();
  std::optional<SocketContext> context_;
  std::optional<ZapHandler> zap_;
  std::optional<ServerSocket> controller_;
  std::string spool_;
  Pidfd agent_;
  Route route_;
  uint64_t tag_ = 0;
  Peer peer_;
  uint64_t session_ = 0;
  uint64_t number_ = 0;
  bool may_vouch_ = false;
};

TEST_F(NodedTest, JoinsWithATokenAndKeepsItsKey) {
  const std::string token = format_join_token({std::string(16, 's'), address(), keys_.public_key});
  SpawnOptions options;
  Result<Pidfd> joining =
      spawn({GDNODED_PROGRAM, "--config", dir_ / "gd.conf", "--join", token}, options);
  ASSERT_TRUE(joining.ok());
  const std::optional<NodeJoin> join = await<NodeJoin>();
  ASSERT_TRUE(join);
  EXPECT_EQ(join->node, "node1");
  EXPECT_EQ(join->token, token);
  answer(NodeJoined{.cluster = "test"});
  EXPECT_EQ(joining->wait()->exit_code, 0);
  const Result<NodeIdentity> identity = load_identity(spool_);
  ASSERT_TRUE(identity.ok()) << identity.error().text;
  EXPECT_EQ(identity->keys.public_key, peer_.public_key);
  EXPECT_EQ(identity->controller_key, keys_.public_key);
}

TEST_F(NodedTest, RefusedJoinLeavesNoKey) {
  const std::string token = format_join_token({std::string(16, 's'), address(), keys_.public_key});
  Result<Pidfd> joining =
      spawn({GDNODED_PROGRAM, "--config", dir_ / "gd.conf", "--join", token}, SpawnOptions{});
  ASSERT_TRUE(await<NodeJoin>());
  answer(ErrorReply{.code = ErrorCode::denied, .text = "the token is spent"});
  EXPECT_EQ(joining->wait()->exit_code, 1);
  EXPECT_FALSE(load_identity(spool_).ok());
}

TEST_F(NodedTest, RunsAStepReportsItsEndAndForgetsWhenConfirmed) {
  give_identity();
  start();
  const NodeInfo info = welcome();
  EXPECT_EQ(info.name, "node1");
  EXPECT_GE(info.total.cpus, 1U);
  EXPECT_GT(info.total.memory_mib, 100U);
  EXPECT_EQ(info.features, std::vector<std::string>{"fast"});
  EXPECT_EQ(peer_.public_key, node_keys_.public_key);
  ASSERT_TRUE(await<NodeReport>()->full);
  const StepLaunch launch = shepherds_->batch("#!/bin/sh\necho hello; exit 6\n");
  order({.launches = {launch}});
  const std::optional<StepStatus> ended = await_step(key_of(launch), StepPhase::ended);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit, (ExitStatus{6, 0})) << ended->error;
  EXPECT_EQ(shepherds_->output("out"), "hello\n");
  order({.launches = {launch}});  // a late one: known, so ignored
  order({.confirms = {key_of(launch)}});
  await_empty_spool();
}

TEST_F(NodedTest, NewAgentAdoptsRunningSteps) {
  give_identity();
  start();
  (void)welcome();
  const StepLaunch launch =
      shepherds_->batch("#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.02; done; exit 8\n");
  order({.launches = {launch}});
  ASSERT_TRUE(await_step(key_of(launch), StepPhase::running));
  stop(SIGKILL);
  start();
  (void)welcome();
  ASSERT_TRUE(await_step(key_of(launch), StepPhase::running));
  ASSERT_TRUE(replace_file(shepherds_->work() + "/go", "", 0644).ok());
  const std::optional<StepStatus> ended = await_step(key_of(launch), StepPhase::ended);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit, (ExitStatus{8, 0}));
  order({.confirms = {key_of(launch)}});
  await_empty_spool();
}

TEST_F(NodedTest, KilledShepherdIsReportedLostAndNothingIsLeft) {
  give_identity();
  start();
  (void)welcome();
  const StepLaunch launch = shepherds_->batch("#!/bin/sh\nsleep 1000\n");
  order({.launches = {launch}});
  ASSERT_TRUE(await_step(key_of(launch), StepPhase::running));
  const StepFolder folder(spool_ + "/jobs/" + folder_name(key_of(launch)));
  ASSERT_EQ(::kill(folder.lock_holder()->value(), SIGKILL), 0);
  const std::optional<StepStatus> lost = await_step(key_of(launch), StepPhase::ended);
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->cause, EndCause::lost);
  EXPECT_TRUE(shepherds_->groups().empty());
  order({.confirms = {key_of(launch)}});
  await_empty_spool();
}

TEST_F(NodedTest, ShepherdKilledWhileTheAgentIsAwayIsFoundLost) {
  give_identity();
  start();
  (void)welcome();
  const StepLaunch launch = shepherds_->batch("#!/bin/sh\nsleep 1000\n");
  order({.launches = {launch}});
  ASSERT_TRUE(await_step(key_of(launch), StepPhase::running));
  const StepFolder folder(spool_ + "/jobs/" + folder_name(key_of(launch)));
  stop(SIGKILL);
  ASSERT_EQ(::kill(folder.lock_holder()->value(), SIGKILL), 0);
  start();
  (void)welcome();
  const std::optional<StepStatus> lost = await_step(key_of(launch), StepPhase::ended);
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->cause, EndCause::lost);
  EXPECT_TRUE(shepherds_->groups().empty());
}

TEST_F(NodedTest, TicketOpensAStreamOfItsOwnStepOnly) {
  give_identity();
  start();
  const NodeInfo info = welcome();
  const StepLaunch launch =
      shepherds_->command({"/bin/sh", "-c", "read line; echo got $line; exit 3"});
  const CurveKeys user = make_curve_keys();
  Result<ClientSocket> client =
      ClientSocket::connect(*context_, "tcp://" + info.stream_address, info.stream_key, user);
  ASSERT_TRUE(client.ok()) << client.error().text;
  const auto ask = [&](uint64_t tag, const Message& message) {
    ASSERT_TRUE(client->send(tag, encode(message)));
  };
  const auto reply = [&]() -> std::optional<Message> {
    const Deadline deadline = Deadline::after(kPatience);
    while (!deadline.passed()) {
      if (std::optional<Reply> got = client->receive()) return *decode(got->body);
      std::array items{WaitItem(*client)};
      (void)wait(items, 100ms);
    }
    return std::nullopt;
  };
  ask(1, StreamOpen{.ticket = ticket_for(launch, make_curve_keys().public_key)});
  EXPECT_EQ(std::get<ErrorReply>(*reply()).text, "the ticket was given to another key");
  ask(2, ShepherdOrder{.forget = true});
  EXPECT_EQ(std::get<ErrorReply>(*reply()).code, ErrorCode::conflict);
  ask(3, StreamOpen{.ticket = ticket_for(launch, user.public_key)});  // before its step is there
  order({.launches = {launch}});
  EXPECT_EQ(std::get<StreamOpened>(*reply()).step, kInteractiveStep);
  ask(3, StreamData{.stream = StreamId::input, .bytes = "this\n"});
  std::string output;
  std::optional<StreamExit> exit;
  while (!exit) {
    std::optional<Message> message = reply();
    ASSERT_TRUE(message);
    if (const auto* data = std::get_if<StreamData>(&*message)) output += data->bytes;
    if (const auto* end = std::get_if<StreamExit>(&*message)) exit = *end;
  }
  EXPECT_EQ(output, "got this\n");
  EXPECT_EQ(exit->exit.code, 3);
}

TEST_F(NodedTest, StreamClientsAreCounted) {
  give_identity();
  start();
  const NodeInfo info = welcome();
  const CurveKeys user = make_curve_keys();
  Result<ClientSocket> client =
      ClientSocket::connect(*context_, "tcp://" + info.stream_address, info.stream_key, user);
  ASSERT_TRUE(client.ok());
  const auto open = [&](uint64_t tag, uint32_t job) {
    StepLaunch launch = shepherds_->batch("");
    launch.job = JobId{job};
    launch.launch = LaunchNumber{job};
    const Bytes ticket = ticket_for(launch, user.public_key);
    ASSERT_TRUE(client->send(tag, encode(StreamOpen{.ticket = ticket})));
  };
  const auto refusal = [&]() -> std::string {
    const Deadline deadline = Deadline::after(kPatience);
    while (!deadline.passed()) {
      if (std::optional<Reply> got = client->receive()) {
        return std::get<ErrorReply>(*decode(got->body)).text;
      }
      std::array items{WaitItem(*client)};
      (void)wait(items, 100ms);
    }
    return "";
  };
  // Of one step that is not here yet: all are held, but for the one too many.
  for (uint64_t tag = 0; tag <= kMaxStreamsPerStep; ++tag) open(tag, 1);
  EXPECT_EQ(refusal(), "the step has 8 stream clients, the most it takes");
  for (uint64_t tag = kMaxStreamsPerStep + 1; tag <= kMaxStreamClients; ++tag) {
    open(tag, 2 + static_cast<uint32_t>(tag / kMaxStreamsPerStep));  // the eight of above count
  }
  open(kMaxStreamClients + 1, 999999);
  EXPECT_EQ(refusal(), "this node has 4096 stream clients, the most it takes");
}

TEST_F(NodedTest, VouchesForLocalUsersOnlyWhenTrusted) {
  give_identity();
  may_vouch_ = true;
  start();
  (void)welcome();
  (void)await<NodeReport>();
  const std::string key = make_curve_keys().public_key;
  Result<EnrolAnswer> answered = Error{};
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(enrol_at(dir_ / "run/gdnoded.sock", key).ok() ? 0 : 1);
  }
  const std::optional<EnrolRequest> request = await<EnrolRequest>();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->uid, ::getuid());
  EXPECT_EQ(request->user, "root");
  EXPECT_EQ(request->public_key, key);
  answer(LoginDone{.user = "root", .uid = 0});
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace gd::agent::test

// A controller without sockets or a disk: messages go in by hand, and what would
// have left is in a list. One user (alice, 1001), an administrator (root), a node.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "proto/codec.h"
#include "server/controller/controller.h"
#include "server/store/memory_store.h"
#include "server/store/tables.h"

namespace gd::controller::test {

struct Left {
  Route route;
  uint64_t tag = 0;
  Message message;
};

class ListOutbox final : public Outbox {
 public:
  Sent send(const Route& route, uint64_t tag, Bytes body) override {
    if (gone.contains(route)) return Sent::gone;
    left.push_back({route, tag, decode(body).take()});
    return Sent::queued;
  }
  std::vector<Left> left;
  std::set<Route> gone;
};

inline std::string key_text(char letter) {
  return std::string(40, letter);
}
inline constexpr char kAlice = 'a';
inline constexpr char kBob = 'b';
inline constexpr char kRoot = 'r';
inline constexpr char kNode = 'n';
inline constexpr char kStranger = 's';

inline KeyRecord key_record(char letter, KeyKind kind, Uid uid, const std::string& name) {
  KeyRecord key;
  key.public_key = key_text(letter);
  key.kind = kind;
  key.uid = uid;
  key.gid = uid;
  key.name = name;
  key.made_by = auth::kMadeByPeer;
  return key;
}

class ControllerTest : public testing::Test {
 protected:
  void SetUp() override {
    store::Batch keys;
    for (const KeyRecord& key :
         {key_record(kAlice, KeyKind::user, 1001, "alice"),
          key_record(kBob, KeyKind::user, 1002, "bob"), key_record(kRoot, KeyKind::user, 0, "root"),
          key_record(kNode, KeyKind::node, 0, "n1")}) {
      keys.push_back({store::Table::keys, key.public_key, encode_record(key)});
    }
    ASSERT_TRUE(store_.commit(keys).ok());
    start();
  }

  void start(const std::string& config = "") {
    controller_.reset();
    outbox_.left.clear();
    mailbox_ = Mailbox::create().take();
    Parts parts;
    parts.settings = parse_settings(config, "gd.conf").take();
    parts.store = &store_;
    parts.outbox = &outbox_;
    parts.workers = &workers_;
    parts.mailbox = mailbox_.get();
    parts.directory = &directory_;
    parts.ticket_keys = ticket_keys_;
    parts.public_key = key_text('c');
    parts.resolve_groups = [](Uid, Gid) { return UserGroups{"users", {"users"}}; };
    parts.reload = [this] { return parse_settings(file_, "gd.conf"); };
    auto controller = Controller::start(std::move(parts), now_);
    ASSERT_TRUE(controller.ok()) << controller.error().text;
    controller_ = std::move(controller).take();
    finish();
  }

  void send_body(char who, uint64_t tag, Bytes body) {
    Incoming message;
    message.route = std::string("route of ") + who;
    message.peer.public_key = key_text(who);
    message.tag = tag;
    message.body = std::move(body);
    controller_->begin_turn(now_);
    controller_->take(std::move(message));
    mailbox_->run(100);
  }
  void send(char who, const Message& message, uint64_t tag = 7) {
    send_body(who, tag, encode(message));
  }
  // After a pass of some time the next one waits as long, by the real clock; a test has none to
  // wait: its turns come later than any pass may have asked for.
  static constexpr Milliseconds kAhead = 1h;
  void finish() {
    controller_->begin_turn(now_);
    mailbox_->run(100);
    ASSERT_TRUE(controller_->finish_turn(boot_time() + kAhead).ok());
    mailbox_->run(100);
  }
  // One message, one turn: everything that left because of it.
  std::vector<Left> ask_all(char who, const Message& message) {
    outbox_.left.clear();
    send(who, message);
    finish();
    return outbox_.left;
  }
  template <class Reply>
  Reply ask(char who, const Message& message) {
    for (const Left& each : ask_all(who, message)) {
      if (const auto* reply = std::get_if<Reply>(&each.message)) return *reply;
    }
    ADD_FAILURE() << "no such reply";
    return {};
  }

  static SubmitRequest submission(const std::string& script, uint64_t request = 0) {
    SubmitRequest out;
    out.request = {request, request};
    out.spec.name = "test";
    out.spec.chdir = "/";
    out.script = script;
    out.environment = Bytes("A=1\0", 4);
    return out;
  }
  JobId submit(char who, const std::string& script = "#!/bin/sh\ntrue\n") {
    return ask<SubmitReply>(who, submission(script)).job;
  }
  NodeWelcome bring_node_up() {
    NodeHello hello;
    hello.nonce = 5;
    hello.info.name = "n1";
    hello.info.boot_id = "boot";
    hello.info.total = {4, 4096, {}};
    hello.info.stream_address = "n1:6821";
    hello.info.stream_key = key_text('k');
    const auto welcome = ask<NodeWelcome>(kNode, hello);
    NodeReport report;
    report.session = welcome.session;
    report.number = 1;
    report.full = true;
    ask_all(kNode, report);
    return welcome;
  }
  size_t rows(store::Table table) {
    size_t count = 0;
    const auto snapshot = store_.snapshot().take();
    EXPECT_TRUE(snapshot
                    ->scan(table, "",
                           [&](auto, auto) {
                             ++count;
                             return store::Visit::next;
                           })
                    .ok());
    return count;
  }

  store::MemoryStore store_;
  ListOutbox outbox_;
  Workers workers_{0};
  std::unique_ptr<Mailbox> mailbox_;
  auth::KeyDirectory directory_;
  TicketKeys ticket_keys_ = make_ticket_keys();
  TimePoint now_{Milliseconds{1'700'000'000'000}};
  std::string file_;
  std::unique_ptr<Controller> controller_;
};

}  // namespace gd::controller::test

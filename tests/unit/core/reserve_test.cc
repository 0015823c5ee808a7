// Reservations in the cluster: who may make them and run in them, and what their time brings.
#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

class ReserveTest : public CoreTest {
 protected:
  void SetUp() override {
    add_node("n1", 4);
    add_node("n2", 4);
  }

  ReservationRequest request(const std::string& name, Seconds start, Seconds length,
                             const std::string& nodes) {
    ReservationRequest made;
    made.name = name;
    made.start = now + start;
    made.duration = length;
    made.nodes = nodes;
    made.users = "alice";
    return made;
  }
  std::string refusal(const ReservationRequest& asked, Actor actor = admin()) {
    const auto reply = run(ChangeReservation{std::move(actor), asked});
    return reply.ok() ? "" : reply.error().text;
  }
  void made(const ReservationRequest& asked) { EXPECT_EQ(refusal(asked), ""); }

  JobSpec spec_of(Seconds limit, const std::string& reservation = {}) {
    JobSpec spec = batch_spec();
    spec.cpus_per_task = 4;
    spec.time_limit = limit;
    spec.reservation = reservation;
    return spec;
  }
  void time_passes(Seconds length) {
    now += length;
    for (const char* node : {"n1", "n2"}) report(node, {});
    must(Tick{});
  }
};

TEST_F(ReserveTest, OthersStayOutAndItsUsersStayIn) {
  made(request("class", 1h, 1h, "n1"));
  const JobId mine = submitted(spec_of(1h, "class"));
  const JobId longer = submitted(spec_of(2h));
  const JobId after = submitted(spec_of(2h));
  const JobId before = submitted(spec_of(1h));
  EXPECT_EQ(pass(), 2U);
  EXPECT_EQ(job(longer).nodes[0].node, "n2");
  EXPECT_EQ(job(before).nodes[0].node, "n1");
  EXPECT_EQ(state(after), JobState::pending);
  EXPECT_EQ(job(mine).reason, Reason::reservation);
  EXPECT_EQ(cluster->promises().at(mine), now + 1h);
  EXPECT_EQ(*next_timer(*cluster, now),
            cluster->nodes().begin()->second.record.last_heard + 60s + 1ms)
      << "nodes are watched";

  report("n1", {status(before, StepPhase::ended)});
  time_passes(30min);
  EXPECT_EQ(pass(), 0U);
  time_passes(30min);
  EXPECT_TRUE(cluster->find_reservation("class")->begun);
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(job(mine).nodes[0].node, "n1");
}

TEST_F(ReserveTest, ItsEndEndsIt) {
  made(request("class", 0s, 1h, "n1"));
  const JobId mine = submitted(spec_of(2h, "class"));
  pass();
  EXPECT_EQ(state(mine), JobState::pending) << "it is longer than the reservation";
  time_passes(1h);
  EXPECT_EQ(cluster->find_reservation("class"), nullptr);
  EXPECT_EQ(job(mine).reason, Reason::reservation_deleted);
  EXPECT_EQ(pass(), 0U);
  JobUpdateRequest outside{.request = {}, .jobs = {mine}};
  outside.reservation = "";
  must(UpdateJobs{user("alice", 1001), outside});
  EXPECT_EQ(pass(), 1U);
}

TEST_F(ReserveTest, ADailyOneComesAgain) {
  ReservationRequest daily = request("backup", 1h, 1h, "ALL");
  daily.users = "";
  daily.maintenance = true;
  daily.repeat = ReservationRepeat::daily;
  made(daily);
  const TimePoint start = cluster->find_reservation("backup")->record.start;
  time_passes(2h);
  EXPECT_EQ(cluster->find_reservation("backup")->record.start, start + 24h);
  EXPECT_FALSE(cluster->find_reservation("backup")->begun);
}

TEST_F(ReserveTest, WhatMakesNoSenseIsRefused) {
  EXPECT_EQ(refusal(request("a", 0s, 1h, "n1"), user("alice", 1001)),
            "user alice is not an administrator");
  EXPECT_EQ(refusal(request("a", 0s, 1h, "n9")), "reservation a: node n9: no such node");
  ReservationRequest nobody = request("a", 0s, 1h, "n1");
  nobody.users = "";
  EXPECT_EQ(refusal(nobody),
            "reservation a: say Users or Accounts, or Flags=MAINT if nobody is to run there");
  ReservationRequest endless = request("a", 0s, 1h, "n1");
  endless.duration.reset();
  EXPECT_EQ(refusal(endless), "reservation a: say EndTime or Duration");
  EXPECT_EQ(refusal(request("a b", 0s, 1h, "n1")),
            "reservation 'a b': a name has 1 to 64 letters, digits, '-', '_' and '.'");
  made(request("a", 0s, 1h, "n1"));
  EXPECT_EQ(refusal(request("a", 0s, 1h, "n1")), "reservation a: it is there already");
  EXPECT_EQ(refusal(request("b", 30min, 1h, "n1")),
            "reservation b: node n1 is in reservation a in that time");
  ReservationRequest two = request("c", 30min, 1h, "");
  two.nodes.reset();
  two.node_count = 2;
  EXPECT_EQ(refusal(two), "reservation c: 2 nodes asked, 1 are up and free in that time");
  two.node_count = 1;
  made(two);
  EXPECT_EQ(cluster->find_reservation("c")->record.nodes, std::vector<std::string>{"n2"});
}

TEST_F(ReserveTest, WhatRunsThereIsInTheWay) {
  const JobId id = running(spec_of(2h));
  ReservationRequest soon = request("a", 1h, 1h, "n1");
  EXPECT_EQ(refusal(soon),
            "reservation a: node n1 is in use by job 1 until after it begins; let it begin later, "
            "or say Flags=IGNORE_JOBS");
  made(request("later", 2h, 1h, "n1"));
  soon.ignore_jobs = true;
  soon.maintenance = true;
  made(soon);
  report("n1", {status(id, StepPhase::ended)});
}

TEST_F(ReserveTest, OnlyForItsUsersAndNotGoneUnderARunningJob) {
  made(request("class", 0s, 1h, "n1"));
  const auto other = submit(spec_of(10min, "class"), user("bob", 1002));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().text,
            "access denied to requested reservation class: it is for others than user bob");
  EXPECT_EQ(submit(spec_of(10min, "nope")).error().text,
            "requested reservation is invalid: there is no nope");
  const JobId mine = submitted(spec_of(10min, "class"));
  const JobId next = submitted(spec_of(10min, "class"));
  EXPECT_EQ(pass(), 1U);
  ReservationRequest gone;
  gone.action = ReservationAction::remove;
  gone.name = "class";
  EXPECT_EQ(refusal(gone), "reservation class: job 1 runs in it");
  report("n1", {status(mine, StepPhase::ended)});
  made(gone);
  EXPECT_EQ(job(next).reason, Reason::reservation_deleted);
}

TEST_F(ReserveTest, TheyAreStoredAndComeBack) {
  made(request("class", 1h, 1h, "n1"));
  EXPECT_TRUE(cluster->changes().reservations.contains("class"));
  const ReservationRecord record = cluster->find_reservation("class")->record;
  restart();
  cluster->restore(record);
  add_node("n1", 4);
  add_node("n2", 4);
  const JobId longer = submitted(spec_of(2h));
  EXPECT_EQ(pass(), 1U);
  EXPECT_EQ(job(longer).nodes[0].node, "n2");
}

}  // namespace
}  // namespace gd::core

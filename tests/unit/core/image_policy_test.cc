// Which images a job may have and gets by default, and what nodes are told to fetch ahead.
#include "server/core/image_policy.h"

#include "tests/unit/core/fixture.h"

namespace gd::core {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

class ImagePolicyTest : public CoreTest {
 protected:
  ImagePolicyTest() {
    PartitionConfig main;
    main.name = "main";
    main.is_default = true;
    PartitionConfig gpu = main;
    gpu.name = "gpu";
    gpu.is_default = false;
    gpu.default_image = "reg.lab/cuda:12";
    config->partitions = {main, gpu};
    config->accounts = {
        {"art", "", 1, {}}, {"oil", "art", 1, {{"*", 1}}}, {"ink", "", 1, {{"*", 1}}}};
    config->limits.accounts = {{"art", "", {}}, {"oil", "art", {}}, {"ink", "", {}}};
    AssocLimits& art = config->limits.accounts[0].limits;
    art.allow_images = {"reg.lab/*", "host", kDigest};
    art.default_image = "reg.lab/base:1";
    UserLimits carol{.name = "oil/carol", .limits = {}, .default_account = ""};
    carol.limits.allow_images = {"docker.io/library/*"};
    config->limits.users = {carol};
    restart();
    add_node("n1", 4);
    add_node("n2", 4);
  }

  JobSpec asks(const std::string& account, const std::string& image,
               const std::string& digest = "") {
    JobSpec spec = batch_spec();
    spec.account = account;
    spec.image.name = image;
    spec.image.digest = digest;
    return spec;
  }
  std::string refusal(const JobSpec& spec, const std::string& name = "alice") {
    const auto reply = submit(spec, user(name, 1001));
    return reply.ok() ? "" : reply.error().text;
  }
  std::string image_of(const JobSpec& spec) { return job(submitted(spec)).spec->image.name; }

  // n1 and n2 are full for ten minutes.
  void fill() {
    JobSpec spec = batch_spec();
    spec.nodes_min = 2;
    spec.exclusive = true;
    spec.account = "ink";
    spec.time_limit = 10min;
    running(spec);
  }
  std::vector<ImageFetch> told(const std::string& node) {
    const auto draft = next_orders(*cluster, node);
    return draft ? draft->orders.fetches : std::vector<ImageFetch>{};
  }
};

TEST_F(ImagePolicyTest, ThePartitionsDefaultGoesBeforeTheAccountsBeforeTheClusters) {
  EXPECT_EQ(image_of(asks("oil", "")), "reg.lab/base:1");
  EXPECT_EQ(image_of(asks("ink", "")), "host");
  JobSpec spec = asks("oil", "");
  spec.partition = "gpu";
  EXPECT_EQ(image_of(spec), "reg.lab/cuda:12");
}

TEST_F(ImagePolicyTest, TheNearestSectionThatSaysSoDecides) {
  EXPECT_EQ(refusal(asks("oil", "debian")),
            "image docker.io/library/debian:latest is not open to user alice of account oil; open "
            "are reg.lab/*, host, " +
                kDigest);
  EXPECT_EQ(refusal(asks("oil", "reg.lab/x")), "");
  EXPECT_EQ(refusal(asks("oil", "host")), "");
  EXPECT_EQ(refusal(asks("ink", "debian")), "");
  EXPECT_EQ(refusal(asks("oil", "debian"), "carol"), "");
  EXPECT_NE(refusal(asks("oil", "reg.lab/x"), "carol"), "");
}

TEST_F(ImagePolicyTest, ADigestThatIsAllowedMayHaveAnyName) {
  EXPECT_EQ(refusal(asks("oil", "quay.io/a@" + kDigest)), "");
  EXPECT_EQ(refusal(asks("oil", "quay.io/a:1", kDigest)), "");
  EXPECT_NE(refusal(asks("oil", "quay.io/a:1", "sha256:" + std::string(64, 'b'))), "");
}

TEST_F(ImagePolicyTest, AContainerThatIsKeptNamesItsImageWhereThatMatters) {
  JobSpec spec = asks("oil", "");
  spec.image.container = "box";
  EXPECT_EQ(refusal(spec),
            "user alice of account oil may have some images only: name the one that container box "
            "is over");
  spec.image.name = "reg.lab/x";
  EXPECT_EQ(refusal(spec), "");
  spec.account = "ink";
  spec.image.name.clear();
  EXPECT_EQ(refusal(spec), "");
}

TEST_F(ImagePolicyTest, AChangeOfAWaitingJobIsJudgedAgain) {
  const JobId id = submitted(asks("ink", "debian"));
  JobUpdateRequest update;
  update.jobs = {id};
  update.account = "oil";
  const auto reply = run(UpdateJobs{user("alice", 1001), update});
  const bool refused = !reply.ok() || std::get<JobsReply>(*reply).done == 0;
  EXPECT_TRUE(refused);
  EXPECT_EQ(job(id).spec->account, "ink");
}

TEST_F(ImagePolicyTest, TheImageOfTheNextInLineIsFetchedOnItsNodesOnce) {
  fill();
  JobSpec next = asks("ink", "reg.lab/tools:1", kDigest);
  next.nodes_min = 2;
  submitted(next);
  EXPECT_EQ(pass(), 0U);
  const std::vector<ImageFetch> expected = {{1001, "reg.lab/tools:1", kDigest}};
  EXPECT_TRUE(effects.orders.contains("n1") && effects.orders.contains("n2"));
  EXPECT_EQ(told("n1"), expected);
  EXPECT_EQ(told("n1"), std::vector<ImageFetch>{});
  EXPECT_EQ(pass(), 0U);
  EXPECT_EQ(told("n1"), std::vector<ImageFetch>{}) << "another pass is no other wish";
  EXPECT_EQ(told("n2"), expected);
}

TEST_F(ImagePolicyTest, ANodeThatComesBackIsToldAgain) {
  fill();
  JobSpec next = asks("ink", "reg.lab/tools:1");
  next.nodes_min = 2;
  submitted(next);
  pass();
  EXPECT_EQ(told("n1").size(), 1U);
  NodeInfo info = cluster->find_node("n1")->record.info;
  EXPECT_TRUE(run(NodeArrived{NodeHello{info, 2}}).ok());
  EXPECT_EQ(told("n1").size(), 0U) << "until it has told what it has";
  numbers["n1"] = 0;
  std::vector<StepStatus> has;
  for (const auto& [id, entry] : cluster->jobs()) {
    if (state(id) == JobState::running) has.push_back(status(id, StepPhase::running));
  }
  report("n1", has, true);
  EXPECT_EQ(told("n1").size(), 1U);
}

TEST_F(ImagePolicyTest, NothingIsFetchedForHostImagesOrForJobsOfTomorrow) {
  fill();
  JobSpec next = asks("ink", "host");
  next.nodes_min = 2;
  submitted(next);
  pass();
  EXPECT_TRUE(cluster->fetches_ahead().empty());
  cluster = nullptr;
  restart();
  add_node("n1", 4);
  JobSpec day = asks("ink", "host");
  day.exclusive = true;
  day.time_limit = 24h;
  running(day);
  submitted([&] {
    JobSpec spec = asks("ink", "reg.lab/tools:1");
    spec.exclusive = true;
    return spec;
  }());
  pass();
  EXPECT_FALSE(cluster->promises().empty());
  EXPECT_TRUE(cluster->fetches_ahead().empty());
}

TEST_F(ImagePolicyTest, ANodeIsAskedForAFewAtATime) {
  config->policy.reservation_depth = 100;
  restart();
  add_node("n1", 4);
  JobSpec busy = asks("ink", "host");
  busy.exclusive = true;
  busy.time_limit = 10min;
  running(busy);
  for (size_t i = 0; i < kMaxFetchesAhead + 3; ++i) {
    JobSpec spec = asks("ink", "reg.lab/tools:" + std::to_string(i));
    spec.time_limit = 1min;
    spec.cpus_per_task = 4;
    submitted(spec);
  }
  pass();
  EXPECT_EQ(cluster->fetches_ahead().at("n1").size(), kMaxFetchesAhead);
}

}  // namespace
}  // namespace gd::core

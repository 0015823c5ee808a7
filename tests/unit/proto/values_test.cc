// The small values: states' names, amounts, peers, tickets, file patterns.
#include <gtest/gtest.h>

#include "proto/file_pattern.h"
#include "proto/image_progress.h"
#include "proto/job_state.h"
#include "proto/peer.h"
#include "proto/resources.h"
#include "proto/step_name.h"
#include "proto/ticket.h"

namespace gd {
namespace {

TEST(JobStateNames, AreSlurmsBothWays) {
  EXPECT_EQ(long_name(JobState::out_of_memory), "OUT_OF_MEMORY");
  EXPECT_EQ(short_name(JobState::starting), "CF");
  for (int value = 0; value <= int(JobState::boot_fail); ++value) {
    const auto state = static_cast<JobState>(value);
    if (long_name(state) == "UNKNOWN") continue;
    EXPECT_EQ(parse_job_state(long_name(state)), state);
    EXPECT_EQ(parse_job_state(short_name(state)), state);
  }
  EXPECT_EQ(parse_job_state("pending"), JobState::pending);
  EXPECT_EQ(parse_job_state("nonsense"), std::nullopt);
  EXPECT_EQ(name(Reason::job_held_user), "JobHeldUser");
  EXPECT_EQ(name(Reason::system_failure), "SystemFailure");
}

TEST(JobStates, HoldResourcesOnlyBetweenStartAndEnd) {
  EXPECT_FALSE(allocated(JobState::pending));
  EXPECT_TRUE(allocated(JobState::starting));
  EXPECT_TRUE(allocated(JobState::completing));
  EXPECT_FALSE(allocated(JobState::completed));
  EXPECT_TRUE(ended(JobState::completed));
  EXPECT_FALSE(ended(JobState::completing));
}

TEST(Resources, FitOnlyWhenEveryKindFits) {
  const Resources node{8, 1000, {{"gpu", "a100", 2}, {"gpu", "t4", 1}}};
  EXPECT_TRUE(fits_in({8, 1000, {}}, node));
  EXPECT_FALSE(fits_in({9, 1, {}}, node));
  EXPECT_FALSE(fits_in({1, 1001, {}}, node));
  EXPECT_TRUE(fits_in({1, 1, {{"gpu", "", 3}}}, node));
  EXPECT_FALSE(fits_in({1, 1, {{"gpu", "t4", 2}}}, node));
}

TEST(Resources, AddedAndSubtractedAreAsBefore) {
  Resources total{2, 10, {{"gpu", "t4", 1}}};
  const Resources before = total;
  const Resources more{3, 5, {{"gpu", "t4", 2}}};
  add(total, more);
  EXPECT_EQ(total, (Resources{5, 15, {{"gpu", "t4", 3}}}));
  subtract(total, more);
  EXPECT_EQ(total, before);
}

TEST(ResourcesDeathTest, TakingMoreThanThereIsStopsTheProcess) {
  Resources total{1, 1, {}};
  EXPECT_DEATH(subtract(total, Resources{2, 0, {}}), "check failed");
}

TEST(Resources, NormaliseMergesAndSorts) {
  Resources r{0, 0, {{"gpu", "t4", 1}, {"fpga", "", 0}, {"gpu", "a100", 1}, {"gpu", "t4", 2}}};
  normalise(r);
  EXPECT_EQ(r.gres, (std::vector<GresCount>{{"gpu", "a100", 1}, {"gpu", "t4", 3}}));
}

TEST(PeerLine, ComesBackAndRefusesNonsense) {
  Peer peer;
  peer.kind = PeerKind::job;
  peer.public_key = std::string(40, 'k');
  peer.uid = 1001;
  peer.gid = 100;
  peer.job = JobId{7};
  peer.name = "alice";
  const Result<Peer> back = parse_peer(format_peer(peer));
  ASSERT_TRUE(back.ok()) << back.error().text;
  EXPECT_EQ(*back, peer);
  EXPECT_FALSE(parse_peer("").ok());
  EXPECT_FALSE(parse_peer("root key 0 0 0 x").ok());
  EXPECT_FALSE(parse_peer("user key -1 0 0 x").ok());
  EXPECT_FALSE(parse_peer("user key 1 0").ok());
}

TEST(TicketSignature, HoldsForItsTextAndItsKeyOnly) {
  const TicketKeys keys = make_ticket_keys();
  Ticket ticket;
  ticket.job = JobId{5};
  ticket.uid = 1001;
  ticket.node = "n1";
  const Bytes good = sign_ticket(ticket, keys.secret_key);
  const Result<Ticket> opened = open_ticket(good, keys.public_key);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(*opened, ticket);
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes forged = good;
    forged[at] = static_cast<char>(forged[at] ^ 1);
    EXPECT_FALSE(open_ticket(forged, keys.public_key).ok()) << at;
  }
  EXPECT_FALSE(open_ticket(good, make_ticket_keys().public_key).ok());
  EXPECT_FALSE(open_ticket("", keys.public_key).ok());
  EXPECT_FALSE(open_ticket(good, "short").ok());
}

struct PatternCase {
  const char* pattern;
  const char* expect;
};

TEST(StepNames, AreSlurmsBothWays) {
  for (const StepId step : {StepId{0}, StepId{77}, kBatchStep, kInteractiveStep, kExternStep}) {
    EXPECT_EQ(parse_step_name(step_name(step)), step) << step_name(step);
  }
  EXPECT_EQ(step_name(kExternStep), "extern");
  EXPECT_EQ(parse_step_name(std::to_string(kBatchStep.value)), std::nullopt);
  EXPECT_EQ(parse_step_name("Batch"), std::nullopt);
  EXPECT_EQ(parse_step_name(""), std::nullopt);
}

TEST(FilePattern, ExpandsAsSlurmDoes) {
  PatternValues v;
  v.job = JobId{42};
  v.job_name = "align";
  v.user = "alice";
  v.node = "n3";
  const PatternCase cases[] = {
      {"slurm-%j.out", "slurm-42.out"},
      {"%5j", "00042"},
      {"%x-%u", "align-alice"},
      {"%N/%n", "n3/0"},
      {"100%%", "100%"},
      {"%J", "42"},
      {"%t", "0"},
      {"\\%j", "%j"},
      {"%q", "%q"},
      {"end%", "end%"},
      {"%3", "%3"},
      {"%99999j", "0000000042"},
      {"%a", "4294967294"},
      {"%s", "batch"},
  };
  for (const PatternCase& c : cases) EXPECT_EQ(expand_pattern(c.pattern, v), c.expect) << c.pattern;
}

TEST(ImageProgress, IsALineAndAText) {
  const ImageProgress half{.bytes = uint64_t{60} << 20, .total = uint64_t{120} << 20};
  EXPECT_EQ(parse_image_progress(render(half)), half);
  EXPECT_EQ(progress_text(half), "50% of 120 MiB");
  EXPECT_EQ(progress_text({half.total + 1, half.total}), "99% of 120 MiB") << "not there yet";
  EXPECT_EQ(progress_text({half.bytes, 0}), "60 MiB so far");
  for (const char* line : {"progress", "progress 1", "progress x 1", "progress 1 ", "done"}) {
    EXPECT_FALSE(parse_image_progress(line).has_value()) << line;
  }
}

}  // namespace
}  // namespace gd

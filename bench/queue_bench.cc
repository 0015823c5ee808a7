// A user's requests to a running controller, timed: what one waits for while it plans.
//
//   queue_bench fill JOBS SHAPES SECONDS   submits jobs that run SECONDS to twice that
//   queue_bench alike JOBS                 submits jobs that want a node to themselves
//   queue_bench probe SAMPLES PARTITION    one request after the other, as one person's
//
// probe prints a line a figure, "NAME<tab>milliseconds" for each sample: of a submission to its
// reply and to the word that the job runs, of a question about one job, of a cancellation, and
// of the whole queue once every 20 samples. Its jobs go to PARTITION, which has room, and take
// no time. GD_CONF names the cluster.
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

#include "base/text.h"
#include "cmd/client.h"
#include "cmd/connection.h"
#include "cmd/job_query.h"
#include "cmd/submit.h"
#include "proto/job_state.h"

namespace gd::cmd {
namespace {

using Clock = std::chrono::steady_clock;
constexpr uint32_t kListEvery = 20;

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void print(const char* figure, double value) {
  std::printf("%s\t%.3f\n", figure, value);
}

SubmitRequest submission(const std::string& script) {
  SubmitRequest request;
  request.request = new_request_id();
  request.spec.name = "bench";
  request.spec.chdir = "/";
  request.spec.output = "/dev/null";
  request.spec.memory_per_node_mib = 100;
  request.script = "#!/bin/sh\n" + script + "\n";
  return request;
}

// Shapes differ in cpus and memory, and in their time limits, which a thousand jobs share.
SubmitRequest waiting_job(uint32_t number, uint32_t shapes, uint32_t seconds) {
  const uint32_t shape = number % shapes;
  SubmitRequest request =
      submission("sleep " + std::to_string(seconds + number * 7919 % (seconds + 1)));
  request.spec.cpus_per_task = 1 + shape % 8;
  request.spec.memory_per_node_mib = 1000 + 10 * (shape % 500);
  request.spec.time_limit = Seconds{60 * (30 + shape % 1439)};
  if (shape % 11 == 0) {
    request.spec.nodes_min = 2 + shape % 7;
    request.spec.nodes_max = request.spec.nodes_min;
  }
  return request;
}

// As bench/slurm_fill.c makes them.
SubmitRequest lone_job() {
  SubmitRequest request = submission("true");
  request.spec.name = "listed";
  request.spec.exclusive = true;
  return request;
}

Result<void> fill(Client& client, uint32_t jobs,
                  const std::function<SubmitRequest(uint32_t)>& make) {
  const auto begin = Clock::now();
  SubmitQueue queue(client);
  std::optional<Error> refused;
  const SubmitQueue::OnDone on_done = [&](size_t, const Result<SubmitReply>& reply) {
    if (!reply.ok()) refused = reply.error();
  };
  for (uint32_t i = 0; i < jobs && !refused; ++i) {
    TRY(queue.add(i, make(i), on_done));
  }
  TRY(queue.finish(on_done));
  if (refused) return *refused;
  print("submissions, one client, all a second", 1000.0 * jobs / ms_since(begin));
  return {};
}

// From the submission to the word that it runs, or has run.
Result<void> probe_start(Client& client, SubmitRequest request) {
  const auto begin = Clock::now();
  const JobId job = TRY(client.ask<SubmitReply>(request)).job;
  print("submit to reply", ms_since(begin));
  const uint64_t tag = client.new_tag();
  TRY(client.send(tag, WaitRequest{.job = job}));
  for (bool running = false; !running;) {
    const std::optional<Tagged> told = TRY(client.receive(client.patience()));
    if (!told) return client.no_answer();
    const auto* notice = std::get_if<JobNotice>(&told->message);
    if (told->tag != tag || notice == nullptr) continue;
    running = notice->state == JobState::running || ended(notice->state);
  }
  print("submit to told that it runs", ms_since(begin));
  const auto asked = Clock::now();
  JobQuery query;
  query.filter.jobs = {job};
  TRY(fetch_jobs(client, query));
  print("one job's state", ms_since(asked));
  return {};
}

Result<void> probe_cancel(Client& client, SubmitRequest request) {
  request.spec.hold = true;
  CancelRequest cancel{.request = new_request_id()};
  cancel.filter.jobs = {TRY(client.ask<SubmitReply>(request)).job};
  const auto begin = Clock::now();
  TRY(client.ask<JobsReply>(cancel));
  print("cancel to reply", ms_since(begin));
  return {};
}

Result<void> probe(Client& client, uint32_t samples, const std::string& partition) {
  for (uint32_t i = 0; i < samples; ++i) {
    SubmitRequest request = submission("true");
    request.spec.partition = partition;
    request.spec.time_limit = Seconds{60};
    TRY(probe_start(client, request));
    request.request = new_request_id();
    TRY(probe_cancel(client, request));
    if (i % kListEvery != 0) continue;
    const auto begin = Clock::now();
    const size_t jobs = TRY(fetch_jobs(client, {})).size();
    print("the whole queue", ms_since(begin));
    print("jobs in the queue", static_cast<double>(jobs));
  }
  return {};
}

Result<void> run(const std::vector<std::string>& words) {
  const std::string what = words.empty() ? "" : words[0];
  const std::shared_ptr<Client> client = TRY(connect_to_controller());
  if (what == "fill" && words.size() == 4) {
    const auto jobs = TRY(parse_number<uint32_t>(words[1], 1));
    const auto shapes = TRY(parse_number<uint32_t>(words[2], 1));
    const auto seconds = TRY(parse_number<uint32_t>(words[3], 1, 1'000'000));
    return fill(*client, jobs, [&](uint32_t i) { return waiting_job(i, shapes, seconds); });
  }
  if (what == "alike" && words.size() == 2) {
    return fill(*client, TRY(parse_number<uint32_t>(words[1], 1)),
                [](uint32_t) { return lone_job(); });
  }
  if (what == "probe" && words.size() == 3) {
    return probe(*client, TRY(parse_number<uint32_t>(words[1], 1)), words[2]);
  }
  return Error{ErrorCode::usage,
               "expected fill JOBS SHAPES SECONDS, alike JOBS or probe SAMPLES PARTITION"};
}

}  // namespace
}  // namespace gd::cmd

int main(int argc, char** argv) {
  const gd::Result<void> done = gd::cmd::run({argv + 1, argv + argc});
  if (done.ok()) return 0;
  std::fprintf(stderr, "queue_bench: %s\n", done.error().text.c_str());
  return done.error().code == gd::ErrorCode::usage ? 2 : 1;
}

// The options that describe a job: the same for gdsub, gdrun and gdsh, on the command
// line, in the environment and after #SBATCH.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "cmd/cli.h"
#include "proto/job_spec.h"

namespace gd::cmd {

struct JobOptions {
  JobSpec spec;
  std::string begin;  // read when the time is known: see finish_spec()
  std::string deadline;
  bool memory_auto = false;  // --mem=auto
  std::string gpus;          // --gpus, of the whole job: shared out when the nodes are known
  std::optional<std::string> login_environment;  // --get-user-env, as it was given
  std::vector<std::string> clusters;
  std::string export_names = "ALL";
  bool explain = false;  // --explain-sandbox
  bool same = false;     // given or not, it is the same
};

enum class JobOptionSet : uint8_t {
  batch,
  interactive,
  session,  // interactive, and -L is a port: licences have their long name alone
};

void define_job_options(Cli& cli, JobOptions& options, JobOptionSet set);

// The rest of the work that needs the world: where we are and what time it is.
struct Surroundings {
  TimePoint now{};
  std::string host;
  std::string directory;
  std::vector<std::string> environment;  // "K=V"
  // What a login of this user sets, "K=V"; runs her shell.
  std::function<Result<std::vector<std::string>>(std::string_view how)> login;
  // What --mem=auto stands for, of a batch job; nothing: too little is known of its like.
  std::function<Result<std::optional<uint64_t>>(const JobSpec& spec)> memory_of_its_like;
};
Surroundings surroundings();
Result<JobSpec> finish_spec(const JobOptions& options, const Surroundings& around);

// --export: "K=V\0..." for the job. ALL, NONE, NIL, NAME, NAME=VALUE, quotes for commas.
Result<Bytes> export_environment(std::string_view names, std::span<const std::string> environment);

// Words of --mem and friends, for other commands: "2G" -> 2048.
// What --get-user-env asks for, "[SECONDS][L|S]", beneath what is exported.
Result<std::vector<std::string>> login_environment(std::string_view how);
Result<Bytes> with_login_environment(const Bytes& exported, std::span<const std::string> login);

Result<std::vector<GresCount>> parse_gres(std::string_view text);  // "gpu:a100:2,disk:1"

}  // namespace gd::cmd

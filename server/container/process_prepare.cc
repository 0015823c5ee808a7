// A program's needs as the plain arrays that a child may use.
#include "server/container/child.h"

namespace gd::container {
namespace {

std::vector<std::string> candidates_for(const ProcessPlan& plan) {
  const std::string& name = plan.argv[0];
  if (name.find('/') != std::string::npos) return {name};
  std::string path = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& entry : plan.env) {
    if (entry.starts_with("PATH=")) path = entry.substr(5);
  }
  std::vector<std::string> result;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find(':', at), path.size());
    const std::string folder = path.substr(at, end - at);
    result.push_back(folder.empty() ? name : folder + "/" + name);
    at = end + 1;
  }
  return result;
}

}  // namespace

Result<PreparedProcess> prepare_process(const ProcessPlan& plan, std::vector<std::string>& notes) {
  PreparedProcess prepared;
  prepared.plan = &plan;
  if (!plan.argv.empty()) prepared.candidates = candidates_for(plan);
  for (const std::string& arg : plan.argv) prepared.argv.push_back(arg.c_str());
  for (const std::string& entry : plan.env) prepared.envp.push_back(entry.c_str());
  prepared.argv.push_back(nullptr);
  prepared.envp.push_back(nullptr);
  ClampedLimits clamped = clamp(plan.rlimits, own_hard_limit);
  prepared.rlimits = std::move(clamped.limits);
  notes.insert(notes.end(), clamped.warnings.begin(), clamped.warnings.end());
  prepared.seccomp = plan.seccomp;
  prepared.keep = TRY(parse_capabilities(plan.keep_capabilities));
  prepared.last_capability = last_capability();
  return prepared;
}

}  // namespace gd::container

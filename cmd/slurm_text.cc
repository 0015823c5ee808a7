#include "cmd/slurm_text.h"

#include "cmd/version.h"

namespace gd::cmd {
namespace {

// What a limit or the size of the cluster keeps from being submitted; empty: it is something else.
std::string slurm_limit(std::string_view text) {
  const auto names = [text](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  };
  if (text.starts_with("job violates accounting/QOS policy")) {
    return "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)";
  }
  if (!names(" of partition ")) return "";
  if (text.starts_with("time limit of ")) {
    return "Requested time limit is invalid (missing or exceeds some limit)";
  }
  const bool processors = names(" asked, ") && (names("task of ") || names("tasks of "));
  return processors ? "More processors requested than permitted" : "";
}

}  // namespace

std::string slurm_reason(const Error& error) {
  const auto names = [&error](std::string_view word) {
    return error.text.find(word) != std::string::npos;
  };
  if (error.code == ErrorCode::unavailable && names("cannot reach the controller")) {
    return kNoController;
  }
  if (error.code == ErrorCode::not_found && names("partition")) return kInvalidPartition;
  if (error.code == ErrorCode::not_found && names("job")) return kInvalidJob;
  if (error.text.starts_with("dependency")) return "Job dependency problem";
  if (error.text.starts_with("array:")) return "Invalid job array specification";
  if (std::string limit = slurm_limit(error.text); !limit.empty()) return limit;
  if (error.code == ErrorCode::denied) return "Access/permission denied";
  return error.text;
}

void write_meta(JsonWriter& json) {
  json.key("meta").begin_object();
  json.key("gd").begin_object().key("version").string(GD_VERSION).end_object();
  json.key("Slurm").begin_object().key("version").begin_object();
  json.key("major").number(22).key("micro").number(8).key("minor").number(5).end_object();
  json.key("release").string(kSlurmRelease).end_object().end_object();
  json.key("errors").begin_array().end_array();
}

Error slurm_load_error(const Error& error, std::string_view what) {
  if (error.code == ErrorCode::usage) return error;
  return Error{error.code, "slurm_load_" + std::string(what) + " error: " + slurm_reason(error)};
}

}  // namespace gd::cmd

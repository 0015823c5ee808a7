#include "cmd/sacctmgr_fields.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/duration.h"
#include "base/text.h"
#include "proto/limit_values.h"

namespace gd::cmd {
namespace {

using enum SetKind;
constexpr SetOn kAssoc = SetOn::association;
constexpr SetOn kQos = SetOn::qos;

// In the order in which Slurm prints them. The first of a key is its name in dumps.
constexpr auto kFields = std::to_array<SetField>({
    {kAssoc, "description", "description", text, ""},
    {kAssoc, "organization", "organization", text, ""},
    {kAssoc, "defaultaccount", "default_account", text, ""},
    {kAssoc, "fairshare", "shares", shares, "Fairshare"},
    {kAssoc, "grptres", "grp_tres", amounts, "GrpTRES"},
    {kAssoc, "grpcpus", "grp_tres", one_amount, "GrpCPUs", "cpu"},
    {kAssoc, "grpmem", "grp_tres", one_amount, "GrpMem", "mem"},
    {kAssoc, "grpnodes", "grp_tres", one_amount, "GrpNodes", "node"},
    {kAssoc, "grptresmins", "grp_tres_mins", amounts, "GrpTRESMins"},
    {kAssoc, "grpcpumins", "grp_tres_mins", one_amount, "GrpCPUMins", "cpu"},
    {kAssoc, "grptresrunmins", "grp_tres_run_mins", amounts, "GrpTRESRunMins"},
    {kAssoc, "grpcpurunmins", "grp_tres_run_mins", one_amount, "GrpCPURunMins", "cpu"},
    {kAssoc, "grpwall", "grp_wall", time, "GrpWall"},
    {kAssoc, "grpjobs", "grp_jobs", count, "GrpJobs"},
    {kAssoc, "grpsubmitjobs", "grp_submit", count, "GrpSubmitJobs"},
    {kAssoc, "maxtresperjob", "max_tres_per_job", amounts, "MaxTRES"},
    {kAssoc, "maxcpusperjob", "max_tres_per_job", one_amount, "MaxCPUs", "cpu"},
    {kAssoc, "maxnodesperjob", "max_tres_per_job", one_amount, "MaxNodes", "node"},
    {kAssoc, "maxtresminsperjob", "max_tres_mins_per_job", amounts, "MaxTRESMins"},
    {kAssoc, "maxcpuminsperjob", "max_tres_mins_per_job", one_amount, "MaxCPUMins", "cpu"},
    {kAssoc, "maxjobs", "max_jobs", count, "MaxJobs"},
    {kAssoc, "maxsubmitjobs", "max_submit", count, "MaxSubmitJobs"},
    {kAssoc, "maxwalldurationperjob", "max_wall", time, "MaxWall"},
    {kAssoc, "parent", "parent", text, "Parent"},
    {kAssoc, "qos", "qos", list, "QOS"},
    {kAssoc, "defaultqos", "default_qos", text, "DefQOS"},
    {kAssoc, "allowimages", "allow_images", list, "AllowImages"},  // these two are gd's own
    {kAssoc, "defaultimage", "default_image", text, "DefImage"},
    {kQos, "description", "description", text, ""},
    {kQos, "flags", "deny_on_limit", flags, "Flags"},
    {kQos, "grpjobs", "grp_jobs", count, "GrpJobs"},
    {kQos, "grpsubmitjobs", "grp_submit", count, "GrpSubmitJobs"},
    {kQos, "grptres", "grp_tres", amounts, "GrpTRES"},
    {kQos, "grptresmins", "grp_tres_mins", amounts, "GrpTRESMins"},
    {kQos, "grpcpumins", "grp_tres_mins", one_amount, "GrpCPUMins", "cpu"},
    {kQos, "grptresrunmins", "grp_tres_run_mins", amounts, "GrpTRESRunMins"},
    {kQos, "grpcpurunmins", "grp_tres_run_mins", one_amount, "GrpCPURunMins", "cpu"},
    {kQos, "grpwall", "grp_wall", time, "GrpWall"},
    {kQos, "maxjobsperaccount", "max_jobs_per_account", count, "MaxJobsPerAccount"},
    {kQos, "maxjobsperuser", "max_jobs_per_user", count, "MaxJobsPerUser"},
    {kQos, "maxsubmitjobsperaccount", "max_submit_per_account", count, "MaxSubmitJobsPerAccount"},
    {kQos, "maxsubmitjobsperuser", "max_submit_per_user", count, "MaxSubmitJobsPerUser"},
    {kQos, "maxtresperaccount", "max_tres_per_account", amounts, "MaxTRESPerAccount"},
    {kQos, "maxtresperjob", "max_tres_per_job", amounts, "MaxTRESPerJob"},
    {kQos, "maxtresminsperjob", "max_tres_mins_per_job", amounts, "MaxTRESMinsPerJob"},
    {kQos, "maxcpuminsperjob", "max_tres_mins_per_job", one_amount, "MaxCPUMinsPerJob", "cpu"},
    {kQos, "maxtresperuser", "max_tres_per_user", amounts, "MaxTRESPerUser"},
    {kQos, "maxwalldurationperjob", "max_wall", time, "MaxWall"},
    {kQos, "priority", "priority", count, "Priority"},
});

// Other spellings, of Slurm's own.
constexpr std::pair<std::string_view, std::string_view> kSpelt[] = {
    {"desc", "description"},
    {"org", "organization"},
    {"share", "fairshare"},
    {"shares", "fairshare"},
    {"defaultacct", "defaultaccount"},
    {"defaultacc", "defaultaccount"},
    {"grpcpu", "grpcpus"},
    {"grpmemory", "grpmem"},
    {"grpnode", "grpnodes"},
    {"grpsubmit", "grpsubmitjobs"},
    {"grptresmin", "grptresmins"},
    {"grpcpumin", "grpcpumins"},
    {"grptresrunmin", "grptresrunmins"},
    {"grpcpurunmin", "grpcpurunmins"},
    {"maxtresmins", "maxtresminsperjob"},
    {"maxtresminspj", "maxtresminsperjob"},
    {"maxcpumins", "maxcpuminsperjob"},
    {"maxtres", "maxtresperjob"},
    {"maxcpus", "maxcpusperjob"},
    {"maxcpu", "maxcpusperjob"},
    {"maxnodes", "maxnodesperjob"},
    {"maxnode", "maxnodesperjob"},
    {"maxsubmit", "maxsubmitjobs"},
    {"maxwall", "maxwalldurationperjob"},
    {"maxwallduration", "maxwalldurationperjob"},
    {"qoslevel", "qos"},
    {"defqos", "defaultqos"},
    {"maxjobspa", "maxjobsperaccount"},
    {"maxjobspu", "maxjobsperuser"},
    {"maxsubmitpa", "maxsubmitjobsperaccount"},
    {"maxsubmitperaccount", "maxsubmitjobsperaccount"},
    {"maxsubmitpu", "maxsubmitjobsperuser"},
    {"maxsubmitperuser", "maxsubmitjobsperuser"},
    {"maxtrespa", "maxtresperaccount"},
    {"maxtrespu", "maxtresperuser"}};

// Slurm's, and why gd has none.
constexpr std::pair<std::string_view, std::string_view> kRefused[] = {
    {"adminlevel", "administrators are named in gd.conf"},
    {"admin", "administrators are named in gd.conf"},
    {"partition", "allow_accounts of a partition in gd.conf says who may use it"},
    {"partitions", "allow_accounts of a partition in gd.conf says who may use it"},
    {"defaultwckey", "gd keeps no wckeys"},
    {"wckey", "gd keeps no wckeys"},
    {"grpjobsaccrue", "gd has no such limit"},
    {"maxjobsaccrue", "gd has no such limit"},
    {"maxjobsaccrueperuser", "gd has no such limit"},
    {"maxjobsaccrueperaccount", "gd has no such limit"},
    {"maxtrespernode", "gd has no such limit"},
    {"mintresperjob", "gd has no such limit"},
    {"minpriothreshold", "gd has no such limit"},
    {"preempt", "gd has no such key"},
    {"preemptmode", "gd has no such key"},
    {"preemptexempttime", "gd has no such key"},
    {"gracetime", "gd has no such key"},
    {"usagefactor", "gd has no such key"},
    {"usagethreshold", "gd has no such key"},
    {"limitfactor", "gd has no such key"}};

Error invalid(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

std::string bare(std::string_view value) {  // Slurm takes one pair of quotes off
  for (const char quote : {'\'', '"'}) {
    if (value.size() >= 2 && value.front() == quote && value.back() == quote) {
      return std::string(value.substr(1, value.size() - 2));
    }
  }
  return std::string(value);
}

Error bad_value(const SetValue& assignment) {
  return invalid("Invalid value for " + std::string(assignment.field->label) + " (" +
                 printable(assignment.value) + ")");
}

Result<EntryEdit> edit_flags(const SetValue& assignment) {
  const bool is_deny = equal_no_case(assignment.value, "DenyOnLimit");
  const bool is_none = assignment.value == "-1" || assignment.value.empty();
  if (!is_deny && !(is_none && assignment.sign == '=')) {
    return invalid("flags: '" + printable(assignment.value) + "': gd has DenyOnLimit alone");
  }
  const bool goes = is_none || assignment.sign == '-';
  return EntryEdit{"deny_on_limit", goes ? EntryAction::clear : EntryAction::set,
                   goes ? "" : "yes"};
}

Result<EntryEdit> edit_count(const SetValue& assignment) {
  const std::string key(assignment.field->key);
  if (assignment.value == "-1") return EntryEdit{key, EntryAction::clear, ""};
  constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
  if (!parse_number<uint32_t>(assignment.value, 0, kMost).ok()) return bad_value(assignment);
  return EntryEdit{key, EntryAction::set, assignment.value};
}

Result<EntryEdit> edit_amounts(const SetValue& assignment) {
  const std::string key(assignment.field->key);
  std::string value = assignment.value;
  if (assignment.field->kind == one_amount) {
    value = std::string(assignment.field->tres) + "=" + value;
  }
  std::string given;  // what is not taken away must be amounts
  for (const std::string_view part : split(value, ',')) {
    if (!part.ends_with("=-1")) given += (given.empty() ? "" : ",") + std::string(part);
  }
  if (!given.empty()) {
    const auto parsed = parse_tres_limits(given);
    if (!parsed.ok()) return std::move(parsed).error().in(std::string(assignment.field->label));
  }
  return EntryEdit{key, EntryAction::merge, value};
}

}  // namespace

Result<SetValue> parse_assignment(SetOn on, std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) {
    return Error{ErrorCode::not_found, "'" + printable(word) + "' is not KEY=VALUE"};
  }
  std::string_view name = word.substr(0, equals);
  SetValue assignment;
  if (name.ends_with('+') || name.ends_with('-')) {
    assignment.sign = name.back();
    name.remove_suffix(1);
  }
  std::string lower = to_lower(name);
  for (const auto& [spelt, why] : kRefused) {
    if (lower == spelt) return invalid(lower + ": not supported by gd: " + std::string(why));
  }
  for (const auto& [spelt, is] : kSpelt) {
    if (lower == spelt) lower = is;
  }
  const auto found = std::ranges::find_if(
      kFields, [&](const SetField& field) { return field.on == on && field.name == lower; });
  if (found == kFields.end()) {
    return Error{ErrorCode::not_found, "Unknown option: " + printable(word)};
  }
  assignment.field = &*found;
  assignment.value = bare(word.substr(equals + 1));
  const bool may_add = found->kind == list || found->kind == flags;
  if (assignment.sign != '=' && !may_add) {
    return invalid(lower + ": += and -= are for lists");
  }
  TRY(edit_of(assignment));
  return assignment;
}

Result<EntryEdit> edit_of(const SetValue& assignment) {
  const std::string key(assignment.field->key);
  const std::string& value = assignment.value;
  switch (assignment.field->kind) {
    case count: return edit_count(assignment);
    case amounts:
    case one_amount: return edit_amounts(assignment);
    case flags: return edit_flags(assignment);
    case time:
      if (value == "-1") return EntryEdit{key, EntryAction::clear, ""};
      if (!parse_time_limit(value).ok()) return bad_value(assignment);
      return EntryEdit{key, EntryAction::set, value};
    case shares:
      if (equal_no_case(value, "parent")) {
        return invalid("fairshare: not supported by gd: parent; a user has shares of her own");
      }
      if (!parse_number<uint32_t>(value, 0, 1'000'000).ok()) return bad_value(assignment);
      return EntryEdit{key, EntryAction::set, value};
    case list:
      if (assignment.sign == '+') return EntryEdit{key, EntryAction::insert, value};
      if (assignment.sign == '-') return EntryEdit{key, EntryAction::erase, value};
      [[fallthrough]];
    case text:
      if (value.empty() || (key == "parent" && value == "root")) {
        return EntryEdit{key, EntryAction::clear, ""};
      }
      return EntryEdit{key, EntryAction::set, value};
  }
  return invalid("no such kind of value");
}

std::string settings_text(SetOn on, const std::vector<SetValue>& assignments) {
  std::string out;
  const size_t width = on == SetOn::qos ? 24 : 13;
  for (const SetField& field : kFields) {
    for (const SetValue& each : assignments) {
      if (each.field != &field || field.label.empty()) continue;
      std::string label(field.label);
      label.resize(std::max(label.size(), width), ' ');
      std::string value = each.value;
      if (field.kind == time && value != "-1") {
        if (const auto wall = parse_time_limit(value); wall.ok()) value = format_time_limit(*wall);
      }
      if (value == "-1") value = "NONE";
      out += "  " + label + " = " + printable(value, kMaxEntryBytes) + "\n";
    }
  }
  return out;
}

const SetField* field_of_key(SetOn on, std::string_view key) {
  const auto found = std::ranges::find_if(
      kFields, [&](const SetField& field) { return field.on == on && field.key == key; });
  return found == kFields.end() ? nullptr : &*found;
}

}  // namespace gd::cmd

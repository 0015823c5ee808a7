#include "server/core/select.h"

#include <map>

#include "server/core/verbs.h"

namespace gd::core {

namespace {

std::vector<JobId> records_of(const Draft& draft, JobId array) {
  const ArrayEntry* entry = draft.cluster.find_array(array);
  if (entry == nullptr) return {};
  std::vector<JobId> records(entry->records.begin(), entry->records.end());
  for (const auto& [id, job] : draft.ahead()) {  // split off by this very command
    if (array_id_of(job) == array && !entry->records.contains(id)) records.push_back(id);
  }
  return records;
}

std::vector<JobId> holders_of(const Draft& draft, JobId array, const IndexSet& wanted) {
  const ArrayEntry* entry = draft.cluster.find_array(array);
  if (entry == nullptr || wanted.size() > entry->singles.size()) return records_of(draft, array);
  std::vector<JobId> holders(entry->groups.begin(), entry->groups.end());
  wanted.for_each([&](uint32_t element) {
    const auto single = entry->singles.find(element);
    if (single != entry->singles.end()) holders.push_back(single->second);
  });
  return holders;
}

class Doing {
 public:
  Doing(Draft& draft, Named which, const std::function<Result<void>(JobId)>& one)
      : draft_(draft), which_(which), one_(one) {}

  void job(JobId id) {
    const ArrayEntry* array = draft_.cluster.find_array(id);
    if (array == nullptr || array->records.size() < 2) return note(id, one_(id));
    uint32_t done = 0;
    std::optional<Error> refused;
    for (const JobId record : records_of(draft_, id)) {
      Result<void> result = one_(record);
      if (result.ok())
        ++done;
      else if (!refused || result.error().code != ErrorCode::conflict)
        refused = result.error();
    }
    reply_.done += done;
    if (!refused || (done > 0 && refused->code == ErrorCode::conflict)) return;
    note(id, *refused);
  }

  void elements(JobId array, IndexSet wanted) {
    for (const JobId id : holders_of(draft_, array, wanted)) {
      const JobRecord& job = draft_.job(id);
      const IndexSet here = job.array ? job.array->elements.common(wanted) : IndexSet{};
      if (here.empty()) continue;
      wanted = wanted.minus(here);
      const bool waits = job.state == JobState::pending && which_ == Named::waiting_too;
      note(id, one_(waits ? split_off(draft_, id, here) : id));
    }
    if (wanted.empty()) return;
    const std::string name = std::to_string(array.value) + "_[" + wanted.text(64) + "]";
    reply_.refused.push_back({array, ErrorCode::not_found, "job " + name + ": no such job"});
  }

  void note(JobId id, Result<void> result) {
    if (result.ok())
      ++reply_.done;
    else
      reply_.refused.push_back({id, result.error().code, result.error().text});
  }

  JobsReply take() { return std::move(reply_); }

 private:
  Draft& draft_;
  Named which_;
  const std::function<Result<void>(JobId)>& one_;
  JobsReply reply_;
};

}  // namespace

JobId split_off(Draft& draft, JobId id, const IndexSet& wanted) {
  const JobRecord& whole = draft.job(id);
  if (whole.array->elements.size() == wanted.size()) return id;
  JobSplit event{id, whole};
  JobRecord& part = event.part;
  part.id = draft.new_job();
  part.request = {};
  part.array = ArrayPart{whole.array->array, wanted, 0, 0, 0, 0};
  const JobId made = part.id;
  draft.emit(std::move(event));
  return made;
}

JobsReply for_each_named(Draft& draft, const Names& names, Named which,
                         const std::function<Result<void>(JobId)>& one) {
  Doing doing(draft, which, one);
  for (const JobId id : names.jobs) doing.job(id);
  std::map<JobId, IndexSet> wanted;  // one set an array, however often it is named
  for (const JobElements& each : names.elements) {
    if (!each.elements.is_valid()) {
      doing.note(each.job, Error{ErrorCode::invalid, "elements that make no sense"});
    } else {
      IndexSet& all = wanted[each.job];
      all = all.united(each.elements);
    }
  }
  for (auto& [array, elements] : wanted) doing.elements(array, std::move(elements));
  return doing.take();
}

}  // namespace gd::core

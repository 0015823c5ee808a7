#include "server/core/mail.h"

#include <algorithm>

#include "base/duration.h"
#include "base/text.h"
#include "proto/job_state.h"

namespace gd::core {

namespace {

struct TimeMark {
  MailEvent event;
  int percent;
};
constexpr TimeMark kTimeMarks[] = {
    {MailEvent::time_limit_50, 50}, {MailEvent::time_limit_80, 80}, {MailEvent::time_limit_90, 90}};

TimePoint moment_of(const JobRecord& job, const TimeMark& mark) {
  return job.start_time + Milliseconds{*job.time_limit} / 100 * mark.percent;
}

std::string span(TimePoint from, TimePoint to) {
  const auto seconds = std::chrono::duration_cast<Seconds>(to - from);
  return format_time_limit(std::max(seconds, Seconds{0}));
}

struct Writer {
  const Cluster& cluster;

  // Of an array as a whole, if that is how its user wants it.
  [[nodiscard]] static bool as_a_whole(const JobRecord& job) {
    return job.array && !wants(job.spec->mail_events, MailEvent::array_tasks);
  }

  [[nodiscard]] static std::string subject(const JobRecord& job, const std::string& what) {
    std::string name = "Slurm ";
    const std::string id = std::to_string(job.id.value);
    if (!job.array) {
      name += "Job_id=" + id;
    } else {
      const std::string array = std::to_string(job.array->array.value);
      const bool whole = as_a_whole(job);
      const std::string part = whole ? "*" : elements_of(job);
      name += (whole ? "Array Summary Job_id=" : "Array Task Job_id=") + array + "_" + part + " (" +
              (whole ? array : id) + ")";
    }
    return name + " Name=" + printable(job.spec->name, 256) + " " + what;
  }

  static std::optional<MailNote> note(const JobRecord& job, MailEvent event,
                                      const std::string& what) {
    if (!wants(job.spec->mail_events, event)) return std::nullopt;
    const std::string& to = job.spec->mail_user.empty() ? job.user : job.spec->mail_user;
    return MailNote{to, subject(job, what)};
  }

  // No other element has begun before.
  [[nodiscard]] bool is_first_to_begin(const JobRecord& job) const {
    const ArrayEntry* array = cluster.find_array(job.array->array);
    const JobRecord* first = cluster.find_job(job.array->array);
    if (array == nullptr || first == nullptr) return false;
    if (first->array->gone_ok + first->array->gone_other > 0) return false;
    return std::ranges::all_of(array->records, [&](JobId id) {
      const JobState state = cluster.find_job(id)->state;
      return id == job.id || state == JobState::pending || state == JobState::starting;
    });
  }

  std::optional<MailNote> operator()(const JobBegan& e) const {
    const JobRecord& job = *cluster.find_job(e.job);
    if (!wants(job.spec->mail_events, MailEvent::begin)) return std::nullopt;
    if (as_a_whole(job) && !is_first_to_begin(job)) return std::nullopt;
    return note(job, MailEvent::begin,
                "Began, Queued time " + span(job.submit_time, job.start_time));
  }

  std::optional<MailNote> operator()(const JobEnded& e) const {
    const JobRecord& job = *cluster.find_job(e.job);
    if (job.spec->mail_events == 0) return std::nullopt;
    if (as_a_whole(job)) return end_of_array(job);
    const std::string ran =
        job.start_time == TimePoint{} ? "00:00:00" : span(job.start_time, job.end_time);
    const std::string rest = ", Run time " + ran + ", " + std::string(long_name(job.state));
    if (job.state == JobState::timeout && wants(job.spec->mail_events, MailEvent::time_limit)) {
      return note(job, MailEvent::time_limit, "Reached time limit" + rest);
    }
    return ending(job, fine(job.state), rest + exit_words(job.exit));
  }

  std::optional<MailNote> operator()(const JobRequeued& e) const {
    const JobRecord& job = *cluster.find_job(e.job);
    if (as_a_whole(job)) return std::nullopt;  // the array goes on
    return note(job, MailEvent::requeue, "Requeued");
  }

  std::optional<MailNote> operator()(const JobWaits& e) const {
    if (e.reason != Reason::dependency_never_satisfied) return std::nullopt;
    return note(*cluster.find_job(e.job), MailEvent::invalid_depend, "Invalid dependency");
  }

  std::optional<MailNote> operator()(const TimeMarked& e) const {
    const JobRecord& job = *cluster.find_job(e.job);
    for (const TimeMark* mark = std::end(kTimeMarks); mark-- != std::begin(kTimeMarks);) {
      if (!wants(e.marks, mark->event)) continue;  // of several passed at once, the highest
      return note(job, mark->event,
                  "Reached " + std::to_string(mark->percent) + "% of time limit, Run time " +
                      span(job.start_time, moment_of(job, *mark)));
    }
    return std::nullopt;
  }

  template <class Other>
  std::optional<MailNote> operator()(const Other&) const {
    return std::nullopt;
  }

 private:
  static bool fine(JobState state) {
    return state == JobState::completed || state == JobState::cancelled;
  }

  static std::string exit_words(const ExitStatus& exit) {
    if (exit.signal != 0) return ", Signal " + std::to_string(exit.signal);
    return ", ExitCode " + std::to_string(exit.code);
  }

  // One mail of an end: a failure is told as such to who asked for failures.
  static std::optional<MailNote> ending(const JobRecord& job, bool fine, const std::string& rest) {
    const bool failed = !fine && wants(job.spec->mail_events, MailEvent::fail);
    return note(job, failed ? MailEvent::fail : MailEvent::end,
                (failed ? "Failed" : "Ended") + rest);
  }

  [[nodiscard]] std::optional<MailNote> end_of_array(const JobRecord& job) const {
    const ArrayEntry* array = cluster.find_array(job.array->array);
    const JobRecord* first = cluster.find_job(job.array->array);
    if (array == nullptr || first == nullptr || !array->all_ended()) return std::nullopt;
    int32_t code = first->array->gone_code;
    bool all_fine = first->array->gone_other == 0;
    for (const JobId id : array->records) {
      const JobRecord& one = *cluster.find_job(id);
      code = std::max(code, exit_code_of(one));
      all_fine = all_fine && fine(one.state);
    }
    return ending(job, all_fine,
                  std::string(all_fine ? ", COMPLETED" : ", MIXED") + ", ExitCode [0-" +
                      std::to_string(code) + "]");
  }
};

}  // namespace

std::optional<MailNote> mail_for(const Cluster& cluster, const Event& event) {
  return std::visit(Writer{cluster}, event);
}

std::optional<TimePoint> next_time_mark(const JobRecord& job) {
  if (job.state != JobState::running || !job.time_limit) return std::nullopt;
  for (const TimeMark& mark : kTimeMarks) {
    if (wants(job.spec->mail_events, mark.event) && !wants(job.told, mark.event)) {
      return moment_of(job, mark);
    }
  }
  return std::nullopt;
}

MailEvents time_marks_at(const JobRecord& job, TimePoint now) {
  MailEvents marks = 0;
  if (job.state != JobState::running || !job.time_limit) return marks;
  for (const TimeMark& mark : kTimeMarks) {
    const bool open = wants(job.spec->mail_events, mark.event) && !wants(job.told, mark.event);
    if (open && moment_of(job, mark) <= now) marks |= static_cast<MailEvents>(mark.event);
  }
  return marks;
}

}  // namespace gd::core

// One list of fields for both ways: visit() is given a writer or a reader.
#include "server/container/init_task.h"

#include <cstring>

namespace gd::container {
namespace {

class Writer {
 public:
  void number(uint64_t value) {
    char octets[sizeof value];
    std::memcpy(octets, &value, sizeof value);
    out_.append(octets, sizeof octets);
  }
  void text(const std::string& value) {
    number(value.size());
    out_ += value;
  }
  uint64_t count(uint64_t value, size_t /*most*/) {
    number(value);
    return value;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// After a fault all reads give nothing; fine() tells.
class Reader {
 public:
  explicit Reader(std::string_view octets) : left_(octets) {}
  void number(uint64_t& value) {
    if (left_.size() < sizeof value) return fail();
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
  }
  void text(std::string& value) {
    uint64_t size = 0;
    number(size);
    if (size > left_.size()) return fail();
    value = left_.substr(0, size);
    left_.remove_prefix(size);
  }
  uint64_t count(uint64_t /*value*/, size_t most) {
    uint64_t found = 0;
    number(found);
    if (found <= most) return found;
    fail();
    return 0;
  }
  [[nodiscard]] bool fine() const { return fine_ && left_.empty(); }

 private:
  void fail() {
    fine_ = false;
    left_ = {};
  }
  std::string_view left_;
  bool fine_ = true;
};

template <class Stream>
void visit_number(Stream& stream, auto& value) {
  auto wide = static_cast<uint64_t>(value);
  stream.number(wide);
  value = static_cast<std::remove_reference_t<decltype(value)>>(wide);
}

template <class Stream>
void visit_texts(Stream& stream, std::vector<std::string>& values, size_t most) {
  values.resize(stream.count(values.size(), most));
  for (std::string& value : values) stream.text(value);
}

template <class Stream>
void visit(Stream& stream, InitTask& task) {
  visit_number(stream, task.first_step);
  ProcessPlan& process = task.process;
  visit_texts(stream, process.argv, kMaxArgs);
  visit_texts(stream, process.env, kMaxEnvEntries);
  stream.text(process.cwd);
  stream.text(process.cwd_fallback);
  visit_number(stream, process.umask);
  process.rlimits.resize(stream.count(process.rlimits.size(), kMaxTaskLimits));
  for (ResourceLimit& limit : process.rlimits) {
    visit_number(stream, limit.resource);
    visit_number(stream, limit.soft);
    visit_number(stream, limit.hard);
  }
  stream.text(process.seccomp);
  uint64_t has_terminal = process.stdio.terminal ? 1 : 0;
  stream.number(has_terminal);
  if (has_terminal != 0) {
    TerminalSize size = process.stdio.terminal.value_or(TerminalSize{});
    visit_number(stream, size.rows);
    visit_number(stream, size.columns);
    process.stdio.terminal = size;
  }
  visit_number(stream, task.lifetime);
}

}  // namespace

std::string render_init_task(const InitTask& task) {
  Writer writer;
  InitTask copy = task;
  visit(writer, copy);
  return writer.take();
}

Result<InitTask> parse_init_task(std::string_view octets) {
  if (octets.size() > kMaxInitTaskBytes) return Error{ErrorCode::invalid, "init task too long"};
  Reader reader(octets);
  InitTask task;
  visit(reader, task);
  if (!reader.fine()) return Error{ErrorCode::invalid, "init task is torn"};
  return task;
}

}  // namespace gd::container

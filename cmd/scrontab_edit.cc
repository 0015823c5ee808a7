// scrontab -e: a file of one's own, an editor, and what is in the file after that.
#include <stdlib.h>
#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "cmd/scrontab.h"
#include "proto/crontab.h"

namespace gd::cmd {
namespace {

// Readable by its owner alone; gone when this is.
class DraftFile {
 public:
  static Result<DraftFile> create(const std::string& text) {
    DraftFile file;
    file.path_ = get_env("TMPDIR").value_or("/tmp") + "/crontab.XXXXXX";
    const UniqueFd fd(::mkostemp(file.path_.data(), O_CLOEXEC));
    if (!fd.valid()) {
      const Error error = os_error(std::exchange(file.path_, ""));
      return error;
    }
    TRY(write_all(fd.get(), text, file.path_));
    return file;
  }
  DraftFile(DraftFile&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  DraftFile& operator=(DraftFile&&) = delete;
  ~DraftFile() {
    if (!path_.empty()) (void)::unlink(path_.c_str());
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  DraftFile() = default;
  std::string path_;
};

std::string editor() {
  for (const char* name : {"VISUAL", "EDITOR"}) {
    const std::optional<std::string> value = get_env(name);
    if (value && !value->empty()) return *value;
  }
  return "vi";
}

}  // namespace

bool wants_again(Output& ask) {
  ask << "Do you want to retry the same edit? (y/n) ";
  (void)ask.flush();
  std::string line;
  char c = 0;
  while (::read(0, &c, 1) == 1 && c != '\n') line += c;
  return !line.empty() && (line[0] == 'y' || line[0] == 'Y');
}

// An editor's name may have arguments, which is why a shell reads it.
Result<std::string> edit_text(const std::string& text) {
  const DraftFile file = TRY(DraftFile::create(text));
  SpawnOptions options;
  options.env = current_environment();
  options.fds = {{0, 0}, {1, 1}, {2, 2}};
  const std::string command = editor();
  const Pidfd child =
      TRY(spawn({"/bin/sh", "-c", command + " \"$1\"", "sh", file.path()}, options));
  const WaitStatus status = TRY(child.wait());
  if (!status.ok()) {
    return Error{ErrorCode::conflict, "the editor '" + printable(command) + "' ended with " +
                                          status.text() + ": the crontab is as it was"};
  }
  return read_file(file.path(), kMaxCrontabBytes);
}

}  // namespace gd::cmd

// Makes files and folders of the frames of proto/tree_frames.h, as they come.
//
//   target is a folder       what comes is made in it, under its own names
//   target is not there      what comes, one file or folder, is that
//
// A file is written beside its name and takes it when it is whole: what was there stays until
// then, and a link there is replaced, not followed. Existing folders are used; one that is a link
// is refused. Where what exists is to be refused, a name that is taken is a problem, and stays what
// it is. Permissions and times are the sender's, or, without `keep`, permissions less the umask,
// and those of folders that were there stay. What cannot be made is a problem, what is in it passes
// by, and the rest is made.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "proto/tree_frames.h"

namespace gd {

enum class Attributes : uint8_t { by_umask, keep };
enum class Existing : uint8_t { replace, refuse };

struct ReceiveRules {
  Attributes attributes = Attributes::by_umask;
  Existing existing = Existing::replace;
};

class TreeReceiver {
 public:
  using OnProblem = std::function<void(const std::string& text)>;

  // `sources`: how many were named; more than one want a folder.
  static Result<TreeReceiver> open(const std::string& target, size_t sources, ReceiveRules rules,
                                   OnProblem on_problem);
  TreeReceiver(TreeReceiver&& other) = default;
  TreeReceiver& operator=(TreeReceiver&&) = delete;
  ~TreeReceiver();

  // An error ends it: these are no frames, or the one that must be made cannot.
  Result<void> take(std::string_view bytes);
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] size_t problems() const { return problems_; }

 private:
  struct Level {
    UniqueFd folder;  // not valid: what is in it passes by
    TreeEntry entry;
    std::string path;
    bool made = false;  // it was not there before
  };
  struct File {
    UniqueFd fd;  // not valid: it passes by
    TreeEntry entry;
    std::string path;
    std::string temporary;
  };
  TreeReceiver(UniqueFd top, std::string rename, std::string path, ReceiveRules rules,
               OnProblem on_problem);
  Result<void> obey(const ByteFrame& frame);
  Result<TreeEntry> entry_in(const ByteFrame& frame);
  void enter(TreeEntry entry);
  void begin_file(TreeEntry entry);
  void make_link(const TreeEntry& entry);
  [[nodiscard]] std::string temporary_name() const;
  [[nodiscard]] bool may_take(const TreeEntry& entry, const std::string& path);
  [[nodiscard]] int give_name(const std::string& temporary, const std::string& name) const;
  void write(std::string_view bytes);
  Result<void> end();
  void end_file();
  void set_attributes(int fd, const TreeEntry& entry) const;
  void discard_file();
  void problem(const std::string& path, int number);
  [[nodiscard]] int folder() const { return levels_.back().folder.get(); }
  [[nodiscard]] bool passes_by() const { return !levels_.back().folder.valid(); }

  std::vector<Level> levels_;  // the first is the top
  std::string rename_;         // what the one thing on the top is called; empty: as it comes
  ReceiveRules rules_;
  OnProblem on_problem_;
  ByteFrameReader reader_{kTreeRules};
  std::optional<File> file_;
  mode_t umask_ = 0;
  size_t problems_ = 0;
  uint64_t made_ = 0;
  bool done_ = false;
};

}  // namespace gd

// Reads files and folders into the frames of proto/tree_frames.h, piece by piece.
//
// What was named is followed where it is a link; what is below never is. Devices, pipes and
// sockets are no files: a problem each. What cannot be read is a problem, and the rest is sent.
// At most kMaxTreeDepth + 1 descriptors are open.
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "proto/tree_frames.h"

namespace gd {

enum class Folders : uint8_t { refuse, send };

class TreeSender {
 public:
  TreeSender(std::vector<std::string> paths, Folders folders);

  // The next frames, some tens of KiB at most; nothing after the last one.
  Bytes next();
  [[nodiscard]] size_t problems() const { return problems_; }

 private:
  struct CloseFolder {
    void operator()(DIR* folder) const { (void)::closedir(folder); }
  };
  struct Level {
    std::unique_ptr<DIR, CloseFolder> folder;
    std::string path;  // for problems
  };
  Bytes begin(int folder, const std::string& name, const std::string& path);
  Bytes begin_named(const std::string& path);
  Bytes send(UniqueFd fd, const std::string& name, const std::string& path);
  Bytes read_file_piece();
  Bytes read_folder_entry();
  Bytes problem(const std::string& path, int number);
  Bytes problem(const std::string& text);

  std::vector<std::string> paths_;
  Folders folders_;
  size_t at_ = 0;  // in paths_
  std::vector<Level> levels_;
  UniqueFd file_;  // that is being sent
  std::string file_path_;
  size_t problems_ = 0;
  bool done_ = false;
};

}  // namespace gd

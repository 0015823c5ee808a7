#include "gdsim/trace_file.h"

#include <zlib.h>

#include <memory>

namespace gd::sim {

namespace {

constexpr size_t kPiece = size_t{1} << 20;

struct Close {
  void operator()(gzFile file) const { (void)gzclose_r(file); }
};
using File = std::unique_ptr<std::remove_pointer_t<gzFile>, Close>;

Error read_error(gzFile file, const std::string& path) {
  int code = Z_OK;
  const char* text = gzerror(file, &code);
  if (code == Z_ERRNO) return os_error("read " + path);
  return Error{ErrorCode::invalid, path + " is damaged: " + text};
}

}  // namespace

Result<Bytes> read_trace_file(const std::string& path, size_t limit) {
  UniqueFd fd = path == "-" ? TRY(duplicate(0)) : TRY(open_file(path, O_RDONLY));
  const File file{gzdopen(fd.get(), "rb")};
  if (file == nullptr) return Error{ErrorCode::internal, path + ": no memory to unpack it"};
  (void)fd.release();  // gzclose_r() closes it
  Bytes text;
  while (true) {
    const size_t before = text.size();
    text.resize(before + kPiece);
    const int count = gzread(file.get(), text.data() + before, kPiece);
    if (count < 0) return read_error(file.get(), path);
    text.resize(before + static_cast<size_t>(count));
    if (text.size() > limit) {
      return Error{ErrorCode::exhausted,
                   path + " has more than " + std::to_string(limit) + " octets of text"};
    }
    if (count == 0) break;
  }
  // A file that is cut short gives its octets, and only then this.
  int code = Z_OK;
  (void)gzerror(file.get(), &code);
  if (code != Z_OK && code != Z_STREAM_END) return read_error(file.get(), path);
  return text;
}

}  // namespace gd::sim

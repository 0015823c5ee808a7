// LMDB, its handles owned, its errors turned into ours. The one home of lmdb.h.
// Member order matters: transactions end before the gate opens, the environment
// closes before the folder's lock is given up.
#include "server/store/lmdb_store.h"

#include <lmdb.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

namespace gd::store {
namespace {

constexpr size_t kMib = size_t{1} << 20;

Error lmdb_error(std::string_view what, int number) {
  return {number == ENOSPC ? ErrorCode::unavailable : ErrorCode::internal,
          "store: " + std::string(what) + ": " + ::mdb_strerror(number)};
}

MDB_val to_val(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // LMDB only reads it
}

std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

struct CloseEnv {
  void operator()(MDB_env* env) const { ::mdb_env_close(env); }
};
struct AbortTxn {
  void operator()(MDB_txn* txn) const { ::mdb_txn_abort(txn); }
};
struct CloseCursor {
  void operator()(MDB_cursor* cursor) const { ::mdb_cursor_close(cursor); }
};
using Env = std::unique_ptr<MDB_env, CloseEnv>;
using Txn = std::unique_ptr<MDB_txn, AbortTxn>;
using Cursor = std::unique_ptr<MDB_cursor, CloseCursor>;
using Handles = std::array<MDB_dbi, kTables>;

// Counts open snapshots, so that the map is only moved when there are none. A
// grower keeps new ones out, or a stream of queries could starve it.
class ReaderGate {
 public:
  void enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !growing_; });
    ++readers_;
  }
  void leave() {
    {
      const std::lock_guard lock(mutex_);
      --readers_;
    }
    changed_.notify_all();
  }
  template <class Work>
  auto alone(const Work& work) {
    std::unique_lock lock(mutex_);
    growing_ = true;
    changed_.wait(lock, [&] { return readers_ == 0; });
    auto result = work();
    growing_ = false;
    lock.unlock();
    changed_.notify_all();
    return result;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t readers_ = 0;
  bool growing_ = false;
};

class GatePass {
 public:
  explicit GatePass(ReaderGate& gate) : gate_(&gate) { gate.enter(); }
  GatePass(GatePass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
  GatePass& operator=(GatePass&&) = delete;
  ~GatePass() {
    if (gate_ != nullptr) gate_->leave();
  }

 private:
  ReaderGate* gate_;
};

class LmdbSnapshot final : public Snapshot {
 public:
  LmdbSnapshot(GatePass pass, Txn txn, const Handles& handles)
      : pass_(std::move(pass)), txn_(std::move(txn)), handles_(handles) {}

  Result<std::optional<std::string_view>> find(Table table, std::string_view key) override {
    MDB_val wanted = to_val(key);
    MDB_val value{};
    const int error = ::mdb_get(txn_.get(), handle(table), &wanted, &value);
    if (error == MDB_NOTFOUND) return std::optional<std::string_view>{};
    if (error != 0) return lmdb_error(table_name(table), error);
    return std::optional<std::string_view>{to_view(value)};
  }

  Result<void> scan(Table table, std::string_view from, const Visitor& visit) override {
    return walk(table, from, from.empty() ? MDB_FIRST : MDB_SET_RANGE, MDB_NEXT, visit);
  }

  Result<void> scan_back(Table table, std::string_view before, const Visitor& visit) override {
    return walk(table, before, before.empty() ? MDB_LAST : MDB_SET_RANGE, MDB_PREV, visit);
  }

 private:
  [[nodiscard]] MDB_dbi handle(Table table) const { return handles_[static_cast<size_t>(table)]; }

  Result<void> walk(Table table, std::string_view where, MDB_cursor_op first, MDB_cursor_op next,
                    const Visitor& visit) {
    MDB_cursor* raw = nullptr;
    if (const int error = ::mdb_cursor_open(txn_.get(), handle(table), &raw); error != 0) {
      return lmdb_error(table_name(table), error);
    }
    const Cursor cursor(raw);
    MDB_val key = to_val(where);
    MDB_val value{};
    int error = ::mdb_cursor_get(raw, &key, &value, first);
    if (next == MDB_PREV && !where.empty()) {  // stands at, or behind, what is to be left out
      error = ::mdb_cursor_get(raw, &key, &value, error == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    }
    for (; error == 0; error = ::mdb_cursor_get(raw, &key, &value, next)) {
      if (visit(to_view(key), to_view(value)) == Visit::stop) return {};
    }
    if (error != MDB_NOTFOUND) return lmdb_error(table_name(table), error);
    return {};
  }

  GatePass pass_;  // first in, last out: the transaction ends inside the gate
  Txn txn_;
  const Handles& handles_;
};

// Held for the life of the process: the kernel gives it up when we die.
Result<UniqueFd> lock_folder(const std::string& folder) {
  const std::string path = folder + "/lock";
  UniqueFd fd = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return os_error("lock " + path);
    const Result<Bytes> pid = read_file(path, 64);
    return Error{ErrorCode::conflict,
                 "state folder " + folder + " is in use by the process with pid " +
                     (pid.ok() && !pid->empty() ? pid->substr(0, pid->find('\n')) : "unknown")};
  }
  if (::ftruncate(fd.get(), 0) != 0) return os_error("truncate " + path);
  TRY(write_all(fd.get(), std::to_string(::getpid()) + "\n", path));
  return fd;
}

}  // namespace

struct LmdbStore::Impl {
  LmdbOptions options;
  std::atomic<uint64_t> low_disk_mib{0};
  UniqueFd lock;
  Env env;
  Handles handles{};
  std::atomic<uint64_t> map_mib{0};
  ReaderGate gate;

  Result<void> open_env();
  Result<void> open_tables();
  Result<void> grow();
  int try_commit(const Batch& batch);
};

Result<void> LmdbStore::Impl::open_env() {
  MDB_env* raw = nullptr;
  if (const int error = ::mdb_env_create(&raw); error != 0) return lmdb_error("create", error);
  env.reset(raw);
  ::mdb_env_set_maxdbs(raw, kTables);
  ::mdb_env_set_mapsize(raw, options.first_map_mib * kMib);  // a larger file keeps its size
  // NOTLS: a snapshot belongs to its object, not to the thread that made it.
  const int error = ::mdb_env_open(raw, options.folder.c_str(), MDB_NOTLS, 0600);
  if (error != 0) return lmdb_error("open " + options.folder, error);
  int dead = 0;
  ::mdb_reader_check(raw, &dead);  // left by a process that was killed; they would pin old pages
  MDB_envinfo info{};
  ::mdb_env_info(raw, &info);
  map_mib = info.me_mapsize / kMib;
  return {};
}

Result<void> LmdbStore::Impl::open_tables() {
  MDB_txn* raw = nullptr;
  if (const int error = ::mdb_txn_begin(env.get(), nullptr, 0, &raw); error != 0) {
    return lmdb_error("begin", error);
  }
  Txn txn(raw);
  for (size_t i = 0; i < kTables; ++i) {
    const char* name = table_name(static_cast<Table>(i));
    const int error = ::mdb_dbi_open(raw, name, MDB_CREATE, &handles[i]);
    if (error != 0) return lmdb_error(std::string("open table ") + name, error);
  }
  const int error = ::mdb_txn_commit(txn.release());
  return error == 0 ? Result<void>{} : lmdb_error("open tables", error);
}

Result<void> LmdbStore::Impl::grow() {
  const uint64_t wanted = map_mib * 2;
  if (wanted > options.max_map_mib) {
    return Error{ErrorCode::exhausted, "store: map is " + std::to_string(map_mib.load()) +
                                           " MiB and may not grow past " +
                                           std::to_string(options.max_map_mib) + " MiB"};
  }
  const int error = gate.alone([&] { return ::mdb_env_set_mapsize(env.get(), wanted * kMib); });
  if (error != 0) return lmdb_error("grow to " + std::to_string(wanted) + " MiB", error);
  map_mib = wanted;
  return {};
}

// An LMDB error number; on any of them the transaction has left no trace.
int LmdbStore::Impl::try_commit(const Batch& batch) {
  MDB_txn* raw = nullptr;
  if (const int error = ::mdb_txn_begin(env.get(), nullptr, 0, &raw); error != 0) return error;
  Txn txn(raw);
  for (const Write& write : batch) {
    MDB_val key = to_val(write.key);
    const MDB_dbi table = handles[static_cast<size_t>(write.table)];
    int error = 0;
    if (write.value) {
      MDB_val value = to_val(*write.value);
      error = ::mdb_put(raw, table, &key, &value, 0);
    } else {
      error = ::mdb_del(raw, table, &key, nullptr);
      if (error == MDB_NOTFOUND) error = 0;
    }
    if (error != 0) return error;
  }
  return ::mdb_txn_commit(txn.release());
}

LmdbStore::LmdbStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LmdbStore::~LmdbStore() = default;

Result<std::unique_ptr<LmdbStore>> LmdbStore::open(const LmdbOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->low_disk_mib = options.low_disk_mib;
  TRY(make_directories(options.folder, 0700));
  impl->lock = TRY(lock_folder(options.folder));
  TRY(impl->open_env());
  TRY(impl->open_tables());
  return std::make_unique<LmdbStore>(std::move(impl));
}

Result<void> LmdbStore::commit(const Batch& batch) {
  for (;;) {
    const int error = impl_->try_commit(batch);
    if (error == 0) return {};
    if (error != MDB_MAP_FULL) return lmdb_error("commit", error);
    TRY(impl_->grow());
  }
}

Result<std::unique_ptr<Snapshot>> LmdbStore::snapshot() {
  GatePass pass(impl_->gate);
  MDB_txn* raw = nullptr;
  if (const int error = ::mdb_txn_begin(impl_->env.get(), nullptr, MDB_RDONLY, &raw); error != 0) {
    return lmdb_error("snapshot", error);
  }
  return std::unique_ptr<Snapshot>(
      std::make_unique<LmdbSnapshot>(std::move(pass), Txn(raw), impl_->handles));
}

Result<void> LmdbStore::check_space() {
  struct statvfs fs {};
  if (::statvfs(impl_->options.folder.c_str(), &fs) != 0) {
    return os_error("statvfs " + impl_->options.folder);
  }
  const uint64_t free_mib = fs.f_bavail * fs.f_frsize / kMib;
  const uint64_t least_mib = impl_->low_disk_mib;
  if (free_mib >= least_mib) return {};
  return Error{ErrorCode::unavailable, "disk is low: " + std::to_string(free_mib) +
                                           " MiB free in " + impl_->options.folder +
                                           ", low_disk_mib is " + std::to_string(least_mib) +
                                           "; no new jobs are taken until there is room"};
}

void LmdbStore::set_low_disk_mib(uint64_t mib) {
  impl_->low_disk_mib = mib;
}
uint64_t LmdbStore::map_mib() const {
  return impl_->map_mib;
}

}  // namespace gd::store

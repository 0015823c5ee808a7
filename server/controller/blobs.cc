// References that a batch gives up are taken off at its end: a blob that one job
// of it leaves and another one brings again is never deleted between the two.
#include "server/controller/blobs.h"

#include "base/check.h"
#include "base/text.h"

namespace gd::controller {
namespace {

store::Write put(const Digest& digest, const Bytes& bytes) {
  return {store::Table::blobs, Bytes(digest.bytes()), bytes};
}

store::Write erase_fading(const Digest& digest) {
  return {store::Table::meta, kFadePrefix + digest.hex(), std::nullopt};
}

store::Write erase(const Digest& digest) {
  return {store::Table::blobs, Bytes(digest.bytes()), std::nullopt};
}

}  // namespace

Digest Blobs::add(const Bytes& bytes, store::Batch& batch) {
  const Digest digest = digest_of(bytes);
  const auto [entry, fresh] = entries_.try_emplace(digest);
  if (fresh) {
    if (!fading_.contains(digest)) batch.push_back(put(digest, bytes));
    added_.push_back(digest);
    remember(digest, bytes);
  }
  return digest;
}

Blobs::Held Blobs::hold(const JobRecord& job) {
  Held held;
  const auto refer = [&](const std::optional<Digest>& digest) {
    if (!digest) return;
    const auto entry = entries_.try_emplace(*digest).first;
    ++entry->second.references;
    held.push_back(&entry->first);
  };
  refer(job.script);
  refer(job.environment);
  for (const StepRecord& step : job.steps) refer(step.environment);
  held.shrink_to_fit();
  return held;
}

void Blobs::job_stored(JobId id, const JobRecord* job) {
  const auto old = by_job_.find(id.value);
  if (old != by_job_.end()) {
    leaving_.insert(leaving_.end(), old->second.begin(), old->second.end());
  }
  Held now = job == nullptr ? Held{} : hold(*job);
  if (!now.empty()) {
    by_job_[id.value] = std::move(now);
  } else if (old != by_job_.end()) {
    by_job_.erase(old);
  }
}

void Blobs::settle(store::Batch& batch, std::optional<TimePoint> until) {
  for (const Digest* digest : leaving_) {
    const auto entry = entries_.find(*digest);
    GD_CHECK(entry != entries_.end() && entry->second.references > 0);
    if (--entry->second.references > 0) continue;
    keep_or_erase(entry->first, until, batch);
    entries_.erase(entry);
  }
  for (const Digest& digest : added_) {
    const auto entry = entries_.find(digest);
    if (entry == entries_.end()) continue;
    if (entry->second.references > 0) {  // it is a live job's again
      if (fading_.erase(digest) > 0) batch.push_back(erase_fading(digest));
      continue;
    }
    if (!fading_.contains(digest)) batch.push_back(erase(digest));
    entries_.erase(entry);
  }
  leaving_.clear();
  added_.clear();
}

void Blobs::keep_or_erase(const Digest& digest, std::optional<TimePoint> until,
                          store::Batch& batch) {
  if (!until || fading_.size() >= kMaxFading) return batch.push_back(erase(digest));
  fading_[digest] = *until;
  const auto seconds = std::chrono::duration_cast<Seconds>(until->time_since_epoch()).count();
  batch.push_back({store::Table::meta, kFadePrefix + digest.hex(), std::to_string(seconds)});
}

void Blobs::expire(store::Batch& batch, TimePoint now) {
  for (auto each = fading_.begin(); each != fading_.end();) {
    if (each->second > now) {
      ++each;
      continue;
    }
    if (!entries_.contains(each->first)) batch.push_back(erase(each->first));
    batch.push_back(erase_fading(each->first));
    each = fading_.erase(each);
  }
}

Result<void> Blobs::load_fading(store::Snapshot& snapshot) {
  const std::string_view prefix = kFadePrefix;
  return snapshot.scan(store::Table::meta, prefix,
                       [&](std::string_view key, std::string_view value) {
                         if (!key.starts_with(prefix)) return store::Visit::stop;
                         const Result<Digest> digest = Digest::from_hex(key.substr(prefix.size()));
                         const Result<int64_t> until = parse_number<int64_t>(value);
                         if (digest.ok() && until.ok())
                           fading_[*digest] = TimePoint(Seconds(*until));
                         return store::Visit::next;
                       });
}

Result<void> Blobs::sweep(store::Snapshot& snapshot, store::Batch& batch) {
  return snapshot.scan(store::Table::blobs, "", [&](std::string_view key, std::string_view) {
    Digest digest;
    if (key.size() == digest.octets.size()) {
      std::copy(key.begin(), key.end(), digest.octets.begin());
      if (entries_.contains(digest) || fading_.contains(digest)) return store::Visit::next;
    }
    batch.push_back({store::Table::blobs, Bytes(key), std::nullopt});
    return store::Visit::next;
  });
}

void Blobs::remember(const Digest& digest, const Bytes& bytes) {
  if (bytes.size() > kMaxBlobCacheBytes / 4 || cached_.contains(digest)) return;
  cache_.push_front({digest, bytes});
  cached_[digest] = cache_.begin();
  cache_bytes_ += bytes.size();
  while (cache_bytes_ > kMaxBlobCacheBytes) {
    cache_bytes_ -= cache_.back().bytes.size();
    cached_.erase(cache_.back().digest);
    cache_.pop_back();
  }
}

Result<Bytes> Blobs::read(const Digest& digest, store::Snapshot& snapshot) {
  if (const auto hit = cached_.find(digest); hit != cached_.end()) {
    cache_.splice(cache_.begin(), cache_, hit->second);
    return hit->second->bytes;
  }
  const std::optional<std::string_view> found =
      TRY(snapshot.find(store::Table::blobs, digest.bytes()));
  if (!found) return Error{ErrorCode::internal, "blob " + digest.hex() + " is not in the store"};
  Bytes bytes(*found);
  remember(digest, bytes);
  return bytes;
}

}  // namespace gd::controller

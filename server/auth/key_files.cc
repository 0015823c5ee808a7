// See key_files.h.
#include "server/auth/key_files.h"

#include <sys/stat.h>

#include <vector>

#include "base/digest.h"
#include "base/fd.h"
#include "base/text.h"
#include "proto/secret_file.h"

namespace gd::auth {

namespace {

constexpr size_t kMaxPublicFileBytes = 1024;

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Error refused(const std::string& path, const std::string& why) {
  return {ErrorCode::denied, path + ": " + why};
}

Result<void> check_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return os_error(folder);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refused(folder, "others may write to this folder of keys; chmod go-w");
  }
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return refused(folder, "belongs to uid " + std::to_string(status.st_uid) +
                               ", who could replace the keys in it");
  }
  return {};
}

Error damaged(const std::string& path) {
  return {ErrorCode::invalid, path + ": is no key file; remove it to have a new key made"};
}

}  // namespace

Result<CurveKeys> load_or_make_curve_keys(const std::string& path) {
  TRY(check_folder(path));
  Result<SecretString> text = read_secret_file(path);
  if (!text.ok() && text.error().code != ErrorCode::not_found) return std::move(text).error();
  if (!text.ok()) {
    CurveKeys keys = make_curve_keys();
    std::string line = keys.public_key + " " + keys.secret_key + "\n";
    const Result<void> stored = replace_file(path, line, 0600);
    wipe(line);
    if (!stored.ok()) return stored.error();
    return keys;
  }
  const std::vector<std::string_view> words = split_words(text->reveal());
  if (words.size() != 2 || !is_curve_key(words[0]) || !is_curve_key(words[1])) return damaged(path);
  CurveKeys keys{std::string(words[0]), std::string(words[1])};
  const Result<std::string> derived = curve_public_of(keys.secret_key);
  if (!derived.ok() || *derived != keys.public_key) return damaged(path);
  return keys;
}

Result<TicketKeys> load_or_make_ticket_keys(const std::string& path) {
  TRY(check_folder(path));
  Result<SecretString> text = read_secret_file(path);
  if (!text.ok() && text.error().code != ErrorCode::not_found) return std::move(text).error();
  if (!text.ok()) {
    TicketKeys keys = make_ticket_keys();
    std::string line = to_hex(keys.public_key) + " " + to_hex(keys.secret_key) + "\n";
    const Result<void> stored = replace_file(path, line, 0600);
    wipe(line);
    if (!stored.ok()) return stored.error();
    return keys;
  }
  const std::vector<std::string_view> words = split_words(text->reveal());
  if (words.size() != 2) return damaged(path);
  Result<Bytes> public_key = from_hex(words[0]);
  Result<Bytes> secret_key = from_hex(words[1]);
  if (!public_key.ok() || !secret_key.ok()) return damaged(path);
  // Ed25519: the second half of the secret key is the public key.
  if (public_key->size() != 32 || secret_key->size() != 64 ||
      secret_key->substr(32) != *public_key) {
    return damaged(path);
  }
  return TicketKeys{*public_key, *secret_key};
}

Result<void> publish_controller_key(const std::string& path, const std::string& public_key) {
  const std::string line = public_key + "\n";
  const Result<Bytes> present = read_file(path, kMaxPublicFileBytes);
  if (present.ok() && *present == line) return {};
  return replace_file(path, line, 0644);
}

}  // namespace gd::auth

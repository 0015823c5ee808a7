// Digests, random octets and secrets: libsodium behind six functions. base/digest.cc
// is the one home of its header.
//
// Digest is BLAKE2b with 32 octets of output: content addresses, key fingerprints.
// A SecretString is wiped when it goes, does not copy, and does not print.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace gd {

struct Digest {
  std::array<uint8_t, 32> octets{};

  static Result<Digest> from_hex(std::string_view text);
  [[nodiscard]] std::string hex() const;  // 64 characters
  [[nodiscard]] std::string_view bytes() const;
  auto operator<=>(const Digest&) const = default;
};

Digest digest_of(std::string_view bytes);

// For what does not fit in memory at once: add() any number of times, then finish() once.
class DigestStream {
 public:
  DigestStream();
  ~DigestStream();
  DigestStream(const DigestStream&) = delete;
  DigestStream& operator=(const DigestStream&) = delete;
  void add(std::string_view bytes);
  [[nodiscard]] Digest finish();

 private:
  alignas(64) std::array<std::byte, 384> state_;  // libsodium's; size checked in digest.cc
};

// SHA-256, the digest that the world of images has: add() any number of times, then finish() once.
class Sha256Stream {
 public:
  Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void add(std::string_view bytes);
  [[nodiscard]] std::string finish();  // 64 hex digits

 private:
  alignas(64) std::array<std::byte, 128> state_;  // libsodium's; size checked in digest.cc
};

Bytes random_bytes(size_t count);
uint64_t random_number();                     // all 64 bits
std::string random_token(size_t bytes = 24);  // base64url without padding: 24 give 32 characters

bool equal_constant_time(std::string_view a, std::string_view b);  // time shows the length only
void wipe(void* memory, size_t size);                              // not optimised away
void wipe(std::string& text);                                      // its whole capacity, then empty

class SecretString {
 public:
  SecretString() = default;
  explicit SecretString(std::string&& text) : text_(std::move(text)) { wipe(text); }
  SecretString(SecretString&& other) noexcept : text_(std::move(other.text_)) { wipe(other.text_); }
  SecretString& operator=(SecretString&& other) noexcept;
  ~SecretString() { wipe(text_); }

  [[nodiscard]] std::string_view reveal() const { return text_; }
  [[nodiscard]] const char* c_str() const { return text_.c_str(); }
  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace gd

// digest.h carried out; the only file that includes libsodium.
#include "base/digest.h"

#include <sodium.h>

#include <new>
#include <span>

#include "base/check.h"
#include "base/text.h"

namespace gd {

namespace {

// Idempotent and safe from any thread; must come before the first random octet.
void ready() {
  static const bool initialised = ::sodium_init() >= 0;
  GD_CHECK(initialised);
}

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

Result<Digest> Digest::from_hex(std::string_view text) {
  Digest digest;
  if (text.size() != digest.octets.size() * 2) {
    return Error{ErrorCode::invalid,
                 "digest of " + std::to_string(text.size()) + " characters; 64 were expected"};
  }
  const Bytes bytes = TRY(gd::from_hex(text));
  std::copy(bytes.begin(), bytes.end(), digest.octets.begin());
  return digest;
}

std::string_view Digest::bytes() const {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

std::string Digest::hex() const {
  return to_hex(bytes());
}

Digest digest_of(std::string_view bytes) {
  Digest digest;
  const int failed = ::crypto_generichash(digest.octets.data(), digest.octets.size(),
                                          gd::octets(bytes), bytes.size(), nullptr, 0);
  GD_CHECK(failed == 0);
  return digest;
}

namespace {

crypto_generichash_state* state_in(std::array<std::byte, 384>& memory) {
  static_assert(sizeof(crypto_generichash_state) <= 384);
  static_assert(alignof(crypto_generichash_state) <= 64);
  return std::launder(reinterpret_cast<crypto_generichash_state*>(memory.data()));
}

}  // namespace

DigestStream::DigestStream() {
  ::new (state_.data()) crypto_generichash_state;
  GD_CHECK(::crypto_generichash_init(state_in(state_), nullptr, 0, sizeof(Digest::octets)) == 0);
}

DigestStream::~DigestStream() {
  wipe(state_.data(), state_.size());
}

void DigestStream::add(std::string_view bytes) {
  GD_CHECK(::crypto_generichash_update(state_in(state_), octets(bytes), bytes.size()) == 0);
}

Digest DigestStream::finish() {
  Digest digest;
  GD_CHECK(::crypto_generichash_final(state_in(state_), digest.octets.data(),
                                      digest.octets.size()) == 0);
  return digest;
}

static_assert(sizeof(crypto_hash_sha256_state) <= 128);

Sha256Stream::Sha256Stream() {
  auto* state = ::new (state_.data()) crypto_hash_sha256_state;
  GD_CHECK(::crypto_hash_sha256_init(state) == 0);
}

void Sha256Stream::add(std::string_view bytes) {
  auto* state = std::launder(reinterpret_cast<crypto_hash_sha256_state*>(state_.data()));
  GD_CHECK(::crypto_hash_sha256_update(state, octets(bytes), bytes.size()) == 0);
}

std::string Sha256Stream::finish() {
  auto* state = std::launder(reinterpret_cast<crypto_hash_sha256_state*>(state_.data()));
  std::array<uint8_t, crypto_hash_sha256_BYTES> digest{};
  GD_CHECK(::crypto_hash_sha256_final(state, digest.data()) == 0);
  return to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Bytes random_bytes(size_t count) {
  ready();
  Bytes bytes(count, '\0');
  ::randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

uint64_t random_number() {
  ready();
  uint64_t number = 0;
  ::randombytes_buf(&number, sizeof number);
  return number;
}

std::string random_token(size_t bytes) {
  Bytes octets = random_bytes(bytes);
  std::string token = to_base64(octets);
  wipe(octets);
  for (char& c : token) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  while (!token.empty() && token.back() == '=') token.pop_back();
  return token;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(void* memory, size_t size) {
  ::sodium_memzero(memory, size);
}

void wipe(std::string& text) {
  text.resize(text.capacity());  // never allocates
  wipe(text.data(), text.size());
  text.clear();
}

SecretString& SecretString::operator=(SecretString&& other) noexcept {
  if (this == &other) return *this;
  wipe(text_);
  text_ = std::move(other.text_);
  wipe(other.text_);
  return *this;
}

}  // namespace gd

// Ed25519 by libsodium; see the header for what a ticket is worth.
#include "proto/ticket.h"

#include <sodium.h>

#include "base/check.h"
#include "proto/codec.h"

namespace gd {

namespace {

const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* octets(Bytes& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace

TicketKeys make_ticket_keys() {
  GD_CHECK(sodium_init() >= 0);
  TicketKeys keys{Bytes(crypto_sign_PUBLICKEYBYTES, '\0'), Bytes(crypto_sign_SECRETKEYBYTES, '\0')};
  crypto_sign_keypair(octets(keys.public_key), octets(keys.secret_key));
  return keys;
}

Bytes sign_ticket(const Ticket& ticket, const Bytes& secret_key) {
  GD_CHECK(secret_key.size() == crypto_sign_SECRETKEYBYTES, secret_key.size());
  const Bytes body = encode_record(ticket);
  Bytes signature(crypto_sign_BYTES, '\0');
  crypto_sign_detached(octets(signature), nullptr, octets(std::string_view(body)), body.size(),
                       octets(std::string_view(secret_key)));
  return signature + body;
}

Result<Ticket> open_ticket(const Bytes& signed_ticket, const Bytes& public_key) {
  const Error refused{ErrorCode::denied, "this ticket was not signed by the node's controller"};
  if (signed_ticket.size() <= crypto_sign_BYTES) return refused;
  if (public_key.size() != crypto_sign_PUBLICKEYBYTES) return refused;
  const std::string_view body = std::string_view(signed_ticket).substr(crypto_sign_BYTES);
  if (crypto_sign_verify_detached(octets(std::string_view(signed_ticket)), octets(body),
                                  body.size(), octets(std::string_view(public_key))) != 0) {
    return refused;
  }
  return decode_record<Ticket>(body);
}

}  // namespace gd

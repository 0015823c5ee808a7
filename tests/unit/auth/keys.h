// Keys for tests: well-formed public keys that nobody has the secret of.
#pragma once

#include <string>

#include "proto/node_record.h"

namespace gd::auth::test {

inline std::string key_of(int number) {
  std::string digits = std::to_string(number);
  return std::string(8 - digits.size(), 'k') + digits + std::string(32, 'Z');
}

inline KeyRecord user_key(int number, Uid uid, const std::string& name) {
  KeyRecord key;
  key.public_key = key_of(number);
  key.uid = uid;
  key.gid = 100;
  key.name = name;
  key.made_by = "pam";
  return key;
}

}  // namespace gd::auth::test

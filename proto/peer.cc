#include "proto/peer.h"

#include <array>

#include "base/text.h"

namespace gd {

namespace {

constexpr std::array<std::string_view, 4> kKindNames{"nobody", "user", "node", "job"};

}  // namespace

std::string format_peer(const Peer& peer) {
  std::string line(kKindNames[static_cast<size_t>(peer.kind)]);
  line += ' ' + peer.public_key;
  line += ' ' + std::to_string(peer.uid);
  line += ' ' + std::to_string(peer.gid);
  line += ' ' + std::to_string(peer.job.value);
  return line + ' ' + peer.name;
}

Result<Peer> parse_peer(std::string_view line) {
  const Error malformed{ErrorCode::internal, "malformed peer line '" + printable(line) + "'"};
  std::array<std::string_view, 5> words;
  for (std::string_view& word : words) {
    const size_t blank = line.find(' ');
    if (blank == line.npos) return malformed;
    word = line.substr(0, blank);
    line.remove_prefix(blank + 1);
  }
  Peer peer;
  for (size_t kind = 0;; ++kind) {
    if (kind == kKindNames.size()) return malformed;
    if (words[0] != kKindNames[kind]) continue;
    peer.kind = static_cast<PeerKind>(kind);
    break;
  }
  peer.public_key = words[1];
  peer.uid = TRY(parse_number<uint32_t>(words[2]));
  peer.gid = TRY(parse_number<uint32_t>(words[3]));
  peer.job.value = TRY(parse_number<uint32_t>(words[4]));
  peer.name = line;
  return peer;
}

}  // namespace gd

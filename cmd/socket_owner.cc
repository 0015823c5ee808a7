#include "cmd/socket_owner.h"

#include "base/fd.h"
#include "base/inet_address.h"
#include "base/text.h"

namespace gd::cmd {

std::optional<uid_t> owner_in_table(std::string_view table, std::string_view local,
                                    std::string_view remote) {
  for (const std::string_view line : split(table, '\n')) {
    // Number, local, remote, state, queues, timer, retransmissions, user
    const std::vector<std::string_view> words = split_words(line);
    if (words.size() < 8 || words[1] != local || words[2] != remote) continue;
    const Result<uid_t> uid = parse_number<uid_t>(words[7]);
    if (uid.ok()) return *uid;
  }
  return std::nullopt;
}

Result<std::optional<uid_t>> owner_of_other_end(int socket) {
  const InetAddress here = TRY(InetAddress::of_this_end(socket));
  const InetAddress there = TRY(InetAddress::of_other_end(socket));
  const bool is_four = here.family() == AF_INET;
  const Bytes table = TRY(read_file(is_four ? "/proc/net/tcp" : "/proc/net/tcp6"));
  return owner_in_table(table, there.table_name(), here.table_name());
}

}  // namespace gd::cmd

#include "server/agent/stream_port.h"

#include <algorithm>
#include <vector>

#include "proto/codec.h"

namespace gd::agent {

Result<Ticket> check_ticket(const Bytes& signed_ticket, const Bytes& ticket_key,
                            const std::string& node, const std::string& client_key) {
  if (ticket_key.empty()) {
    return Error{ErrorCode::unavailable, "this node has not heard from its controller yet"};
  }
  Ticket ticket = TRY(open_ticket(signed_ticket, ticket_key));
  if (ticket.client_key.empty() || ticket.client_key != client_key) {
    return Error{ErrorCode::denied, "the ticket was given to another key"};
  }
  if (ticket.node != node) {
    return Error{ErrorCode::denied, "the ticket is for node " + ticket.node + ", this is " + node};
  }
  return ticket;
}

StreamPort::StreamPort(Poller& poller, ServerSocket socket, std::string node,
                       FindFolder find_folder)
    : poller_(poller),
      socket_(std::move(socket)),
      node_(std::move(node)),
      find_folder_(std::move(find_folder)) {}

StreamPort::~StreamPort() {
  while (!clients_.empty()) drop(clients_.begin()->first);
}

void StreamPort::receive_all() {
  // A bound a round: clients that send without end must not keep orders waiting.
  for (int i = 0; i < 256; ++i) {
    const std::optional<Incoming> incoming = socket_.receive();
    if (!incoming) return;
    const ClientKey key{incoming->route, incoming->tag};
    const auto found = clients_.find(key);
    if (found == clients_.end()) {
      open(*incoming);
      continue;
    }
    found->second.heard = boot_time();
    forward(key, found->second, incoming->body);
  }
}

void StreamPort::open(const Incoming& incoming) {
  const Result<void> admitted = admit(incoming);
  if (!admitted.ok()) refuse({incoming.route, incoming.tag}, admitted.error());
}

Result<void> StreamPort::admit(const Incoming& incoming) {
  const Message message = TRY(decode(incoming.body));
  const auto* open = std::get_if<StreamOpen>(&message);
  if (open == nullptr) {
    return Error{ErrorCode::conflict, "no stream is open here; it must be opened first"};
  }
  const Ticket ticket =
      TRY(check_ticket(open->ticket, ticket_key_, node_, incoming.peer.public_key));
  if (clients_.size() >= kMaxStreamClients) {
    return Error{ErrorCode::exhausted, "this node has " + std::to_string(clients_.size()) +
                                           " stream clients, the most it takes"};
  }
  const StepKey step{ticket.job, ticket.launch, ticket.step};
  const auto same =
      std::ranges::count_if(clients_, [&](const auto& entry) { return entry.second.step == step; });
  if (static_cast<size_t>(same) >= kMaxStreamsPerStep) {
    return Error{ErrorCode::exhausted,
                 "the step has " + std::to_string(same) + " stream clients, the most it takes"};
  }
  const ClientKey key{incoming.route, incoming.tag};
  Client& client = clients_[key];
  client.step = step;
  client.uid = ticket.uid;
  client.opening = incoming.body;
  client.heard = client.since = boot_time();
  return connect(key, client);
}

// An error drops the client; a step that is not here yet is none.
Result<void> StreamPort::connect(const ClientKey& key, Client& client) {
  const StepFolder* folder = find_folder_(client.step);
  if (folder == nullptr) return {};
  const StepLaunch launch = TRY(folder->read_launch());
  if (launch.uid != client.uid) {
    return Error{ErrorCode::denied, "the ticket is for uid " + std::to_string(client.uid) +
                                        ", the step is of uid " + std::to_string(launch.uid)};
  }
  client.channel = FrameChannel(TRY(connect_at(folder->path(), kShepherdSocket)));
  TRY(client.channel.send_body(client.opening));
  client.opening.clear();
  watch(key, client);
  return {};
}

void StreamPort::on_steps_changed() {
  std::vector<std::pair<ClientKey, Error>> refused;
  for (auto& [key, client] : clients_) {
    if (client.channel.open()) continue;
    const Result<void> done = connect(key, client);
    if (!done.ok()) refused.emplace_back(key, done.error());
  }
  for (const auto& [key, error] : refused) refuse(key, error);
}

void StreamPort::forward(const ClientKey& key, Client& client, std::string_view body) {
  if (!client.channel.open()) {
    // Held: only pings make sense, and they have said that the client is there.
    const Result<Message> message = decode(body);
    const auto* ping = message.ok() ? std::get_if<StreamPing>(&*message) : nullptr;
    if (ping != nullptr && ping->bye) return drop(key);
    if (ping != nullptr) (void)socket_.send(key.first, key.second, encode(StreamPing{}));
    return;
  }
  if (!client.channel.send_body(body).ok()) {
    return refuse(key, Error{ErrorCode::unavailable, "the step has gone"});
  }
  if (client.channel.backlog() > kMaxRelayBacklog) {
    return refuse(key, Error{ErrorCode::exhausted, "more was sent than was acknowledged"});
  }
  watch(key, client);
}

void StreamPort::on_ready(const ClientKey& key, uint32_t events) {
  const auto found = clients_.find(key);
  if (found == clients_.end()) return;
  Client& client = found->second;
  bool alive = (events & EPOLLOUT) == 0 || client.channel.flush().ok();
  if (alive && (events & ~uint32_t{EPOLLOUT}) != 0) {
    const Result<bool> more = client.channel.fill();
    alive = more.ok() && *more;
  }
  for (;;) {
    Result<std::optional<Bytes>> body = client.channel.next_body();
    if (!body.ok()) alive = false;
    if (!body.ok() || !*body) break;
    // A client that does not take what it gave credit for is gone, or no client of ours.
    if (!socket_.send(key.first, key.second, std::move(**body))) return drop(key);
  }
  if (!alive) return refuse(key, Error{ErrorCode::unavailable, "the step's shepherd has gone"});
  watch(key, client);
}

void StreamPort::drop_silent() {
  const Milliseconds now = boot_time();
  std::vector<ClientKey> silent;
  std::vector<ClientKey> late;
  for (const auto& [key, client] : clients_) {
    if (now - client.heard > kStreamSilence) {
      silent.push_back(key);
    } else if (!client.channel.open() && now - client.since > kStreamHold) {
      late.push_back(key);
    }
  }
  for (const ClientKey& key : silent) drop(key);
  for (const ClientKey& key : late) {
    refuse(key, Error{ErrorCode::not_found, "the step did not come to this node"});
  }
}

void StreamPort::watch(const ClientKey& key, Client& client) {
  const uint32_t events =
      uint32_t{EPOLLIN} | (client.channel.wants_write() ? uint32_t{EPOLLOUT} : 0U);
  if (events == client.watched) return;
  if (client.watched == 0) {
    const auto ready = [this, key](uint32_t what) { on_ready(key, what); };
    if (!poller_.add(client.channel.fd(), events, ready).ok()) return;
  } else {
    (void)poller_.modify(client.channel.fd(), events).ok();
  }
  client.watched = events;
}

void StreamPort::refuse(const ClientKey& key, const Error& error) {
  const ClientKey copy = key;  // `key` may be the map's own
  (void)socket_.send(copy.first, copy.second,
                     encode(ErrorReply{.code = error.code, .text = error.text}));
  drop(copy);
}

void StreamPort::drop(const ClientKey& key) {
  const auto found = clients_.find(key);
  if (found == clients_.end()) return;
  if (found->second.watched != 0) poller_.remove(found->second.channel.fd());
  clients_.erase(found);
}

}  // namespace gd::agent

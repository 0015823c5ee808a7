// Many connections over one stream of bytes: gdsh -L at one end, gdport in a job at the other.
//
//   frame (proto/byte_frames.h): kind, number of the connection, bytes
//     open   "HOST PORT": connect there          data   what was read
//     end    no more data this way               room   "65536": so many bytes were written out
//     close  it is over both ways; why, if it is worth a word
//
// Each way of each connection has kPortWindow bytes under way at most, so that one that nobody
// reads keeps no other waiting. The side that has clients opens and chooses the numbers. Who
// breaks the rules ends the whole conversation.
//
// Owns the sockets. The stream is the caller's: it takes what send() gives, calls take() with what
// came, and says by has_room() whether it can take more; while not, no socket is read.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/poller.h"
#include "base/result.h"
#include "proto/byte_frames.h"

namespace gd {

inline constexpr size_t kMaxPortLinks = 256;                  // at once
inline constexpr size_t kPortWindow = size_t{256} << 10;      // bytes under way, each way of a link
inline constexpr size_t kMaxPortFrame = size_t{32} << 10;     // bytes of a frame
inline constexpr size_t kMaxPortBacklog = size_t{512} << 10;  // that a caller keeps: see has_room

struct PortEvents {
  std::function<void(std::string_view bytes)> send;
  std::function<bool()> has_room;
  // The other side wants a connection: to be answered by accept() or refuse(), at once. Without
  // it nobody may open here.
  std::function<void(uint32_t number, std::string_view target)> on_open;
  // The other side has closed one for a reason.
  std::function<void(std::string_view why)> on_closed;
};

class PortMux {
 public:
  PortMux(Poller& poller, PortEvents events);
  ~PortMux();
  PortMux(const PortMux&) = delete;
  PortMux& operator=(const PortMux&) = delete;

  // A connection of ours, which the other side is to carry on to `target`; exhausted if there
  // are kMaxPortLinks.
  Result<void> open(UniqueFd socket, std::string_view target);
  void accept(uint32_t number, UniqueFd socket);  // which does not block, and may not be up yet
  void refuse(uint32_t number, std::string_view why);

  Result<void> take(std::string_view bytes);
  void on_room();  // has_room() is true again
  [[nodiscard]] size_t links() const { return links_.size(); }

 private:
  enum class Kind : uint8_t { open = 1, data = 2, end = 3, room = 4, close = 5 };
  struct Link {
    UniqueFd socket;
    uint32_t watched = 0;
    size_t credit = kPortWindow;  // bytes that may still be sent to the other side
    std::string waiting;          // from there, for the socket
    size_t written = 0;           // of it, not told as room yet
    size_t held = 0;              // bytes that the other side counts as under way
    bool connecting = false;
    bool read_over = false;   // our socket has ended, and that was told
    bool write_over = false;  // the other side has ended
    bool shut = false;        // and so was our socket
  };
  using Links = std::map<uint32_t, Link>;

  void send(Kind kind, uint32_t number, std::string_view bytes);
  Result<void> obey(const ByteFrame& frame);
  Result<void> take_data(uint32_t number, Link& link, std::string_view bytes);
  void on_ready(uint32_t number, uint32_t events);
  void read(Links::iterator at);
  void write(Links::iterator at);
  void settle(Links::iterator at);  // after anything that happened to it; may end it
  void fail(Links::iterator at, std::string_view why);
  void watch(uint32_t number, Link& link);
  void erase(Links::iterator at);

  Poller& poller_;
  PortEvents events_;
  ByteFrameReader reader_;
  Links links_;
  uint32_t next_ = 1;
};

}  // namespace gd

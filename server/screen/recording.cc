#include "server/screen/recording.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace gd::screen {
namespace {

// How many octets at the end are the beginning of a character that is not whole.
size_t unfinished(std::string_view text) {
  const size_t most = std::min<size_t>(text.size(), 3);
  for (size_t back = 1; back <= most; ++back) {
    const auto octet = static_cast<unsigned char>(text[text.size() - back]);
    if ((octet & 0xc0) == 0x80) continue;  // the lead is further to the front
    const size_t length = octet >= 0xf0 ? 4 : octet >= 0xe0 ? 3 : octet >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

}  // namespace

std::string recording_head(const RecordingHead& head) {
  JsonWriter json{JsonStyle::compact};
  json.begin_object().key("version").number(2);
  json.key("width").number(head.size.columns).key("height").number(head.size.rows);
  json.key("timestamp").number(head.timestamp);
  if (!head.title.empty()) json.key("title").string(head.title);
  if (!head.term.empty()) json.key("env").begin_object().key("TERM").string(head.term).end_object();
  return json.end_object().take() + "\n";
}

std::string Recording::shown(std::string_view bytes, Milliseconds now) {
  part_ += bytes;
  const size_t kept = unfinished(part_);
  const std::string whole = part_.substr(0, part_.size() - kept);
  part_.erase(0, whole.size());
  return whole.empty() ? "" : event("o", whole, now);
}

std::string Recording::resized(ScreenSize size, Milliseconds now) const {
  return event("r", std::to_string(size.columns) + "x" + std::to_string(size.rows), now);
}

std::string Recording::event(std::string_view kind, std::string_view text, Milliseconds now) const {
  JsonWriter json{JsonStyle::compact};
  json.begin_array().real(static_cast<double>((now - begun_).count()) / 1000);
  return json.string(kind).string(text).end_array().take() + "\n";
}

}  // namespace gd::screen

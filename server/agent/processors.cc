#include "server/agent/processors.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace gd::agent {
namespace {

bool holds(const Processors& all, uint32_t one) {
  return std::ranges::binary_search(all, one);
}

// What is left of a core.
struct Part {
  Processors free;
  bool whole = true;
};

using Sockets = std::map<uint32_t, std::vector<Part>>;

Sockets what_is_free(std::span<const Core> cores, const Processors& taken) {
  Sockets sockets;
  for (const Core& core : cores) {
    Part part;
    for (const uint32_t thread : core.threads) {
      if (!holds(taken, thread)) part.free.push_back(thread);
    }
    part.whole = part.free.size() == core.threads.size();
    if (!part.free.empty()) sockets[core.socket].push_back(std::move(part));
  }
  return sockets;
}

uint32_t count_of(const std::vector<Part>& parts) {
  uint32_t count = 0;
  for (const Part& part : parts) count += static_cast<uint32_t>(part.free.size());
  return count;
}

// Takes from a socket, at most what it has. Whole cores first as long as all of one is wanted,
// then what others have left over.
void take(std::vector<Part> parts, uint32_t count, Processors& chosen) {
  const auto use = [&](Part& part) {
    const size_t most = std::min<size_t>(count, part.free.size());
    chosen.insert(chosen.end(), part.free.begin(), part.free.begin() + static_cast<long>(most));
    count -= static_cast<uint32_t>(most);
    part.free.clear();
  };
  for (Part& part : parts) {
    if (part.whole && part.free.size() <= count) use(part);
  }
  std::ranges::stable_sort(parts, {}, [](const Part& part) { return part.whole; });
  for (Part& part : parts) use(part);
}

// Runs of processors that are never divided.
std::vector<Processors> units_of(std::span<const Core> cores, const Processors& mine,
                                 CpuBind unit) {
  std::map<uint32_t, Processors> sockets;
  std::vector<Processors> units;
  for (const Core& core : cores) {
    Processors own;
    for (const uint32_t thread : core.threads) {
      if (holds(mine, thread)) own.push_back(thread);
    }
    if (own.empty()) continue;
    if (unit == CpuBind::cores) units.push_back(own);
    for (const uint32_t thread : own) {
      if (unit == CpuBind::threads) units.push_back({thread});
      sockets[core.socket].push_back(thread);
    }
  }
  if (unit != CpuBind::sockets) return units;
  for (auto& [socket, own] : sockets) units.push_back(std::move(own));
  return units;
}

}  // namespace

std::string format_processors(const Processors& processors) {
  std::string text;
  for (size_t i = 0; i < processors.size();) {
    size_t end = i + 1;
    while (end < processors.size() && processors[end] == processors[end - 1] + 1) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(processors[i]);
    if (end - i > 1) text += '-' + std::to_string(processors[end - 1]);
    i = end;
  }
  return text;
}

Result<Processors> parse_processors(std::string_view text) {
  Processors all;
  for (const std::string_view range : split(trim(text), ',')) {
    const size_t dash = range.find('-');
    const auto first = TRY(parse_number<uint32_t>(range.substr(0, dash), 0, kMostProcessors - 1));
    const auto last =
        dash == std::string_view::npos
            ? first
            : TRY(parse_number<uint32_t>(range.substr(dash + 1), first, kMostProcessors - 1));
    for (uint32_t one = first; one <= last; ++one) all.push_back(one);
  }
  std::ranges::sort(all);
  const auto doubled = std::ranges::unique(all);
  all.erase(doubled.begin(), doubled.end());
  return all;
}

std::string processor_mask(const Processors& processors) {
  if (processors.empty()) return "0x0";
  std::string digits(processors.back() / 4 + 1, '0');
  for (const uint32_t one : processors) {
    char& digit = digits[digits.size() - 1 - one / 4];
    const int value = (digit <= '9' ? digit - '0' : digit - 'A' + 10) | 1 << one % 4;
    digit = "0123456789ABCDEF"[value];
  }
  return "0x" + digits;
}

std::string format_core(const Core& core) {
  return std::to_string(core.socket) + " " + format_processors(core.threads);
}

Result<Core> parse_core(std::string_view text) {
  const size_t blank = text.find(' ');
  if (blank == std::string_view::npos) {
    return Error{ErrorCode::invalid, "'" + printable(text, 60) + "' is not SOCKET THREADS"};
  }
  Core core;
  core.socket = TRY(parse_number<uint32_t>(text.substr(0, blank)));
  core.threads = TRY(parse_processors(text.substr(blank + 1)));
  return core;
}

std::optional<Processors> choose_processors(std::span<const Core> cores, const Processors& taken,
                                            uint32_t count) {
  std::vector<std::vector<Part>> sockets;
  uint32_t all = 0;
  for (auto& [socket, parts] : what_is_free(cores, taken)) {
    all += count_of(parts);
    sockets.push_back(std::move(parts));
  }
  if (all < count) return std::nullopt;
  // The fullest that has room; if none has, the emptiest first.
  std::ranges::stable_sort(sockets, {}, [&](const std::vector<Part>& parts) {
    const uint32_t free = count_of(parts);
    return free >= count ? uint64_t{free} : UINT64_MAX - free;
  });
  Processors chosen;
  for (std::vector<Part>& parts : sockets) {
    const auto left = count - static_cast<uint32_t>(chosen.size());
    if (left == 0) break;
    take(std::move(parts), left, chosen);
  }
  std::ranges::sort(chosen);
  return chosen;
}

std::vector<Processors> share_out_processors(std::span<const Core> cores, const Processors& mine,
                                             CpuBind unit, uint32_t tasks, uint32_t each) {
  std::vector<Processors> shares(tasks, mine);
  if (unit == CpuBind::none) return shares;
  const std::vector<Processors> units = units_of(cores, mine, unit);
  size_t next = 0;
  std::vector<Processors> own(tasks);
  for (Processors& share : own) {
    while (share.size() < each) {
      if (next == units.size()) return shares;
      share.insert(share.end(), units[next].begin(), units[next].end());
      ++next;
    }
    std::ranges::sort(share);
  }
  return own;
}

}  // namespace gd::agent

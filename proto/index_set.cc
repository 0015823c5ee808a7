// Runs in rising order. Every operation is one sweep that appends to a new set, and
// append() alone decides what becomes one run.
#include "proto/index_set.h"

#include <algorithm>

#include "base/text.h"

namespace gd {

namespace {

constexpr uint32_t kShortestStepped = 5;  // a shorter run of a step is written as its elements

// The last element of the run that is not above `most`; the run begins at or before it.
uint32_t last_up_to(const IndexRun& run, uint32_t most) {
  return run.first + (std::min(run.last, most) - run.first) / run.step * run.step;
}

bool has(const IndexRun& run, uint32_t element) {
  return element >= run.first && element <= run.last && (element - run.first) % run.step == 0;
}

Result<IndexRun> parse_run(std::string_view text) {
  IndexRun run;
  const size_t dash = text.find('-');
  run.first = TRY(parse_number<uint32_t>(text.substr(0, dash), 0, kMaxArrayIndex));
  run.last = run.first;
  if (dash == std::string_view::npos) return run;
  const std::string_view rest = text.substr(dash + 1);
  const size_t colon = rest.find(':');
  run.last = TRY(parse_number<uint32_t>(rest.substr(0, colon), 0, kMaxArrayIndex));
  if (run.last < run.first) {
    return Error{ErrorCode::invalid, "'" + printable(text) + "' ends before it begins"};
  }
  if (colon != std::string_view::npos) {
    run.step = TRY(parse_number<uint32_t>(rest.substr(colon + 1), 1, kMaxArrayIndex));
  }
  run.last = last_up_to(run, run.last);
  return run;
}

}  // namespace

IndexSet IndexSet::range(uint32_t first, uint32_t last, uint32_t step) {
  IndexSet set;
  set.append(IndexRun{first, last_up_to({first, last, step}, last), step});
  return set;
}

bool IndexSet::is_valid() const {
  if (runs.size() > kMaxIndexRuns) return false;
  const IndexRun* before = nullptr;
  for (const IndexRun& run : runs) {
    if (run.step == 0 || run.last < run.first || run.last > kMaxArrayIndex) return false;
    if (run.step > kMaxArrayIndex || (run.last - run.first) % run.step != 0) return false;
    if (before != nullptr && run.first <= before->last) return false;
    before = &run;
  }
  return true;
}

uint32_t IndexSet::size() const {
  uint32_t size = 0;
  for (const IndexRun& run : runs) size += run.size();
  return size;
}

bool IndexSet::contains(uint32_t element) const {
  const auto run = std::lower_bound(runs.begin(), runs.end(), element,
                                    [](const IndexRun& r, uint32_t e) { return r.last < e; });
  return run != runs.end() && has(*run, element);
}

void IndexSet::append(IndexRun run) {
  const bool one = run.first == run.last;
  if (one) run.step = 1;
  if (runs.empty()) {
    runs.push_back(run);
    return;
  }
  IndexRun& end = runs.back();
  const uint32_t gap = run.first - end.last;
  const uint32_t count = end.size();
  if (count == 1 && (one || gap == run.step)) {
    end = {end.first, run.last, gap};
  } else if (count > 1 && gap == end.step && (one || run.step == gap)) {
    end.last = run.last;
  } else if (one && count == 2 && gap < end.step) {  // two that only happened to be neighbours
    const uint32_t second = end.last;
    end = {end.first, end.first, 1};
    runs.push_back({second, run.last, gap});
  } else {
    runs.push_back(run);
  }
}

// Each run is cut where a run of the other begins and ends; a piece is common, or not, as a
// whole, except where the steps differ.
IndexSet IndexSet::sweep(const IndexSet& other, bool keep_common) const {
  IndexSet result;
  auto cut = other.runs.begin();
  for (IndexRun rest : runs) {
    while (rest.first <= rest.last) {
      while (cut != other.runs.end() && cut->last < rest.first) ++cut;
      if (cut == other.runs.end() || cut->first > rest.last) break;
      if (cut->first > rest.first) {
        const uint32_t before = last_up_to(rest, cut->first - 1);
        if (!keep_common) result.append(IndexRun{rest.first, before, rest.step});
        rest.first = before + rest.step;
        continue;
      }
      const IndexRun piece{rest.first, last_up_to(rest, cut->last), rest.step};
      if (cut->step == 1 || (cut->step == rest.step && has(*cut, piece.first))) {
        if (keep_common) result.append(piece);
      } else {
        for (uint32_t at = piece.first; at <= piece.last; at += piece.step) {
          if (has(*cut, at) == keep_common) result.append(at);
        }
      }
      rest.first = piece.last + rest.step;
    }
    if (!keep_common && rest.first <= rest.last) result.append(rest);
  }
  return result;
}

IndexSet IndexSet::united(const IndexSet& other) const {
  std::vector<IndexRun> left = runs;
  std::vector<IndexRun> right = other.minus(*this).runs;
  IndexSet result;
  size_t l = 0;
  size_t r = 0;
  // The next elements of both in turn; whole runs where nothing of the other lies between.
  const auto take = [&](IndexRun& from, size_t& at, const IndexRun* beside) {
    IndexRun piece = from;
    if (beside != nullptr) piece.last = last_up_to(piece, beside->first);
    result.append(piece);
    if (piece.last == from.last)
      ++at;
    else
      from.first = piece.last + from.step;
  };
  while (l < left.size() || r < right.size()) {
    const IndexRun* of_left = l < left.size() ? &left[l] : nullptr;
    const IndexRun* of_right = r < right.size() ? &right[r] : nullptr;
    const bool left_first =
        of_right == nullptr || (of_left != nullptr && of_left->first < of_right->first);
    if (left_first)
      take(left[l], l, of_right);
    else
      take(right[r], r, of_left);
  }
  return result;
}

std::string IndexSet::text(size_t most) const {
  std::string text;
  IndexRun open;  // consecutive elements that are not written yet
  bool has_open = false;
  const auto write = [&](const IndexRun& run) {
    if (!text.empty()) text += ',';
    text += std::to_string(run.first);
    if (run.last != run.first) text += "-" + std::to_string(run.last);
    if (run.step != 1) text += ":" + std::to_string(run.step);
  };
  const auto flush = [&] {
    if (has_open) write(open);
    has_open = false;
  };
  const auto add = [&](uint32_t first, uint32_t last) {
    if (has_open && first == open.last + 1) {
      open.last = last;
      return;
    }
    flush();
    open = {first, last, 1};
    has_open = true;
  };
  for (const IndexRun& run : runs) {
    if (run.step == 1) {
      add(run.first, run.last);
    } else if (run.size() < kShortestStepped) {
      for (uint32_t at = run.first; at <= run.last; at += run.step) add(at, at);
    } else {
      flush();
      write(run);
    }
    if (text.size() > most) break;
  }
  flush();
  if (text.size() <= most) return text;
  text.resize(most < 3 ? 0 : most - 3);
  return text + "...";
}

Result<IndexSet> parse_index_set(std::string_view text) {
  std::vector<IndexRun> named;
  uint64_t elements = 0;
  for (const std::string_view part : split(text, ',')) {
    named.push_back(TRY(parse_run(part)));
    elements += named.back().size();
    if (named.size() > kMaxIndexRuns || elements > 2 * uint64_t{kMaxArrayIndex}) {
      return Error{ErrorCode::invalid, "more than " + std::to_string(kMaxIndexRuns) +
                                           " ranges, or elements named over and over"};
    }
  }
  std::sort(named.begin(), named.end(),
            [](const IndexRun& a, const IndexRun& b) { return a.first < b.first; });
  IndexSet set;
  for (const IndexRun& run : named) {
    if (set.empty() || run.first > set.back())
      set.append(run);
    else
      set = set.united(IndexSet::range(run.first, run.last, run.step));
  }
  if (set.is_valid()) return set;
  return Error{ErrorCode::invalid, "more than " + std::to_string(kMaxIndexRuns) + " ranges"};
}

Result<ArraySpec> parse_array_spec(std::string_view text) {
  ArraySpec array;
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const size_t percent = text.find('%');
  std::string_view elements = text.substr(0, percent);
  if (percent != std::string_view::npos) {
    array.limit = TRY(parse_number<uint32_t>(text.substr(percent + 1)));
  }
  if (elements.starts_with('[') && elements.ends_with(']')) {
    elements = elements.substr(1, elements.size() - 2);
  }
  array.elements = TRY(parse_index_set(elements));
  return array;
}

std::string format_array_spec(const ArraySpec& array, size_t most) {
  std::string text = array.elements.text(most);
  if (array.limit != 0) text += "%" + std::to_string(array.limit);
  return text;
}

}  // namespace gd

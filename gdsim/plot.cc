#include "gdsim/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace gd::sim {

namespace {

constexpr int kColumns = 900;  // one is a unit wide
constexpr int kLeft = 70;
constexpr int kChartHeight = 180;
constexpr int kGap = 60;

using Columns = std::array<double, kColumns>;

struct Span {
  double begin = 0;
  double end = 0;
};

// Adds `amount` over a span of time, given in columns.
void add(Columns& columns, Span span, double amount) {
  span.begin = std::clamp(span.begin, 0.0, static_cast<double>(kColumns));
  span.end = std::clamp(span.end, span.begin, static_cast<double>(kColumns));
  for (auto i = static_cast<int>(span.begin); i < kColumns && i < span.end; ++i) {
    const double part = std::min(span.end, i + 1.0) - std::max(span.begin, static_cast<double>(i));
    columns[static_cast<size_t>(i)] += amount * part;
  }
}

std::string number(double value) {
  char text[64];
  (void)std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string label(double x, double y, std::string_view anchor, std::string_view words) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" +
         std::string(anchor) + "\">" + std::string(words) + "</text>\n";
}

// A filled step line with its axis; `top` is the value at the upper edge.
std::string chart(const Columns& columns, int upper_edge, double top, std::string_view title,
                  std::string_view colour) {
  const int floor = upper_edge + kChartHeight;
  std::string path = "M" + std::to_string(kLeft) + " " + std::to_string(floor);
  for (int i = 0; i < kColumns; ++i) {
    const double part = top > 0 ? columns[static_cast<size_t>(i)] / top : 0;
    path += "V" + number(floor - kChartHeight * part) + "H" + std::to_string(kLeft + i + 1);
  }
  std::string text = "<path fill=\"" + std::string(colour) + "\" d=\"" + path + "V" +
                     std::to_string(floor) + "Z\"/>\n";
  text += "<path fill=\"none\" stroke=\"#444\" d=\"M" + std::to_string(kLeft) + " " +
          std::to_string(upper_edge) + "V" + std::to_string(floor) + "H" +
          std::to_string(kLeft + kColumns) + "\"/>\n";
  text += label(kLeft - 6, upper_edge + 5, "end", number(top));
  text += label(kLeft - 6, floor, "end", "0");
  text += label(kLeft, upper_edge - 8, "start", title);
  return text;
}

}  // namespace

std::string plot_svg(const Workload& workload, const Schedule& schedule) {
  Seconds first = Seconds::max();
  Seconds last{};
  for (size_t i = 0; i < workload.jobs.size(); ++i) {
    first = std::min(first, workload.jobs[i].submit);
    last = std::max(last, schedule.jobs[i].end);
  }
  const double length = std::max<double>(1, static_cast<double>((last - first).count()));
  const auto column = [&](Seconds at) {
    return static_cast<double>((at - first).count()) * kColumns / length;
  };
  Columns used{};
  Columns waiting{};
  for (size_t i = 0; i < workload.jobs.size(); ++i) {
    const WorkJob& job = workload.jobs[i];
    const Seconds start = schedule.jobs[i].start;
    add(used, {column(start), column(schedule.jobs[i].end)}, job.cpus);
    add(waiting, {column(job.submit), column(start)}, 1);
  }
  const double most = std::max(1.0, std::ceil(*std::max_element(waiting.begin(), waiting.end())));
  const int second = 30 + kChartHeight + kGap;
  const int height = second + kChartHeight + 40;
  std::string text =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " +
      std::to_string(kLeft + kColumns + 20) + " " + std::to_string(height) +
      "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"#fff\"/>\n";
  text += chart(used, 30, static_cast<double>(workload.cpus()), "cpus in use", "#3b7dd8");
  text += chart(waiting, second, most, "jobs waiting", "#d8803b");
  text += label(kLeft, height - 18, "start", "0");
  text += label(kLeft + kColumns, height - 18, "end", number(length / 86400) + " days");
  return text + "</svg>\n";
}

}  // namespace gd::sim

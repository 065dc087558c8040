#include "report/plot.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/escape.h"

namespace resprobe::report {
namespace {

// In units of the picture, which are pixels on a narrow screen.
constexpr double kWidth = 380;
constexpr double kHeight = 220;
constexpr double kLeft = 60;
constexpr double kRight = 10;
constexpr double kTop = 10;
constexpr double kBottom = 36;
// More points than this cannot be seen.
constexpr size_t kMostPoints = 400;

// 1200000 -> "1.2M".
std::string AxisText(double number) {
  const double size = std::abs(number);
  for (const auto& [unit, name] : {std::pair(1e9, "G"), {1e6, "M"}, {1e3, "k"}}) {
    if (size >= unit) return absl::StrFormat("%g%s", number / unit, name);
  }
  return absl::StrFormat("%g", number);
}

// Of each bucket of points the lowest and the highest, in their order: peaks stay.
std::vector<std::pair<double, double>> Thinned(const std::vector<std::pair<double, double>>& all) {
  if (all.size() <= kMostPoints) return all;
  std::vector<std::pair<double, double>> points;
  constexpr size_t kBuckets = kMostPoints / 2;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(bucket * all.size() / kBuckets);
    const auto end =
        all.begin() + static_cast<std::ptrdiff_t>((bucket + 1) * all.size() / kBuckets);
    auto [low, high] = std::minmax_element(
        begin, end, [](const auto& a, const auto& b) { return a.second < b.second; });
    if (high < low) std::swap(low, high);
    points.push_back(*low);
    if (low != high) points.push_back(*high);
  }
  return points;
}

struct Range {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();

  void Add(double value) {
    if (!std::isfinite(value)) return;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  bool empty() const { return least > most; }
};

}  // namespace

std::vector<double> TicksOf(double least, double most, int count) {
  const double range = most - least;
  if (!(range > 0) || !std::isfinite(range)) return {least};
  const double raw = range / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::ceil(least / step - 1e-9);
  for (double i = first; i * step <= most + step * 1e-9; ++i) {
    ticks.push_back(i == 0 ? 0 : i * step);
  }
  return ticks;
}

std::string SvgOf(const Plot& plot) {
  Range x;
  Range y;
  for (const Plot::Line& line : plot.lines) {
    for (const auto& [at, value] : line.points) {
      x.Add(at);
      y.Add(value);
    }
  }
  if (x.empty() || y.empty()) return "";
  // From zero, unless all of it is far away: a plot of small changes of a large value shows them.
  if (y.least > 0 && y.least < 0.7 * y.most) y.least = 0;
  if (y.most == y.least) {
    y.most += y.most == 0 ? 1 : std::abs(y.most) * 0.1;
    y.least -= std::abs(y.least) * 0.1;
  }
  if (x.most == x.least) x.most = x.least + 1;
  const auto at_x = [&](double value) {
    return kLeft + (value - x.least) / (x.most - x.least) * (kWidth - kLeft - kRight);
  };
  const auto at_y = [&](double value) {
    return kHeight - kBottom - (value - y.least) / (y.most - y.least) * (kHeight - kTop - kBottom);
  };
  std::string svg =
      absl::StrFormat("<svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"%s\">", kWidth, kHeight,
                      XmlText(plot.title + ": " + plot.y + " by " + plot.x));
  constexpr int kTicks = 4;
  for (const double tick : TicksOf(y.least, y.most, kTicks)) {
    svg += absl::StrFormat(
        "<line class=\"grid\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>"
        "<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
        kLeft, kWidth - kRight, at_y(tick), at_y(tick), kLeft - 5, at_y(tick) + 4, AxisText(tick));
  }
  for (const double tick : TicksOf(x.least, x.most, kTicks)) {
    const double at = at_x(tick);
    svg += absl::StrFormat("<text x=\"%.1f\" y=\"%g\" text-anchor=\"%s\">%s</text>", at,
                           kHeight - kBottom + 15, at > kWidth - 25 ? "end" : "middle",
                           AxisText(tick));
  }
  svg += absl::StrFormat(
      "<line class=\"axis\" x1=\"%g\" x2=\"%g\" y1=\"%g\" y2=\"%g\"/>"
      "<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">%s</text>",
      kLeft, kWidth - kRight, kHeight - kBottom, kHeight - kBottom, (kLeft + kWidth - kRight) / 2,
      kHeight - 4, XmlText(plot.x));
  for (size_t i = 0; i < plot.lines.size(); ++i) {
    const Plot::Line& line = plot.lines[i];
    std::string points;
    size_t drawn = 0;
    for (const auto& [at, value] : Thinned(line.points)) {
      if (!std::isfinite(at) || !std::isfinite(value)) continue;
      absl::StrAppendFormat(&points, "%s%.1f,%.1f", points.empty() ? "" : " ", at_x(at),
                            at_y(value));
      ++drawn;
    }
    const std::string colour = "s" + std::to_string(i % kPlotColours);
    const std::string title = "<title>" + XmlText(line.name) + "</title>";
    if (drawn == 1) {
      const size_t comma = points.find(',');
      svg += "<circle class=\"dot " + colour + "\" r=\"3\" cx=\"" + points.substr(0, comma) +
             "\" cy=\"" + points.substr(comma + 1) + "\">" + title + "</circle>";
    } else if (drawn > 1) {
      svg += "<polyline class=\"line " + colour + "\" points=\"" + points + "\">" + title +
             "</polyline>";
    }
  }
  return svg + "</svg>";
}

}  // namespace resprobe::report

#ifndef RESPROBE_REPORT_PLOT_H_
#define RESPROBE_REPORT_PLOT_H_

#include <string>
#include <vector>

#include "report/report.h"

namespace resprobe::report {

// The plot as an SVG element to stand in HTML. Its colours are the classes s0, s1, … of the page,
// so that they follow its colour scheme; what the lines are called is for the page to say. "" if
// there is no point to draw.
std::string SvgOf(const Plot& plot);

inline constexpr size_t kPlotColours = 8;

// Round numbers that divide the range, ascending, about `count` of them: those of an axis.
std::vector<double> TicksOf(double least, double most, int count);

}  // namespace resprobe::report

#endif  // RESPROBE_REPORT_PLOT_H_

#ifndef RESPROBE_HISTORY_PICTURE_H_
#define RESPROBE_HISTORY_PICTURE_H_

#include <cstddef>
#include <string>

#include "history/history.h"
#include "history/linearizer.h"

namespace resprobe::history {

// A violation as overlapping intervals: a line for each operation of the failing prefix, a column
// for each begin and end, since only their order matters. Of a long prefix only the end is shown:
// the last `columns` begins and ends, and the operations that reach into them.

// "!" marks the operation whose reply fits in no order. "" if there is no violation.
std::string Picture(const History& history, const LinearizerResult& result, size_t columns = 60);

// The same as an SVG image, in colours that suit a light and a dark page.
std::string PictureSvg(const History& history, const LinearizerResult& result, size_t columns = 60);

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_PICTURE_H_

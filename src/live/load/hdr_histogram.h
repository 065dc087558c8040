#ifndef RESPROBE_LIVE_LOAD_HDR_HISTOGRAM_H_
#define RESPROBE_LIVE_LOAD_HDR_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace resprobe::live {

// A histogram of HdrHistogram's buckets (hdrhistogram.org): values from 1 to an hour of
// nanoseconds, each kept with three significant digits, in memory that does not depend on how many
// there are. Histograms of different threads or seconds add up without loss.
class HdrHistogram {
 public:
  static constexpr int64_t kHighest = int64_t{3600} * 1'000'000'000;
  static constexpr int kDigits = 3;

  HdrHistogram();

  // A value below 1 counts as 1, one above kHighest as kHighest.
  void Record(int64_t value, int64_t times = 1);
  void Add(const HdrHistogram& other);
  void Reset();

  int64_t count() const { return count_; }
  int64_t min() const { return count_ == 0 ? 0 : min_; }
  int64_t max() const { return max_; }
  double mean() const;
  // The value that this many percent of all values do not exceed: the highest value of its bucket,
  // as HdrHistogram reports it, but never more than max().
  int64_t Percentile(double percent) const;

  // The encoding "V2, compressed" of HdrHistogram's logs, in base64. The compressed data is stored,
  // not deflated, which every reader of zlib's format accepts.
  std::string Encoded() const;

 private:
  static size_t IndexOf(int64_t value);
  static int64_t LowestOf(size_t index);
  static int64_t HighestOf(size_t index);

  std::vector<int64_t> counts_;
  int64_t count_ = 0;
  int64_t min_ = 0;
  int64_t max_ = 0;
};

// The head of a log file in the format 1.3, and one of its lines: an interval of a run, in seconds
// since its start. Values are nanoseconds, and the readers' usual unit of output is milliseconds.
std::string HdrLogHead(double start_since_epoch);
std::string HdrLogLine(const std::string& tag, double start_seconds, double length_seconds,
                       const HdrHistogram& histogram);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_LOAD_HDR_HISTOGRAM_H_

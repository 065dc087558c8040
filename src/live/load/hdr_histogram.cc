#include "live/load/hdr_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace resprobe::live {
namespace {

// For three digits a bucket is split into the power of two above 2 * 10^3.
constexpr int kHalfMagnitude = 10;
constexpr int64_t kHalf = int64_t{1} << kHalfMagnitude;
constexpr int64_t kSubBuckets = 2 * kHalf;

void AppendBig(std::string* out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) *out += static_cast<char>(value >> (8 * i));
}

// ZigZag, then LEB128 of at most nine bytes, the last of which has eight bits.
void AppendZigZag(std::string* out, int64_t value) {
  auto bits = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  constexpr int kMost = 9;
  for (int i = 1; i < kMost && bits >= 0x80; ++i) {
    *out += static_cast<char>(bits | 0x80);
    bits >>= 7;
  }
  *out += static_cast<char>(bits);
}

std::string Stored(std::string_view data) {
  std::string zlib("\x78\x01", 2);
  uint32_t a = 1;
  uint32_t b = 0;
  constexpr uint32_t kModulus = 65521;
  for (const char c : data) {
    a = (a + static_cast<uint8_t>(c)) % kModulus;
    b = (b + a) % kModulus;
  }
  do {
    constexpr size_t kMost = 65535;
    const std::string_view block = data.substr(0, kMost);
    data.remove_prefix(block.size());
    const auto size = static_cast<uint16_t>(block.size());
    zlib += static_cast<char>(data.empty() ? 1 : 0);
    for (const uint16_t word : {size, static_cast<uint16_t>(~size)}) {
      zlib += static_cast<char>(word);
      zlib += static_cast<char>(word >> 8);
    }
    zlib += block;
  } while (!data.empty());
  AppendBig(&zlib, b << 16 | a, 4);
  return zlib;
}

std::string Base64(std::string_view bytes) {
  constexpr char kDigits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t size = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < size ? static_cast<uint8_t>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      text += j <= size ? kDigits64[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

}  // namespace

HdrHistogram::HdrHistogram() : counts_(IndexOf(kHighest) + 1, 0) {}

size_t HdrHistogram::IndexOf(int64_t value) {
  const auto bits = static_cast<uint64_t>(value | (kSubBuckets - 1));
  const int bucket = std::bit_width(bits) - (kHalfMagnitude + 1);
  const int64_t sub = value >> bucket;
  return static_cast<size_t>(((int64_t{bucket} + 1) << kHalfMagnitude) + sub - kHalf);
}

int64_t HdrHistogram::LowestOf(size_t index) {
  int bucket = static_cast<int>(index >> kHalfMagnitude) - 1;
  int64_t sub = static_cast<int64_t>(index & static_cast<size_t>(kHalf - 1)) + kHalf;
  if (bucket < 0) {
    sub -= kHalf;
    bucket = 0;
  }
  return sub << bucket;
}

int64_t HdrHistogram::HighestOf(size_t index) {
  const int bucket = std::max(static_cast<int>(index >> kHalfMagnitude) - 1, 0);
  return LowestOf(index) + (int64_t{1} << bucket) - 1;
}

void HdrHistogram::Record(int64_t value, int64_t times) {
  value = std::clamp<int64_t>(value, 1, kHighest);
  counts_[IndexOf(value)] += times;
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = std::max(max_, value);
  count_ += times;
}

void HdrHistogram::Add(const HdrHistogram& other) {
  if (other.count_ == 0) return;
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
}

void HdrHistogram::Reset() {
  std::ranges::fill(counts_, 0);
  count_ = min_ = max_ = 0;
}

double HdrHistogram::mean() const {
  if (count_ == 0) return 0;
  double sum = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    sum += static_cast<double>(counts_[i]) *
           (static_cast<double>(LowestOf(i)) + static_cast<double>(HighestOf(i) + 1)) / 2;
  }
  return sum / static_cast<double>(count_);
}

int64_t HdrHistogram::Percentile(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100;
  const auto wanted = std::max<int64_t>(
      1, static_cast<int64_t>(std::floor(share * static_cast<double>(count_) + 0.5)));
  int64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(HighestOf(i), max_);
  }
  return max_;
}

std::string HdrHistogram::Encoded() const {
  std::string counts;
  const size_t end = count_ == 0 ? 0 : IndexOf(max_) + 1;
  for (size_t i = 0; i < end;) {
    if (counts_[i] != 0) {
      AppendZigZag(&counts, counts_[i++]);
      continue;
    }
    int64_t zeros = 0;
    for (; i < end && counts_[i] == 0; ++i) ++zeros;
    AppendZigZag(&counts, -zeros);
  }
  constexpr uint32_t kCookie = 0x1c849313;
  constexpr uint32_t kCompressedCookie = 0x1c849314;
  std::string plain;
  AppendBig(&plain, kCookie, 4);
  AppendBig(&plain, counts.size(), 4);
  AppendBig(&plain, 0, 4);  // the normalizing index offset
  AppendBig(&plain, kDigits, 4);
  AppendBig(&plain, 1, 8);
  AppendBig(&plain, static_cast<uint64_t>(kHighest), 8);
  AppendBig(&plain, std::bit_cast<uint64_t>(1.0), 8);  // integer to double
  plain += counts;
  const std::string zlib = Stored(plain);
  std::string all;
  AppendBig(&all, kCompressedCookie, 4);
  AppendBig(&all, zlib.size(), 4);
  return Base64(all + zlib);
}

std::string HdrLogHead(double start_since_epoch) {
  char line[200];
  std::snprintf(line, sizeof(line),
                "#[Histogram log format version 1.3]\n"
                "#[StartTime: %.3f (seconds since epoch)]\n",
                start_since_epoch);
  return std::string(line) +
         "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
         "\"Interval_Compressed_Histogram\"\n";
}

std::string HdrLogLine(const std::string& tag, double start_seconds, double length_seconds,
                       const HdrHistogram& histogram) {
  char line[200];
  std::snprintf(line, sizeof(line), "%.3f,%.3f,%.3f,", start_seconds, length_seconds,
                static_cast<double>(histogram.max()) / 1e6);
  return (tag.empty() ? "" : "Tag=" + tag + ",") + line + histogram.Encoded() + "\n";
}

}  // namespace resprobe::live

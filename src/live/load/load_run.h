#ifndef RESPROBE_LIVE_LOAD_LOAD_RUN_H_
#define RESPROBE_LIVE_LOAD_LOAD_RUN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "live/load/hdr_histogram.h"
#include "live/net/unique_fd.h"

namespace resprobe::live {

struct LoadOptions {
  std::string test;            // a name of LoadTests()
  uint32_t connections = 100;  // at the same time
  uint64_t keys = 100'000;
  uint64_t operations = 100'000;
  uint64_t warm_up = 10'000;  // more operations, which are run first and not counted
  double rate = 0;  // operations a second of all connections together; 0: as fast as it goes
  uint32_t value_size = 3;    // bytes
  uint32_t hot_per_cent = 0;  // per cent of the operations go to the first hundredth of the keys
  uint32_t pipeline = 1;      // requests that a connection sends at once
  uint64_t seed = 1;
  double interval = 1;  // seconds of each entry of the series
  int hang_ms = 10'000;
  std::function<bool()> stop = [] { return false; };
  // After it returns true no request is sent, and the run ends with the last reply.
  std::function<bool()> enough = [] { return false; };
};

// What the reply to a request must be, if it is no error.
enum class LoadReply : uint8_t {
  kAny,
  kOk,
  kInteger,
  kText,      // a string, or null
  kOwnValue,  // null, or what $w has put there
};

struct LoadRequest {
  // $k a key, $s the same, but all keys in turn; $v a value, $w one that only this key has; $n a
  // number, $c a counter, $m a member, $f one of few fields.
  std::string_view words;
  LoadReply reply = LoadReply::kAny;
};

struct LoadTest {
  std::string_view name;              // "set"; redis-benchmark takes the same names
  std::string_view csv;               // "SET", as redis-benchmark prints it
  std::vector<LoadRequest> requests;  // sent by turns
};
const std::vector<LoadTest>& LoadTests();
// Commands of all types, whose replies are checked. After all keys were written once (FillLoad())
// it leaves as much data as it finds, but for a few keys.
const LoadTest& MixedLoad();
const LoadTest& FillLoad();

struct LoadResult {
  struct Interval {
    double start = 0;   // seconds since the begin of the measurement
    double length = 0;  // seconds
    uint64_t operations = 0;
    uint64_t errors = 0;
    HdrHistogram latency;  // nanoseconds
  };

  uint64_t operations = 0;  // answered
  double seconds = 0;
  HdrHistogram latency;  // nanoseconds; of the whole measurement
  std::vector<Interval> series;
  std::map<std::string, uint64_t> errors;  // by code: "ERR", "WRONGTYPE"
  // Replies that are none to their requests: "GET: what another key has", with how often.
  std::map<std::string, uint64_t> wrong;
  // Requests that were due and got no reply before the run ended; with a rate, also those that were
  // due and could not be sent. After the warm-up each is in `latency` with the time that it has
  // waited, which is less than it would have taken.
  uint64_t unanswered = 0;
  uint64_t lost = 0;    // connections that the server closed
  std::string failure;  // "the server sends nothing for 10 s"; "" if all went on
  bool stopped = false;

  double rate() const { return seconds > 0 ? static_cast<double>(operations) / seconds : 0; }
};

// Runs one test. One thread moves the bytes of all connections.
//
// Without a rate it is a closed loop: a connection sends again when it has all replies, so a server
// that stalls is asked less, and its stall is seen by few requests. With a rate each request has a
// time at which it is due, whatever the server does, and its latency is counted from then: the
// stall is seen by all that were due meanwhile (coordinated omission is corrected), also if it
// lasts until the run ends.
//
// `connect` makes a connection. Returns false with one line in `error` if there is none.
bool RunLoad(const LoadOptions& options, const LoadTest& test,
             const std::function<UniqueFd(std::string* error)>& connect, LoadResult* result,
             std::string* error);
// The same with the test that the options name.
bool RunLoad(const LoadOptions& options, const std::function<UniqueFd(std::string* error)>& connect,
             LoadResult* result, std::string* error);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_LOAD_LOAD_RUN_H_

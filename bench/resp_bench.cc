// Compares the core's reply parser with hiredis's reader: the same bytes in the same slices; each
// reply is parsed to a complete value that can be walked, and then cleared or freed. Every
// iteration times both, one after the other, so that a busy machine slows both.
//
// Each benchmark reports medians over its iterations: bytes per second of each (`core`, `hiredis`)
// and the `ratio`; its own time is the core's. Use --benchmark_format=json for machine-readable
// output.

#include <benchmark/benchmark.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/resp/writer.h"
#include "engine/rng.h"

namespace resprobe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kStreamSize = 256 << 10;
// Size of one read from a socket: redisBufferRead reads up to 16 KB.
constexpr size_t kSliceSize = 16 << 10;

std::string Word(Rng& rng, size_t size) {
  std::string word(size, 0);
  for (char& c : word) c = static_cast<char>('a' + rng.Below(26));
  return word;
}

// One reply of each kind of traffic.
void Bulk(resp::Writer& out, Rng& rng) { out.BulkString(Word(rng, 3 + rng.Below(30))); }

void Integer(resp::Writer& out, Rng& rng) { out.Integer(rng.Between(-1000, 100000)); }

void Status(resp::Writer& out, Rng& rng) {
  if (rng.OneIn(16)) {
    out.SimpleError("WRONGTYPE Operation against a key holding the wrong kind of value");
  } else {
    out.SimpleString("OK");
  }
}

void ArrayOfBulks(resp::Writer& out, Rng& rng) {  // LRANGE, MGET
  const size_t count = 5 + rng.Below(100);
  out.ArrayHeader(count);
  for (size_t i = 0; i < count; ++i) {
    if (rng.OneIn(20)) {
      out.NullBulk();
    } else {
      Bulk(out, rng);
    }
  }
}

void ArrayOfIntegers(resp::Writer& out, Rng& rng) {  // SMISMEMBER, BITFIELD
  const size_t count = 5 + rng.Below(100);
  out.ArrayHeader(count);
  for (size_t i = 0; i < count; ++i) Integer(out, rng);
}

void Nested(resp::Writer& out, Rng& rng) {  // XRANGE
  const size_t count = 1 + rng.Below(20);
  out.ArrayHeader(count);
  for (size_t i = 0; i < count; ++i) {
    out.ArrayHeader(2);
    out.BulkString("1526919030474-" + std::to_string(i));
    const size_t fields = 2 + 2 * rng.Below(3);
    out.ArrayHeader(fields);
    for (size_t j = 0; j < fields; ++j) Bulk(out, rng);
  }
}

void Mixed(resp::Writer& out, Rng& rng) {
  switch (rng.Below(6)) {
    case 0:
      return Status(out, rng);
    case 1:
      return Integer(out, rng);
    case 2:
    case 3:
      return Bulk(out, rng);
    case 4:
      return ArrayOfBulks(out, rng);
    default:
      return Nested(out, rng);
  }
}

#if HIREDIS_MAJOR >= 1
void Resp3(resp::Writer& out, Rng& rng) {  // HGETALL, ZRANGE WITHSCORES, SMEMBERS, pushes
  out.set_protocol(3);
  const size_t count = 1 + rng.Below(20);
  switch (rng.Below(4)) {
    case 0:
      out.MapHeader(count);
      for (size_t i = 0; i < 2 * count; ++i) Bulk(out, rng);
      return;
    case 1:
      out.ArrayHeader(count);
      for (size_t i = 0; i < count; ++i) {
        out.ArrayHeader(2);
        Bulk(out, rng);
        out.Double(static_cast<double>(rng.Below(100000)) / 4);
      }
      return;
    case 2:
      out.SetHeader(count);
      for (size_t i = 0; i < count; ++i) Bulk(out, rng);
      return;
    default:
      out.PushHeader(2);
      out.BulkString("invalidate");
      out.ArrayHeader(1);
      Bulk(out, rng);
      out.Null();
      out.Boolean(rng.OneIn(2));
  }
}
#endif

using Make = void (*)(resp::Writer& out, Rng& rng);

std::string Stream(Make make) {
  std::string bytes;
  resp::Writer out(&bytes);
  Rng rng(7);
  while (bytes.size() < kStreamSize) make(out, rng);
  return bytes;
}

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "resp_bench: %s does not parse the stream\n", what);
  std::exit(1);
}

size_t ParseWithCore(resp::ReplyParser& parser, std::string_view stream) {
  size_t replies = 0;
  while (!stream.empty()) {
    std::string_view slice = stream.substr(0, kSliceSize);
    stream.remove_prefix(slice.size());
    for (;;) {
      const auto result = parser.Parse(slice);
      if (result.status == resp::ReplyParser::Status::kError) Die("the core");
      if (result.status == resp::ReplyParser::Status::kNeedMore) break;
      ++replies;
      benchmark::DoNotOptimize(parser.reply().root());
      slice.remove_prefix(result.consumed);
    }
  }
  return replies;
}

size_t ParseWithHiredis(redisReader* reader, std::string_view stream) {
  size_t replies = 0;
  while (!stream.empty()) {
    const std::string_view slice = stream.substr(0, kSliceSize);
    stream.remove_prefix(slice.size());
    if (redisReaderFeed(reader, slice.data(), slice.size()) != REDIS_OK) Die("hiredis");
    for (;;) {
      void* reply = nullptr;
      if (redisReaderGetReply(reader, &reply) != REDIS_OK) Die("hiredis");
      if (reply == nullptr) break;
      ++replies;
      benchmark::DoNotOptimize(reply);
      freeReplyObject(reply);
    }
  }
  return replies;
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void CompareReplies(benchmark::State& state, Make make) {
  const std::string stream = Stream(make);
  resp::ReplyParser parser;
  redisReader* reader = redisReaderCreate();
  if (ParseWithCore(parser, stream) != ParseWithHiredis(reader, stream)) {
    Die("one of the two");
  }
  const auto size = static_cast<double>(stream.size());
  std::vector<double> core;
  std::vector<double> hiredis;
  std::vector<double> ratio;
  for (auto _ : state) {
    const auto start = Clock::now();
    ParseWithCore(parser, stream);
    const auto middle = Clock::now();
    ParseWithHiredis(reader, stream);
    const auto end = Clock::now();
    const std::chrono::duration<double> a = middle - start;
    const std::chrono::duration<double> b = end - middle;
    state.SetIterationTime(a.count());
    core.push_back(size / a.count());
    hiredis.push_back(size / b.count());
    ratio.push_back(b.count() / a.count());
  }
  redisReaderFree(reader);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * stream.size()));
  state.counters["core"] = Median(std::move(core));
  state.counters["hiredis"] = Median(std::move(hiredis));
  state.counters["ratio"] = Median(std::move(ratio));
}

BENCHMARK_CAPTURE(CompareReplies, mixed, Mixed)->UseManualTime();
BENCHMARK_CAPTURE(CompareReplies, bulks, Bulk)->UseManualTime();
BENCHMARK_CAPTURE(CompareReplies, integers, Integer)->UseManualTime();
BENCHMARK_CAPTURE(CompareReplies, statuses, Status)->UseManualTime();
BENCHMARK_CAPTURE(CompareReplies, arrays_of_bulks, ArrayOfBulks)->UseManualTime();
BENCHMARK_CAPTURE(CompareReplies, arrays_of_integers, ArrayOfIntegers)->UseManualTime();
BENCHMARK_CAPTURE(CompareReplies, nested, Nested)->UseManualTime();
#if HIREDIS_MAJOR >= 1
BENCHMARK_CAPTURE(CompareReplies, resp3, Resp3)->UseManualTime();
#endif

}  // namespace
}  // namespace resprobe

int main(int argc, char** argv) {
  benchmark::AddCustomContext("hiredis", std::to_string(HIREDIS_MAJOR) + "." +
                                             std::to_string(HIREDIS_MINOR) + "." +
                                             std::to_string(HIREDIS_PATCH));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

// stress: load on a live server, and how long it takes.

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/server_options.h"
#include "cli/verbs.h"
#include "live/load/hdr_histogram.h"
#include "live/load/load_run.h"
#include "live/net/resp_probe.h"
#include "live/server/live_server.h"
#include "report/writers.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct StressOptions {
  ServerOptions server;
  live::LoadOptions load;
  int64_t rate = 0;
  std::optional<uint64_t> warm_up;
  std::string tests = "set,get";
  bool quiet = false;
  bool csv = false;
  std::string hdr;
  runner::OutputOptions output;
};

struct Tested {
  const live::LoadTest* test;
  live::LoadResult result;
};

double Ms(int64_t ns) { return static_cast<double>(ns) / 1e6; }
double Ms(double ns) { return ns / 1e6; }

// Bytes by INFO; empty if the server does not say.
Json MemoryOf(const live::LiveServer& server) {
  live::RespProbe probe([&](std::string* why) { return server.Dial(why); }, server.hang_ms(),
                        server.stop());
  Json memory = Json::object();
  const auto reply = probe.Ask("INFO memory");
  if (!reply || reply->is_error() || reply->is_aggregate()) return memory;
  const std::string text(reply->text());
  for (const char* field : {"used_memory", "used_memory_rss", "used_memory_dataset"}) {
    const std::string name = std::string("\n") + field + ":";
    const size_t at = text.find(name);
    if (at == text.npos) continue;
    memory[field] = std::strtoull(text.c_str() + at + name.size(), nullptr, 10);
  }
  return memory;
}

std::string CsvHead() {
  return "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\","
         "\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n";
}

std::string CsvLine(const Tested& tested) {
  const live::HdrHistogram& latency = tested.result.latency;
  return absl::StrFormat(
      "\"%s\",\"%.2f\",\"%.3f\",\"%.3f\",\"%.3f\",\"%.3f\",\"%.3f\",\"%.3f\"\n",
      std::string(tested.test->csv) + (tested.result.stopped ? " (interrupted)" : ""),
      tested.result.rate(), Ms(latency.mean()), Ms(latency.min()), Ms(latency.Percentile(50)),
      Ms(latency.Percentile(95)), Ms(latency.Percentile(99)), Ms(latency.max()));
}

std::string ErrorsText(const live::LoadResult& result) {
  std::vector<std::string> all;
  for (const auto& [code, times] : result.errors) {
    all.push_back(runner::TerminalText(code) + " " + runner::Grouped(times));
  }
  return absl::StrJoin(all, ", ");
}

void PrintLatencies(const Tested& tested) {
  const live::LoadResult& result = tested.result;
  const live::HdrHistogram& latency = result.latency;
  absl::PrintF("%s\n  %s operations in %.2f s: %s a second\n", tested.test->csv,
               runner::Grouped(result.operations), result.seconds,
               runner::Grouped(static_cast<uint64_t>(result.rate())));
  absl::PrintF(
      "  latency in ms: min %.3f, mean %.3f, p50 %.3f, p95 %.3f, p99 %.3f, p99.9 %.3f, max %.3f\n",
      Ms(latency.min()), Ms(latency.mean()), Ms(latency.Percentile(50)), Ms(latency.Percentile(95)),
      Ms(latency.Percentile(99)), Ms(latency.Percentile(99.9)), Ms(latency.max()));
  constexpr size_t kFew = 2;
  if (result.series.size() > kFew) {
    absl::PrintF("  %8s %12s %10s %10s %8s\n", "second", "operations", "p50 ms", "p99 ms",
                 "errors");
    for (const live::LoadResult::Interval& one : result.series) {
      absl::PrintF("  %8.1f %12d %10.3f %10.3f %8d\n", one.start, one.operations,
                   Ms(one.latency.Percentile(50)), Ms(one.latency.Percentile(99)), one.errors);
    }
  }
}

void Print(const Tested& tested, bool quiet) {
  const live::LoadResult& result = tested.result;
  const live::HdrHistogram& latency = result.latency;
  if (quiet) {
    absl::PrintF("%s: %.2f requests per second, p50=%.3f msec\n", tested.test->csv, result.rate(),
                 Ms(latency.Percentile(50)));
  } else {
    PrintLatencies(tested);
  }
  if (result.unanswered > 0) {
    absl::PrintF("  %s due and not answered, in the latencies with the time that they waited\n",
                 runner::Grouped(result.unanswered));
  }
  if (result.stopped) std::printf("  interrupted: this is what was measured by then\n");
  if (!result.errors.empty()) std::printf("  errors: %s\n", ErrorsText(result).c_str());
  if (!result.failure.empty()) {
    std::printf("  FAIL: %s\n", runner::TerminalText(result.failure).c_str());
  }
}

Json LatencyJson(const live::HdrHistogram& latency) {
  return {{"min", Ms(latency.min())},          {"mean", Ms(latency.mean())},
          {"p50", Ms(latency.Percentile(50))}, {"p95", Ms(latency.Percentile(95))},
          {"p99", Ms(latency.Percentile(99))}, {"p99.9", Ms(latency.Percentile(99.9))},
          {"max", Ms(latency.max())},          {"count", latency.count()}};
}

Json ToJson(const Tested& tested) {
  const live::LoadResult& result = tested.result;
  Json series = Json::array();
  for (const live::LoadResult::Interval& one : result.series) {
    series.push_back({{"start", one.start},
                      {"seconds", one.length},
                      {"operations", one.operations},
                      {"errors", one.errors},
                      {"latency_ms", LatencyJson(one.latency)}});
  }
  Json errors = Json::object();
  for (const auto& [code, times] : result.errors) errors[runner::JsonText(code)] = times;
  return {{"test", tested.test->name},
          {"operations", result.operations},
          {"unanswered", result.unanswered},
          {"interrupted", result.stopped},
          {"seconds", result.seconds},
          {"rps", result.rate()},
          {"latency_ms", LatencyJson(result.latency)},
          {"errors", errors},
          {"failure", runner::JsonText(result.failure)},
          {"series", series}};
}

// Percentiles over time, operations a second, and latencies of the whole test by percentile.
void AddTo(report::Report* report, const Tested& tested) {
  const live::LoadResult& result = tested.result;
  const std::string name(tested.test->csv);
  report::Result one = {.name = name, .seconds = result.seconds};
  if (result.stopped) one.status = report::Status::kUnknown;
  if (!result.errors.empty()) one.note = "errors: " + ErrorsText(result);
  if (!result.failure.empty()) {
    one.note += (one.note.empty() ? "" : "; ") + result.failure;
  }
  if (!one.note.empty()) one.status = report::Status::kFailed;
  report->results.push_back(std::move(one));

  struct Quantile {
    const char* name;
    double percent;
  };
  constexpr Quantile kQuantiles[] = {{"p50", 50}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}};
  report::Plot latency = {.title = name + ": latency", .x = "seconds", .y = "ms"};
  for (const Quantile& quantile : kQuantiles) latency.lines.push_back({quantile.name, {}});
  latency.lines.push_back({"max", {}});
  report::Plot rate = {.title = name + ": throughput", .x = "seconds", .y = "operations a second"};
  rate.lines.push_back({name, {}});
  for (const live::LoadResult::Interval& second : result.series) {
    rate.lines[0].points.emplace_back(second.start,
                                      static_cast<double>(second.operations) / second.length);
    if (second.latency.count() == 0) continue;
    for (size_t i = 0; i < std::size(kQuantiles); ++i) {
      latency.lines[i].points.emplace_back(second.start,
                                           Ms(second.latency.Percentile(kQuantiles[i].percent)));
    }
    latency.lines.back().points.emplace_back(second.start, Ms(second.latency.max()));
  }
  report::Plot distribution = {
      .title = name + ": latency by percentile", .x = "nines: 1 is 90%, 2 is 99%", .y = "ms"};
  distribution.lines.push_back({name, {}});
  constexpr double kStep = 0.1;
  const auto most = std::log10(static_cast<double>(std::max<uint64_t>(result.latency.count(), 1)));
  for (double nines = 0; nines <= most; nines += kStep) {
    distribution.lines[0].points.emplace_back(
        nines, Ms(result.latency.Percentile(100 * (1 - std::pow(10, -nines)))));
  }
  report->plots.push_back(std::move(rate));
  report->plots.push_back(std::move(latency));
  if (result.latency.count() > 0) report->plots.push_back(std::move(distribution));
}

std::vector<const live::LoadTest*> TestsOf(const std::string& list) {
  std::vector<const live::LoadTest*> tests;
  for (std::string name : SplitList(list)) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name == "ping_mbulk") name = "ping";
    const auto at = std::ranges::find(live::LoadTests(), name, &live::LoadTest::name);
    if (at == live::LoadTests().end()) {
      std::vector<std::string_view> names;
      for (const live::LoadTest& test : live::LoadTests()) names.push_back(test.name);
      std::string all;
      for (const std::string_view one : names) all += (all.empty() ? "" : ", ") + std::string(one);
      throw runner::UserError("--tests " + list + ": there is no test '" + name + "': use " + all);
    }
    tests.push_back(&*at);
  }
  if (tests.empty()) throw runner::UserError("--tests: names no test");
  return tests;
}

int RunStress(StressOptions& options) {
  if (options.csv) options.output.format = "csv";
  const runner::OutputOptions& output = options.output;
  const bool csv = output.format == "csv";
  output.Check();
  if (!options.hdr.empty()) runner::CheckWritable(options.hdr);
  const std::vector<const live::LoadTest*> tests = TestsOf(options.tests);
  live::LoadOptions load = options.load;
  load.rate = static_cast<double>(options.rate);
  constexpr uint64_t kWarmUpShare = 10;
  constexpr uint64_t kMostWarmUp = 10'000;
  load.warm_up =
      options.warm_up ? *options.warm_up : std::min(load.operations / kWarmUpShare, kMostWarmUp);
  live::TargetOptions target = options.server.Target();
  target.any = true;
  load.hang_ms = target.hang_ms;
  load.stop = target.stop;
  std::string error;
  const std::unique_ptr<live::LiveServer> server = live::LiveServer::Open(target, &error);
  if (server == nullptr) runner::ThrowServerError(error);
  const bool text = output.text_on_stdout();
  if (text && !options.quiet) {
    absl::PrintF("%s: %d connections, %d keys, values of %d bytes, pipeline %d, %s\n",
                 server->version(), load.connections, load.keys, load.value_size, load.pipeline,
                 options.rate == 0 ? std::string("closed loop")
                                   : absl::StrFormat("%d operations a second", options.rate));
    std::fflush(stdout);
  }
  const Json before = MemoryOf(*server);
  const auto begin = std::chrono::system_clock::now();
  std::string log =
      live::HdrLogHead(std::chrono::duration<double>(begin.time_since_epoch()).count());
  std::string lines = CsvHead();
  const double start_seconds = runner::Now();
  report::Report whole = report::NewReport("stress", 0);
  Json& report = whole.own = {{"server", runner::JsonText(server->version())},
                              {"connections", load.connections},
                              {"keys", load.keys},
                              {"operations", load.operations},
                              {"warm_up", load.warm_up},
                              {"rate", options.rate},
                              {"value_size", load.value_size},
                              {"hot_keys", load.hot_per_cent},
                              {"pipeline", load.pipeline},
                              {"tests", Json::array()}};
  bool failed = false;
  bool interrupted = false;
  for (const live::LoadTest* test : tests) {
    load.test = test->name;
    Tested tested = {test, {}};
    const double start =
        std::chrono::duration<double>(std::chrono::system_clock::now() - begin).count();
    const bool ran = RunLoad(
        load, [&](std::string* why) { return server->Connect(why); }, &tested.result, &error);
    interrupted = runner::Interrupted();
    if (interrupted && tested.result.latency.count() == 0) break;
    if (!ran) {
      // What was measured before is kept.
      if (report["tests"].empty()) runner::ThrowServerError(error);
      tested.result.failure = error;
    }
    if (!tested.result.failure.empty() && !interrupted) {
      if (const auto end = server->AwaitEnd(0)) tested.result.failure += ": " + end->Text();
    }
    failed |= !tested.result.failure.empty() || !tested.result.errors.empty();
    if (text) Print(tested, options.quiet);
    std::fflush(stdout);
    lines += CsvLine(tested);
    for (const live::LoadResult::Interval& one : tested.result.series) {
      log += live::HdrLogLine(std::string(test->name), start + one.start, one.length, one.latency);
    }
    report["tests"].push_back(ToJson(tested));
    AddTo(&whole, tested);
    if (interrupted || !tested.result.failure.empty()) break;
  }
  if (interrupted) {
    log += "#[interrupted]\n";
    runner::ForgetInterrupts();  // what was measured is still written
  }
  const Json after = interrupted ? Json::object() : MemoryOf(*server);
  report["memory_before"] = before;
  report["memory_after"] = after;
  if (text && !options.quiet && after.contains("used_memory")) {
    absl::PrintF("memory of the server: %s bytes before, %s after\n",
                 runner::Grouped(before.value("used_memory", uint64_t{0})),
                 runner::Grouped(after.value("used_memory", uint64_t{0})));
  }
  if (!options.hdr.empty()) runner::WriteFile(options.hdr, log);
  int code = failed ? runner::kFinding : runner::kAllWell;
  if (interrupted) code = runner::kInterrupted;
  whole.seconds = runner::Now() - start_seconds;
  whole.interrupted = interrupted;
  whole.exit_code = code;
  if (csv) {
    output.WriteText(lines);
  } else {
    report::Write(whole, output);
  }
  if (interrupted) {
    std::fflush(stdout);
    std::fputs("resprobe: interrupted: what was measured by then is kept\n", stderr);
  }
  return code;
}

}  // namespace

Verb StressVerb() {
  const auto options = std::make_shared<StressOptions>();
  Verb verb("stress", "load on a live server: throughput, latency, errors");
  verb.details =
      "Many connections send one kind of request as fast as they are answered, or, with --rate, at "
      "given times whatever the server does: latencies are then counted from the time at which a "
      "request was due, so a stall of the server is seen by all that it delays, also by those that "
      "are never answered. A warm-up is left "
      "out. Errors are counted by code, and fail the run. The core on a port (./resprobe serve) is "
      "a server like any other. Flags that redis-benchmark has mean what they mean there, but for "
      "-h, which is help: --server HOST:PORT. docs/stress.md says more.";
  verb.examples = {
      {"stress --start redis-server --connections 100 --keys 100000", "SET and GET"},
      {"stress -p 6379 -c 50 -n 100000 -t set,get -P 16 --csv", "as redis-benchmark would"},
      {"stress --start valkey-server --rate 50000 --ops 500000 --hdr latency.hlog",
       "50,000 requests a second for ten seconds, and a log for HdrHistogram's tools"}};
  verb.exit_codes =
      "0 every request was answered without an error, 1 one was not, 2 wrong use, 130 interrupted: "
      "what was measured is written all the same.";
  options->server.AddTo(&verb, {.required = true});
  for (Option& option : verb.options) {
    if (option.name == "--port") option.Short("-p");
    if (option.name == "--unix") option.Short("-s");
  }
  live::LoadOptions& load = options->load;
  verb.Group("The load");
  verb.Text("--tests", "NAME,…", &options->tests,
            "ping, set, get, incr, lpush, rpush, lpop, rpop, sadd, hset, spop, zadd, zpopmin, mset")
      .Short("-t")
      .ShowDefault();
  verb.Number("--connections", "N", &load.connections, 1, 50'000, "Connections at the same time")
      .Short("-c")
      .ShowDefault();
  verb.Number("--ops", "N", &load.operations, 1, 1'000'000'000'000, "Operations of each test")
      .Short("-n")
      .Alias("--requests")
      .ShowDefault();
  verb.Number("--keys", "N", &load.keys, 1, 1'000'000'000'000, "Keys, chosen at random")
      .Short("-r")
      .ShowDefault();
  verb.Number("--value-size", "BYTES", &load.value_size, 1, 100'000'000, "Size of a value")
      .Short("-d")
      .Alias("--data-size")
      .ShowDefault();
  verb.Number("--pipeline", "N", &load.pipeline, 1, 100'000, "Requests that are sent at once")
      .Short("-P")
      .ShowDefault();
  verb.Number("--hot-keys", "PERCENT", &load.hot_per_cent, 0, 100,
              "This share of the operations goes to a hundredth of the keys")
      .ShowDefault();
  verb.Number("--rate", "N", &options->rate, 1, 100'000'000,
              "Operations a second of all connections together; default: as fast as it goes");
  verb.Number("--warm-up", "N", &options->warm_up, 0, 1'000'000'000,
              "Operations before the measurement")
      .ShowDefault("a tenth of --ops, 10,000 at most");
  verb.Number("--seed", "N", &load.seed, 0, UINT64_MAX, "Which keys are chosen").ShowDefault();
  verb.Group("Output");
  std::vector<std::string> formats = report::Formats();
  formats.emplace_back("csv");
  verb.Choice("--format", formats, &options->output.format,
              "How the result is printed; csv as redis-benchmark does")
      .ShowDefault();
  verb.Flag("--csv", &options->csv, "The same as --format csv");
  verb.Text("--output", "FILE", &options->output.file,
            "Write the report or CSV to FILE; the text still goes to the terminal")
      .Complete(Completion::kFile);
  verb.Flag("--quiet", &options->quiet, "One line for each test").Short("-q");
  verb.Text("--hdr", "FILE", &options->hdr,
            "Write a histogram of each second in the log format of HdrHistogram")
      .Complete(Completion::kFile);
  verb.Group("");
  verb.run = [=] { return RunStress(*options); };
  return verb;
}

}  // namespace resprobe::cli

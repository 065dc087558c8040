// soak: steady load for a long time, and whether anything grows.

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/load/soak_judge.h"
#include "cli/output_options.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "live/load/load_run.h"
#include "live/load/trend.h"
#include "live/net/resp_probe.h"
#include "live/server/live_server.h"
#include "report/watch_page.h"
#include "report/writers.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct SoakOptions {
  ServerOptions server;
  live::LoadOptions load;
  double duration = 3600;
  double interval = 10;
  uint64_t interval_ops = 0;  // 0: intervals of time
  uint64_t intervals = 0;     // of so many operations
  int64_t rate = 0;
  std::string checks = absl::StrJoin(kSoakChecks, ",");
  SoakLimits limits;
  runner::OutputOptions output;
};

// Entries of a folder; -1 if it cannot be read.
double EntriesIn(const std::string& folder) {
  std::error_code error;
  double entries = 0;
  for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    ++entries;
  }
  return error ? -1 : entries;
}

// What the system says of a process.
struct ProcessUse {
  double resident = -1;  // bytes; -1: unknown
  double threads = -1;
  double descriptors = -1;
  double children = -1;
};

ProcessUse UseOf(int pid) {
  ProcessUse use;
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    double number = 0;
    if (std::sscanf(line.c_str(), "VmRSS: %lf", &number) == 1) use.resident = number * 1024;
    if (std::sscanf(line.c_str(), "Threads: %lf", &number) == 1) use.threads = number;
  }
  use.descriptors = EntriesIn(folder + "/fd");
  std::error_code error;
  for (fs::directory_iterator at(folder + "/task", error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    std::ifstream children(at->path() / "children");
    use.children = std::max(use.children, 0.0);
    for (std::string child; children >> child;) ++use.children;
  }
  return use;
}

class Soak {
 public:
  explicit Soak(SoakOptions& options);

  int Run();

 private:
  // Writes all keys, so that the run leaves as much data as it finds.
  void Fill();
  // Puts the load of one interval on the server. Returns false if the run must end.
  bool Interval();
  void TakeSample(live::LoadResult result);
  // A value of INFO; nothing if the server has none.
  std::optional<double> Info(const std::string& field) const;
  // The process of the server, if it is on this machine; 0 if not.
  int FindProcess();
  // Waits until the server has closed the connections of the load, but not for ever.
  void Settle();
  void Ask();
  report::Report ToReport() const;
  bool by_time() const { return options_.interval_ops == 0; }
  size_t Planned() const {
    return by_time() ? static_cast<size_t>(options_.duration / options_.interval)
                     : options_.intervals;
  }

  SoakOptions& options_;
  std::unique_ptr<live::LiveServer> server_;
  std::optional<live::RespProbe> probe_;
  int pid_ = 0;
  std::string info_;
  double keys_ = -1;
  double start_ = 0;
  double fewest_descriptors_ = HUGE_VAL;
  std::vector<SoakSample> samples_;
  std::map<std::string, uint64_t> errors_;
  std::map<std::string, uint64_t> wrong_;
  uint64_t operations_ = 0;
  std::string failure_;
};

Soak::Soak(SoakOptions& options) : options_(options) {
  constexpr size_t kFewest = live::kFewestSamples + 3;
  if (Planned() < kFewest) {
    throw runner::UserError(
        absl::StrFormat("soak: %d intervals are too few to say anything, and %d are needed: give a "
                        "longer --duration or a shorter --interval",
                        Planned(), kFewest));
  }
  options.limits.checks = SplitList(options.checks);
  for (const std::string& check : options.limits.checks) {
    if (std::ranges::find(kSoakChecks, check) == std::end(kSoakChecks)) {
      throw runner::UserError("--checks " + options.checks + ": there is no check '" + check +
                              "': use " + absl::StrJoin(kSoakChecks, ", "));
    }
  }
  live::TargetOptions target = options.server.Target();
  target.any = true;
  options.load.hang_ms = target.hang_ms;
  options.load.stop = target.stop;
  options.load.warm_up = 0;
  options.load.rate = static_cast<double>(options.rate);
  std::string error;
  server_ = live::LiveServer::Open(target, &error);
  if (server_ == nullptr) runner::ThrowServerError(error);
  probe_.emplace([this](std::string* why) { return server_->Dial(why); }, server_->hang_ms(),
                 server_->stop());
}

void Soak::Ask() {
  info_.clear();
  keys_ = -1;
  const auto info = probe_->Ask("INFO");
  if (info && !info->is_error() && !info->is_aggregate()) info_ = "\n" + std::string(info->text());
  const auto keys = probe_->Ask("DBSIZE");
  if (keys && keys->type() == resp::Type::kInteger) keys_ = static_cast<double>(keys->integer());
}

std::optional<double> Soak::Info(const std::string& field) const {
  const size_t at = info_.find("\n" + field + ":");
  if (at == info_.npos) return std::nullopt;
  const char* const begin = info_.data() + at + field.size() + 2;
  double number = 0;
  const auto [end, code] = std::from_chars(begin, info_.data() + info_.size(), number);
  if (code != std::errc()) return std::nullopt;
  return number;
}

int Soak::FindProcess() {
  if (server_->pid() > 0) return server_->pid();
  const auto pid = Info("process_id");
  const std::string address = options_.server.Address();
  const bool here = address.empty() || address.starts_with("127.") ||
                    address.starts_with("localhost:") || address.starts_with("[::1]");
  // In a namespace of its own it has another number there.
  if (!pid || !here || EntriesIn(absl::StrFormat("/proc/%.0f/fd", *pid)) < 0) return 0;
  return static_cast<int>(*pid);
}

void Soak::Settle() {
  if (pid_ == 0) return;
  constexpr int kTries = 40;
  constexpr int kPauseMs = 5;
  for (int i = 0; i < kTries; ++i) {
    const double now = UseOf(pid_).descriptors;
    if (now <= fewest_descriptors_) {
      fewest_descriptors_ = now;
      return;
    }
    // The first time there is nothing to compare with: until it stays.
    poll(nullptr, 0, kPauseMs);
  }
}

void Soak::TakeSample(live::LoadResult result) {
  SoakSample sample;
  sample.operations = result.operations;
  sample.seconds = result.seconds;
  sample.p99_ms = static_cast<double>(result.latency.Percentile(99)) / 1e6;
  Settle();
  Ask();
  sample.at = runner::Now() - start_;
  const auto set = [&](const char* name, std::optional<double> value) {
    if (value && *value >= 0) sample.values[name] = *value;
  };
  set("used_memory", Info("used_memory"));
  set("allocated memory", Info("allocator_allocated"));
  set("memory of the data", Info("used_memory_dataset"));
  set("clients", Info("connected_clients"));
  set("keys", keys_);
  if (pid_ != 0) {
    const ProcessUse use = UseOf(pid_);
    set("resident memory", use.resident);
    set("threads", use.threads);
    set("descriptors", use.descriptors);
    set("children", use.children);
  }
  set("resident memory of resprobe", UseOf(getpid()).resident);
  if (const std::string folder = server_->folder(); !folder.empty()) {
    double files = 0;
    double size = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator at(folder, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
      std::error_code gone;
      if (!at->is_regular_file(gone)) continue;
      ++files;
      if (const auto bytes = at->file_size(gone); !gone) size += static_cast<double>(bytes);
    }
    set("files", files);
    set("size of files", size);
  }
  samples_.push_back(std::move(sample));
}

void Soak::Fill() {
  live::LoadOptions load = options_.load;
  load.operations = load.keys;
  load.rate = 0;
  live::LoadResult result;
  std::string error;
  if (!RunLoad(
          load, live::FillLoad(), [this](std::string* why) { return server_->Connect(why); },
          &result, &error)) {
    runner::ThrowServerError(error);
  }
  if (!result.failure.empty()) failure_ = result.failure;
  for (const auto& [code, times] : result.errors) errors_[code] += times;
}

bool Soak::Interval() {
  live::LoadOptions load = options_.load;
  load.seed += samples_.size();
  load.operations = by_time() ? UINT64_MAX / 2 : options_.interval_ops;
  load.interval = 3600;  // one entry: the samples are the series
  const double begin = runner::Now();
  if (by_time()) {
    load.enough = [&] { return runner::Now() - begin >= options_.interval; };
  }
  live::LoadResult result;
  std::string error;
  if (!RunLoad(
          load, live::MixedLoad(), [this](std::string* why) { return server_->Connect(why); },
          &result, &error)) {
    failure_ = error;
    return false;
  }
  if (result.stopped) return false;
  operations_ += result.operations;
  for (const auto& [code, times] : result.errors) errors_[code] += times;
  for (const auto& [what, times] : result.wrong) wrong_[what] += times;
  if (!result.failure.empty()) {
    failure_ = result.failure;
    if (const auto end = server_->AwaitEnd(0)) failure_ += ": " + end->Text();
    return false;
  }
  TakeSample(std::move(result));
  return errors_.empty() && wrong_.empty();
}

report::Report Soak::ToReport() const {
  report::Report report = report::NewReport("soak", runner::Now() - start_);
  report.interrupted = runner::Interrupted();
  report.own = {{"server", runner::JsonText(server_->version())},
                {"connections", options_.load.connections},
                {"keys", options_.load.keys},
                {"value_size", options_.load.value_size},
                {"rate", options_.rate},
                {"interval", by_time() ? Json(options_.interval) : Json()},
                {"operations_of_an_interval", by_time() ? Json() : Json(options_.interval_ops)},
                {"seed", options_.load.seed},
                {"operations", operations_},
                {"warm_up_samples", SoakWarmUp(samples_.size())}};
  report::Result replies = {.name = "replies"};
  if (!errors_.empty() || !wrong_.empty() || !failure_.empty()) {
    replies.status = report::Status::kFailed;
    std::vector<std::string> all;
    if (!failure_.empty()) all.push_back(failure_);
    for (const auto& [what, times] : wrong_) {
      all.push_back(what + ", " + runner::Grouped(times) + " times");
    }
    for (const auto& [code, times] : errors_) {
      all.push_back("error " + code + ", " + runner::Grouped(times) + " times");
    }
    replies.note = absl::StrJoin(all, "; ");
  } else {
    replies.note = runner::Grouped(operations_) + " were what they must be";
    if (operations_ == 0) replies.status = report::Status::kUnknown;
  }
  report.results = JudgeSoak(samples_, options_.limits);
  report.results.insert(report.results.begin(), std::move(replies));
  report.plots = PlotsOf(samples_);
  Json& samples = report.own["samples"] = Json::array();
  for (const SoakSample& sample : samples_) {
    Json one = {{"second", sample.at},
                {"operations", sample.operations},
                {"operations_a_second", sample.rate()},
                {"p99_ms", sample.p99_ms}};
    for (const auto& [name, value] : sample.values) one[name] = value;
    samples.push_back(std::move(one));
  }
  return report;
}

int Soak::Run() {
  const bool text = options_.output.text_on_stdout();
  const std::unique_ptr<report::WatchPage> page =
      report::WatchPageOf(options_.output, text ? stdout : stderr);
  start_ = runner::Now();
  if (text) {
    absl::PrintF("%s: %d connections, %d keys, %d intervals of %s\n", server_->version(),
                 options_.load.connections, options_.load.keys, Planned(),
                 by_time() ? absl::StrFormat("%g s", options_.interval)
                           : absl::StrFormat("%d operations", options_.interval_ops));
    absl::PrintF("%8s %12s %9s %14s %14s %6s %8s %6s\n", "second", "operations/s", "p99 ms",
                 "used_memory", "resident", "files", "threads", "fds");
    std::fflush(stdout);
  }
  Fill();
  Ask();
  pid_ = FindProcess();
  while (failure_.empty() && errors_.empty() && samples_.size() < Planned() &&
         !runner::Interrupted()) {
    const size_t before = samples_.size();
    const bool more = Interval();
    if (page != nullptr) page->Show([this] { return ToReport(); });
    if (text && samples_.size() > before) {
      const SoakSample& last = samples_.back();
      const auto cell = [&](const char* name) {
        const auto at = last.values.find(name);
        return at == last.values.end() ? std::string("-")
                                       : runner::Grouped(static_cast<uint64_t>(at->second));
      };
      absl::PrintF("%8.1f %12.0f %9.2f %14s %14s %6s %8s %6s\n", last.at, last.rate(), last.p99_ms,
                   cell("used_memory"), cell("resident memory"), cell("files"), cell("threads"),
                   cell("descriptors"));
      std::fflush(stdout);
    }
    if (!more) break;
  }
  report::Report report = ToReport();
  const report::Status status = StatusOf(SummaryOf(report));
  int code = status == report::Status::kPassed ? runner::kAllWell : runner::kFinding;
  if (report.interrupted) code = runner::kInterrupted;
  report.exit_code = code;
  if (text) {
    for (const report::Result& result : report.results) {
      const char* const word = result.status == report::Status::kPassed    ? "ok"
                               : result.status == report::Status::kFailed  ? "FAIL"
                               : result.status == report::Status::kSkipped ? "skipped"
                                                                           : "unknown";
      absl::PrintF("%-8s %-30s %s\n", word, result.name, runner::TerminalText(result.note));
    }
    std::fflush(stdout);
  }
  if (report.interrupted) runner::ForgetInterrupts();  // what was measured is still written
  report::Write(report, options_.output);
  return code;
}

}  // namespace

Verb SoakVerb() {
  const auto options = std::make_shared<SoakOptions>();
  options->load.connections = 50;
  options->load.keys = 10'000;
  options->load.value_size = 64;
  Verb verb("soak", "steady load for a long time: does anything grow?");
  verb.details =
      "All keys are written once; then commands of all types, whose replies are checked, leave as "
      "much data as they find. After each interval the connections of the load are closed, and "
      "what the server and its process have is sampled: memory, descriptors, threads, children, "
      "files. The first tenth is left out. Memory grows if the line through the samples (Theil and "
      "Sen) rises by more than --growth and the order of the samples is none of chance (Mann and "
      "Kendall, p < 0.01); for the others any such growth fails. Throughput fails if it falls, or "
      "stops. The run says the smallest leak that it would have seen. docs/soak.md says more.";
  verb.examples = {
      {"soak --start valkey-server --duration 10m --interval 10", "ten minutes"},
      {"soak --server 127.0.0.1:6379 --flush --duration 8h --interval 60 --format html "
       "--output soak.html",
       "a night, and its plots"}};
  verb.exit_codes =
      "0 nothing grows and all replies are right, 1 something does, one is wrong, or too few "
      "samples say so, 2 wrong use, 130 interrupted: what was measured is written all the same.";
  options->server.AddTo(&verb, {.required = true});
  verb.Group("How long");
  verb.Time("--duration", &options->duration, "The whole run").ShowDefault();
  verb.Seconds("--interval", "SECONDS", &options->interval, false, "Between two samples")
      .ShowDefault();
  verb.Number("--interval-ops", "N", &options->interval_ops, 1, 1'000'000'000,
              "Intervals of so many operations, however long they take")
      .Needs("--intervals")
      .Excludes("--interval")
      .Excludes("--duration");
  verb.Number("--intervals", "N", &options->intervals, 1, 1'000'000, "So many of them")
      .Needs("--interval-ops");
  live::LoadOptions& load = options->load;
  verb.Group("The load");
  verb.Number("--connections", "N", &load.connections, 1, 50'000, "Connections at the same time")
      .Short("-c")
      .ShowDefault();
  verb.Number("--keys", "N", &load.keys, 1, 1'000'000'000, "Keys, chosen at random").ShowDefault();
  verb.Number("--value-size", "BYTES", &load.value_size, 1, 100'000'000, "Size of a value")
      .ShowDefault();
  verb.Number("--rate", "N", &options->rate, 1, 100'000'000,
              "Operations a second of all connections together; default: as fast as it goes");
  verb.Number("--seed", "N", &load.seed, 0, UINT32_MAX, "Which keys are chosen").ShowDefault();
  verb.Group("What fails");
  verb.Text("--checks", "NAME,…", &options->checks,
            "memory, descriptors, threads, files, throughput; replies are always checked")
      .ShowDefault();
  verb.Seconds("--growth", "PERCENT", &options->limits.growth_percent, true,
               "used_memory may grow by this much of itself, resident memory by twice as much")
      .ShowDefault();
  verb.Seconds("--drop", "PERCENT", &options->limits.drop_percent, true,
               "The last fifth of the throughput may be this much below the first")
      .ShowDefault();
  verb.Group("");
  AddReportOptions(&verb, &options->output);
  AddWatchOption(&verb, &options->output);
  verb.run = [=] {
    options->output.Check();
    return Soak(*options).Run();
  };
  return verb;
}

}  // namespace resprobe::cli

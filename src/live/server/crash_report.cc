#include "live/server/crash_report.h"

#include <algorithm>
#include <array>

#include "engine/ops_text.h"
#include "engine/triage.h"

namespace resprobe::live {
namespace {

constexpr size_t kFrames = 3;

std::string_view Between(std::string_view text, std::string_view before, std::string_view after) {
  const size_t at = text.find(before);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + before.size());
  return text.substr(0, text.find_first_of(after));
}

// Functions that write the report, or lead to it.
bool IsReporter(std::string_view function) {
  constexpr std::string_view kReporters[] = {
      "sigsegvHandler", "logStackTrace",       "printCrashReport",        "_serverAssert",
      "_serverPanic",   "writeStack",          "collect_stacktrace_data", "bugReport",
      "killThreads",    "zmalloc_default_oom", "serverOutOfMemoryHandler"};
  return std::any_of(std::begin(kReporters), std::end(kReporters),
                     [&](std::string_view name) { return function.starts_with(name); });
}

// "redis-server *:0(streamTrim+0x1b)[0x55d…]" -> "streamTrim"; without a name "+0x9f1b", the offset
// in the program, which is the same in each run.
std::string FrameName(std::string_view line) {
  const size_t end = line.find(")[0x");
  if (end == std::string_view::npos) return "";
  const size_t start = line.rfind('(', end);
  if (start == std::string_view::npos) return "";
  const std::string_view program = line.substr(0, start);
  if (program.find("/libc.") != program.npos || program.find("/libpthread") != program.npos) {
    return "";
  }
  const std::string_view name = line.substr(start + 1, end - start - 1);
  return std::string(name.starts_with('+') ? name : name.substr(0, name.find('+')));
}

std::vector<std::string> Frames(std::string_view report) {
  std::vector<std::string> frames;
  const size_t at = report.find("------ STACK TRACE ------");
  if (at == std::string_view::npos) return frames;
  report.remove_prefix(at);
  // If the report shows all threads, the crashed one is marked: "4711 valkey-server *".
  const std::string_view stacks = report.substr(0, report.find("------ STACK TRACE DONE"));
  if (const size_t mark = stacks.find(" *\n"); mark != stacks.npos) report.remove_prefix(mark);
  std::string_view line;
  while (ops_text::TakeLine(&report, &line) && frames.size() < kFrames) {
    if (line.find("------ INFO OUTPUT") != line.npos) break;
    const std::string name = FrameName(line);
    if (name.empty() || IsReporter(name)) continue;
    if (std::find(frames.begin(), frames.end(), name) == frames.end()) frames.push_back(name);
  }
  return frames;
}

// What Go's runtime writes before it ends the process: "panic: WHY", and the stack of the
// goroutine: "main.serve(0xc00…)" and "\t/path/file.go:12 +0x1d" in turn.
std::optional<CrashReport> ReadGoPanic(std::string_view log) {
  constexpr std::string_view kPanic = "panic: ";
  constexpr std::string_view kStack = "goroutine ";
  CrashReport report;
  bool stack = false;
  std::string_view line;
  while (ops_text::TakeLine(&log, &line) && report.frames.size() < kFrames) {
    const bool top = !line.starts_with('\t');
    if (report.what.empty() && line.starts_with(kPanic)) {
      // Numbers and values differ from run to run.
      for (const char c : line.substr(0, line.find(" ["))) {
        const bool digit = c >= '0' && c <= '9';
        if (!digit) report.what += c;
        if (digit && !report.what.ends_with('N')) report.what += 'N';
      }
    }
    if (report.what.empty()) continue;
    if (stack && (line.empty() || line.starts_with("created by "))) break;
    if (line.starts_with(kStack)) stack = true;
    if (!stack || !top || line.starts_with(kStack)) continue;
    std::string_view name = line.substr(0, line.rfind('('));
    if (const size_t slash = name.rfind('/'); slash != name.npos) name.remove_prefix(slash + 1);
    if (name == "panic" || name.starts_with("runtime.")) continue;
    report.frames.emplace_back(name);
  }
  if (report.what.empty() || !stack) return std::nullopt;
  return report;
}

}  // namespace

std::string CrashReport::Text() const {
  std::string text = what;
  for (size_t i = 0; i < frames.size(); ++i) text += (i == 0 ? ": " : "|") + frames[i];
  return text;
}

std::optional<CrashReport> ReadCrashReport(std::string_view log) {
  CrashReport report;
  const Signature sanitizer = ReadSignature(log);
  if (sanitizer.kind == "asan" || sanitizer.kind == "ubsan" || sanitizer.kind == "leak") {
    report.what = sanitizer.kind + (sanitizer.detail.empty() ? "" : ":" + sanitizer.detail);
    report.frames = sanitizer.frames;
    return report;
  }
  if (std::optional<CrashReport> panic = ReadGoPanic(log)) return panic;
  constexpr std::array<std::string_view, 2> kStarts = {"=== REDIS BUG REPORT START",
                                                       "=== VALKEY BUG REPORT START"};
  for (const std::string_view start : kStarts) {
    const size_t at = log.find(start);
    if (at == std::string_view::npos) continue;
    log.remove_prefix(at);
    if (const auto place = Between(log, "==> ", " \n"); !place.empty()) {
      report.what = "assertion " + std::string(place);
    } else if (const auto panic = Between(log, "Guru Meditation: ", "\n"); !panic.empty()) {
      report.what = "panic " + std::string(panic.substr(panic.rfind('#') + 1));
    } else if (const auto signal = Between(log, "crashed by signal: ", ", \n"); !signal.empty()) {
      report.what = "signal " + std::string(signal);
    } else {
      report.what = "bug report";
    }
    report.frames = Frames(log);
    const size_t client = log.find("------ CURRENT CLIENT INFO ------");
    if (client != log.npos) {
      report.command = Between(log.substr(client), " cmd=", " \n");
    }
    return report;
  }
  return std::nullopt;
}

}  // namespace resprobe::live

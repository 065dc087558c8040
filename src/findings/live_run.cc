#include "findings/live_run.h"

#include <algorithm>

#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr double kSecondsPerLine = 10;

std::string Plural(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

RunClock::RunClock() : start_(Now()), next_line_(start_ + kSecondsPerLine) {}

double RunClock::Seconds() const { return Now() - start_ - paused_; }

bool RunClock::LineDue() {
  if (Now() < next_line_) return false;
  next_line_ = Now() + kSecondsPerLine;
  return true;
}

std::string RunClock::Rate(uint64_t count, const std::string& what) const {
  const double seconds = Seconds();
  const double rate = static_cast<double>(count) / std::max(seconds, 0.001);
  char text[32];
  std::snprintf(text, sizeof(text), "%.0f s, ", seconds);
  return text + Grouped(static_cast<uint64_t>(rate)) + " " + what + "/s";
}

RunClock::Pause::Pause(RunClock* clock) : clock_(clock), start_(Now()) {}
RunClock::Pause::~Pause() { clock_->paused_ += Now() - start_; }

LiveFindings::LiveFindings(const Project& project, std::FILE* out, Names names)
    : project_(project), out_(out), names_(std::move(names)) {}

bool LiveFindings::MetBefore(const std::string& signature) {
  const auto at = found_.find(signature);
  if (at == found_.end()) return false;
  ++at->second.met;
  return true;
}

LiveFinding& LiveFindings::Begin(const std::string& signature, const std::string& from,
                                 const std::string& original, const std::vector<File>& seen) {
  LiveFinding& finding = found_[signature];
  finding.signature = signature;
  finding.from = from;
  finding.folder =
      project_.work / "findings" / names_.harness / (names_.prefix + "-" + Slug(signature));
  std::error_code ignored;
  finding.known = fs::exists(finding.folder / "case", ignored);
  MakeFolder(finding.folder);
  WriteFile(finding.folder / "original", original);
  for (const File& file : seen) WriteFile(finding.folder / file.name, file.content);
  return finding;
}

void LiveFindings::End(LiveFinding& finding, const std::string& tape, const std::string& ops,
                       const std::vector<File>& others) {
  WriteFile(finding.folder / "case", tape);
  WriteFile(finding.folder / "case.ops", ops);
  for (const File& file : others) WriteFile(finding.folder / file.name, file.content);
  WriteFile(finding.folder / "report.json", ToJson(finding).dump(2) + "\n");
  std::fprintf(out_,
               "%s: %s%s\n  from:      %s, %zu -> %zu ops, %zu candidates tried\n%s"
               "  folder:    %s\n  replay:    %s\n",
               names_.noun.c_str(), finding.signature.c_str(),
               finding.known ? "  (known from an earlier run)" : "", finding.from.c_str(),
               finding.ops_before, finding.ops_after, finding.candidates, finding.text.c_str(),
               project_.Shown(finding.folder).c_str(), Replay(finding).c_str());
  std::fflush(out_);
}

std::string LiveFindings::Count() const { return Plural(found_.size(), names_.noun); }

void LiveFindings::Sum() const {
  std::fprintf(out_, "%s\n", Count().c_str());
  for (const auto& [signature, finding] : found_) {
    std::fprintf(out_, "  %s, met %s: %s\n", signature.c_str(), Plural(finding.met, "time").c_str(),
                 project_.Shown(finding.folder).c_str());
  }
}

int LiveFindings::ExitCode() const {
  if (Interrupted()) return kInterrupted;
  return found_.empty() ? kAllWell : kFinding;
}

std::string LiveFindings::Replay(const LiveFinding& finding) const {
  return "./resprobe replay " + project_.Shown(finding.folder / "case.ops") + " " + names_.server;
}

Json LiveFindings::ToJson(const LiveFinding& finding) const {
  Json json = finding.report;
  json["signature"] = JsonText(finding.signature);
  json["harness"] = names_.harness;
  json["from"] = finding.from;
  json["met"] = finding.met;
  json["known"] = finding.known;
  json["size"] = {{"ops_before", finding.ops_before},
                  {"ops_after", finding.ops_after},
                  {"candidates", finding.candidates}};
  json["folder"] = project_.Shown(finding.folder);
  json["replay"] = Replay(finding);
  return json;
}

Json LiveFindings::ToJson() const {
  Json all = Json::array();
  for (const auto& [signature, finding] : found_) all.push_back(ToJson(finding));
  return all;
}

size_t ReplayCases(const Project& project, const std::vector<fs::path>& cases, bool quiet,
                   const OutputOptions& output,
                   const std::function<LiveOutcome(const fs::path&)>& run, Json* report) {
  size_t failed = 0;
  Json& all = (*report)["cases"] = Json::array();
  for (const fs::path& file : cases) {
    if (Interrupted()) throw Interruption();
    LiveOutcome outcome = run(file);
    if (Interrupted() && !outcome.failed()) throw Interruption();  // not at its end, perhaps
    const std::string shown = project.Shown(file);
    failed += outcome.failed() ? 1 : 0;
    if (output.text_on_stdout() && (outcome.failed() || !quiet)) {
      std::printf("%-10s %s  ops %zu\n", outcome.word.c_str(), shown.c_str(), outcome.ops);
    }
    if (output.text_on_stdout() && outcome.failed()) {
      std::printf("  signature: %s\n  at op:     %zu\n%s", outcome.signature.c_str(), outcome.op,
                  outcome.text.c_str());
    }
    outcome.report["file"] = JsonText(shown);
    outcome.report["outcome"] = outcome.word;
    all.push_back(std::move(outcome.report));
  }
  return failed;
}

int TellMinimized(const Project& project, const fs::path& file, const fs::path& output,
                  const Minimized& minimized) {
  std::printf("%s: %zu -> %zu ops, %zu -> %zu bytes, %zu candidates tried%s\n",
              project.Shown(file).c_str(), minimized.ops_before, minimized.ops_after,
              minimized.bytes_before, minimized.bytes_after, minimized.candidates,
              minimized.interrupted ? ", interrupted" : "");
  std::printf("signature: %s\nwritten:   %s\n", minimized.signature.c_str(),
              project.Shown(output).c_str());
  return minimized.interrupted ? kInterrupted : kAllWell;
}

}  // namespace resprobe::cli

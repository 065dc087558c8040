#include "findings/finding.h"

#include <algorithm>

#include "findings/descriptor.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// Of the report in a long log of an engine: from its first line that tells of a failure.
std::string ReportOnly(const std::string& log) {
  size_t start = std::string::npos;
  for (const char* mark : {"== resprobe: violation of ", "ERROR: ", ": runtime error: "}) {
    start = std::min(start, log.find(mark));
  }
  if (start == std::string::npos) return log;
  const size_t line = log.rfind('\n', start);
  return log.substr(line == std::string::npos ? 0 : line + 1);
}

}  // namespace

fs::path FolderOf(const Project& project, const HarnessEntry& harness, const Signature& signature) {
  return project.FindingsOf(harness) / signature.Slug();
}

std::string FindingLimits::Typed() const {
  const FindingLimits usual;
  std::string typed;
  if (timeout_seconds != usual.timeout_seconds) {
    typed += " --timeout " + std::to_string(timeout_seconds);
  }
  if (rss_mb != usual.rss_mb) typed += " --rss " + std::to_string(rss_mb);
  return typed;
}

Finding FileFinding(const Project& project, const HarnessEntry& harness, const RawFinding& raw,
                    const FindingLimits& limits) {
  Finding finding;
  finding.signature = raw.signature.Text();
  finding.folder = FolderOf(project, harness, raw.signature);
  MakeFolder(finding.folder);
  const fs::path file = finding.folder / "case";
  const std::string bytes = ReadFile(raw.artifact);
  // What must not be lost comes first; all else can be had from it again.
  WriteFile(finding.folder / "original", bytes);
  WriteFile(file, bytes);
  const std::string engine_report = ReportOnly(raw.report);
  WriteFile(finding.folder / "report.txt", engine_report);

  CaseResult replayed;
  Shrunk shrunk;
  shrunk.bytes_before = shrunk.bytes_after = bytes.size();
  std::string text;
  HarnessInfo info;
  bool minimized = false;
  bool interrupted = Interrupted();
  try {
    if (!interrupted) {
      info = AskInfo(harness);
      TempFolder temp;
      const fs::path smaller = temp.path() / "case";
      const Shrunk found = Shrink(harness, finding.folder / "original", smaller,
                                  limits.timeout_seconds, limits.rss_mb);
      if (!found.signature.empty()) {
        WriteFile(file, ReadFile(smaller));
        shrunk = found;
        minimized = true;
      }
      RunOptions options;
      options.trace = true;
      options.limits = {static_cast<double>(limits.timeout_seconds), limits.rss_mb};
      RunCases(harness, {file}, options, [&](CaseResult result) { replayed = std::move(result); });
      text = CaseText(harness, info, file);
      WriteFile(finding.folder / "case.ops", text);
    }
  } catch (const Interruption&) {
    interrupted = true;
  } catch (const UserError& error) {
    replayed.seen = error.what();
  }
  std::string stack = replayed.stack.empty() ? ReadStack(engine_report) : replayed.stack;
  if (stack.empty()) stack = "no stack: " + finding.signature + "\n";
  WriteFile(finding.folder / "stack.txt", stack);
  WriteFile(finding.folder / "trace.txt",
            replayed.trace.empty()
                ? "The run ended before its trace could be told (see stack.txt). The case:\n" + text
                : replayed.trace);
  if (!replayed.report.empty()) WriteFile(finding.folder / "report.txt", replayed.report);

  Json& json = finding.report;
  json["harness"] = harness.name;
  json["signature"] = JsonText(finding.signature);
  json["kind"] = raw.signature.kind;
  if (replayed.outcome == "violation") {
    json["invariant"] = replayed.invariant;
    json["statement"] = info.StatementOf(replayed.invariant);
    json["op"] = replayed.op;
    json["expected"] = JsonText(replayed.expected);
    json["seen"] = JsonText(replayed.seen);
  } else if (raw.signature.kind == "violation") {
    json["invariant"] = raw.signature.detail;
  }
  if (!raw.signature.frames.empty()) json["frames"] = raw.signature.frames;
  if (!text.empty()) json["case"] = JsonText(text);
  if (!replayed.hash.empty()) json["hash"] = replayed.hash;
  json["minimized"] = minimized;
  // A case that fails under the engine and not alone depends on what ran before it.
  if (!interrupted) json["replays"] = replayed.failed() && !replayed.outcome.empty();
  if (interrupted) json["interrupted"] = true;
  json["size"] = {{"ops_before", shrunk.ops_before},
                  {"ops_after", shrunk.ops_after},
                  {"bytes_before", shrunk.bytes_before},
                  {"bytes_after", shrunk.bytes_after},
                  {"candidates", shrunk.candidates}};
  json["limits"] = {{"timeout", limits.timeout_seconds}, {"rss", limits.rss_mb}};
  json["engine"] = raw.engine;
  json["seed"] = raw.seed;
  if (!interrupted) json["versions"] = VersionsOf(project, info);
  json["folder"] = JsonText(project.Shown(finding.folder));
  json["replay"] = JsonText(
      "./resprobe replay --harness " + harness.name + " " + ShellWord(project.Shown(file)) +
      limits.Typed() + (harness.with_server() ? " --start " + ShellWord(LiveServerCommand()) : ""));
  WriteFile(finding.folder / "report.json", json.dump(2) + "\n");
  return finding;
}

}  // namespace resprobe::cli

#include <absl/time/time.h>

#include <algorithm>
#include <map>

#include "report/escape.h"
#include "report/tables.h"
#include "report/writers.h"
#include "runner/files.h"

namespace resprobe::report {
namespace {

constexpr const char* kRoot = "SRCROOT";

Json Message(const std::string& text) { return {{"text", VisibleText(text)}}; }

// What a rule is here: an invariant, or a kind of failure.
std::string RuleOf(const Check& check) {
  const std::string id = check.finding != nullptr && !check.finding->invariant.empty()
                             ? check.finding->invariant
                             : check.kind;
  return VisibleText(id.empty() ? "failed" : id);
}

// "", time as SARIF writes it, `seconds` later.
std::string EndOf(const Report& report) {
  absl::Time started;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, report.started, &started, &error)) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", started + absl::Seconds(report.seconds),
                          absl::UTCTimeZone());
}

Json LocationOf(const Report& report, const Check& check) {
  Json location = Json::object();
  const Finding* const finding = check.finding;
  const std::string folder = finding == nullptr ? "" : finding->folder;
  if (!folder.empty()) {
    location["physicalLocation"] = {{"artifactLocation", {{"uri", UriOf(folder + "/case.ops")}}},
                                    {"region", {{"startLine", 1}}}};
    // A folder outside of the project has a whole path.
    Json& artifact = location["physicalLocation"]["artifactLocation"];
    if (folder.starts_with('/')) {
      artifact["uri"] = "file://" + artifact["uri"].get<std::string>();
    } else {
      artifact["uriBaseId"] = kRoot;
    }
  }
  const std::string name =
      finding != nullptr && !finding->harness.empty() ? finding->harness : report.verb;
  location["logicalLocations"] =
      Json::array({{{"fullyQualifiedName", VisibleText(name)}, {"kind", "module"}}});
  return location;
}

Json StackOf(const Finding& finding) {
  Json frames = Json::array();
  for (const std::string& frame : finding.frames) {
    const Json logical =
        Json::array({{{"fullyQualifiedName", VisibleText(frame)}, {"kind", "function"}}});
    frames.push_back({{"location", {{"logicalLocations", logical}}}});
  }
  return {{"message", Message("where it failed, innermost first")}, {"frames", frames}};
}

Json ResultOf(const Report& report, const Check& check, size_t rule) {
  std::string text = check.name;
  if (!check.message.empty()) text += "\n" + check.message;
  if (!check.text.empty()) text += "\n" + check.text;
  Json result = {{"ruleId", RuleOf(check)},
                 {"ruleIndex", rule},
                 {"kind", "fail"},
                 {"level", "error"},
                 {"message", Message(text)},
                 {"locations", Json::array({LocationOf(report, check)})},
                 {"partialFingerprints",
                  {{"resprobeSignature/v1", runner::Sha1(report.verb + "\n" + check.name)}}}};
  Json properties = Json::object();
  if (check.seed) properties["seed"] = *check.seed;
  if (!check.command.empty()) properties["replay"] = VisibleText(check.command);
  if (const Finding* const finding = check.finding; finding != nullptr) {
    if (!finding->frames.empty()) result["stacks"] = Json::array({StackOf(*finding)});
    result["occurrenceCount"] = finding->met;
    if (!finding->server.empty()) properties["server"] = VisibleText(finding->server);
    properties["known"] = finding->known;
  }
  if (!properties.empty()) result["properties"] = properties;
  return result;
}

Json RunOf(const Report& report) {
  Json rules = Json::array();
  Json results = Json::array();
  Json notes = Json::array();
  std::map<std::string, size_t> index;
  for (const Check& check : ChecksOf(report)) {
    if (check.status == Status::kPassed) continue;
    if (check.status != Status::kFailed) {
      notes.push_back({{"level", check.status == Status::kSkipped ? "note" : "warning"},
                       {"message", Message(check.name + ": " + check.message)}});
      continue;
    }
    const std::string rule = RuleOf(check);
    const auto [at, is_new] = index.emplace(rule, index.size());
    if (is_new) {
      const std::string statement = check.finding != nullptr && !check.finding->statement.empty()
                                        ? check.finding->statement
                                        : "what " + report.verb + " tests: " + rule;
      rules.push_back({{"id", rule},
                       {"shortDescription", Message(statement)},
                       {"defaultConfiguration", {{"level", "error"}}}});
    }
    results.push_back(ResultOf(report, check, at->second));
  }
  Json invocation = {{"executionSuccessful", !report.interrupted},
                     {"exitCode", report.exit_code},
                     {"toolExecutionNotifications", notes}};
  if (const std::string command = CommandOf(report); !command.empty()) {
    invocation["commandLine"] = VisibleText(command);
  }
  if (!report.started.empty()) {
    invocation["startTimeUtc"] = report.started;
    if (const std::string end = EndOf(report); !end.empty()) invocation["endTimeUtc"] = end;
  }
  Json properties = Json::object();
  for (const auto& [name, value] : FactsOf(report))
    properties[VisibleText(name)] = VisibleText(value);
  return {
      {"tool", {{"driver", {{"name", "resprobe"}, {"version", report.version}, {"rules", rules}}}}},
      {"automationDetails", {{"id", "resprobe/" + report.verb + "/"}}},
      {"originalUriBaseIds", {{kRoot, {{"description", Message("the root of the repository")}}}}},
      {"columnKind", "utf16CodeUnits"},
      {"invocations", Json::array({invocation})},
      {"results", results},
      {"properties", properties}};
}

void AddRuns(const Report& report, Json* runs) {
  // A run that consists of others has none of its own, unless it has checks.
  if (report.reports.empty() || !ChecksOf(report).empty()) runs->push_back(RunOf(report));
  for (const Report& one : report.reports) AddRuns(one, runs);
}

}  // namespace

std::string SarifOf(const Report& report) {
  Json runs = Json::array();
  AddRuns(report, &runs);
  const Json document = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                         {"version", "2.1.0"},
                         {"runs", runs}};
  return document.dump(2) + "\n";
}

}  // namespace resprobe::report

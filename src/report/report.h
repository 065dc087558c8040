#ifndef RESPROBE_REPORT_REPORT_H_
#define RESPROBE_REPORT_REPORT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runner/json.h"

// What a run of a verb has shown, as one value. Every verb that has a campaign fills one; every
// format of --format is a function of it (writers.h). docs/reports.md is the description for users.
namespace resprobe::report {

inline constexpr const char* kSchema = "resprobe-report";
// Grows if a field changes its meaning or goes; a field that is added leaves it as it is.
inline constexpr int kSchemaVersion = 1;

// kUnknown: it could not be judged, which never counts as passed.
enum class Status { kPassed, kFailed, kSkipped, kUnknown };
inline constexpr const char* kStatusNames[] = {"passed", "failed", "skipped", "unknown"};
std::string NameOf(Status status);

// Something that was tried: a part of a campaign, a test, a seed of the bank.
struct Result {
  std::string name;
  Status status = Status::kPassed;
  std::string note = {};     // what is wrong, or why it was skipped
  std::string command = {};  // that does the same alone; "" if there is none
  std::optional<uint64_t> seed = {};
  double seconds = 0;  // 0: not measured

  bool operator==(const Result&) const = default;
};

// A failure that was filed, or met. `json` is all that is known of it, in the form of a finding's
// report.json (findings/failure.h); the others are taken from there by FindingOf(). All texts may
// quote what a foreign program has sent.
struct Finding {
  Json json = Json::object();
  std::string signature = {};
  std::string kind = {};
  std::string invariant = {};
  std::string statement = {};
  std::string harness = {};
  std::string server = {};  // "redis 7.0.15", or how it is started; "" if there is none
  std::string at = {};      // "#4"
  std::string expected = {};
  std::string seen = {};
  std::vector<std::string> frames = {};
  std::string case_text = {};  // the smallest case, as text
  std::string from = {};
  std::string folder = {};  // below the root of the repository; "" if it was not filed
  std::string replay = {};  // the command that runs it again
  std::optional<uint64_t> seed = {};
  uint64_t met = 1;    // times
  bool known = false;  // filed by an earlier run
  bool fails = true;   // it fails the run
  // Files of its folder: name and content. What is long is cut.
  std::map<std::string, std::string> attachments = {};

  bool operator==(const Finding& other) const { return json == other.json; }
};
// Fields that are missing stay empty.
Finding FindingOf(const Json& json);

// Lines over a common x axis.
struct Plot {
  struct Line {
    std::string name;
    std::vector<std::pair<double, double>> points;  // x does not decrease

    bool operator==(const Line&) const = default;
  };
  std::string title;
  std::string x;  // what the axis is, with its unit: "seconds"
  std::string y;
  std::vector<Line> lines = {};

  bool operator==(const Plot&) const = default;
};

struct Report {
  std::string verb;                         // "oracle --unmodelled"
  std::vector<std::string> arguments = {};  // the words of the command line, without the program
  std::string version = {};                 // of resprobe
  std::string host = {};
  std::string started = {};  // UTC: "2026-11-22T13:41:25Z"
  double seconds = 0;        // without the work on failures
  bool interrupted = false;
  std::string vacuous = {};  // why the run proves nothing; "" if it does prove something
  int exit_code = 0;
  std::string noun = "finding";  // what the verb calls its findings, in the singular
  std::vector<Result> results = {};
  std::vector<Finding> findings = {};
  std::vector<Plot> plots = {};
  // What the verb says besides: how it ran, and what it covered, in fields of its own. They are on
  // the top level of the JSON; other formats show them as tables (tables.h).
  Json own = Json::object();
  std::vector<Report> reports = {};  // of the runs that this one consists of

  bool operator==(const Report&) const = default;
};

// A report of this process: version, host and arguments are filled in, and `started`, which is
// `seconds` before now.
Report NewReport(const std::string& verb, double seconds);

// Everything that the report says passed or did not: its results, then its findings, then what is
// wrong with the run as a whole. At least one. Without those of its reports.
struct Check {
  std::string name;
  Status status = Status::kPassed;
  std::string kind;     // of what is not passed: "violation", "vacuous"
  std::string message;  // one line
  std::string text;     // more lines
  std::string command;
  std::optional<uint64_t> seed;
  double seconds = 0;
  const Finding* finding = nullptr;  // that it is; null: none
};
std::vector<Check> ChecksOf(const Report& report);

struct Summary {
  uint64_t total = 0;
  uint64_t passed = 0;
  uint64_t failed = 0;
  uint64_t skipped = 0;
  uint64_t unknown = 0;
};
// Of the report and of all of its reports.
Summary SummaryOf(const Report& report);
Status StatusOf(const Summary& summary);

// "./resprobe VERB …"; "" if the arguments are unknown.
std::string CommandOf(const Report& report);

Json ToJson(const Report& report);
// Throws UserError, which begins with `where`, if the JSON is not a report, or one of a newer
// schema.
Report ReadReport(const Json& json, const std::string& where);

}  // namespace resprobe::report

#endif  // RESPROBE_REPORT_REPORT_H_

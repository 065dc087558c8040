#include "cli/oracle/oracle_report.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/junit.h"
#include "runner/files.h"
#include "runner/json.h"

namespace resprobe::cli {
namespace {

// Lines with " ; " between them.
std::string OneLine(const std::string& lines) {
  std::string text;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    text += (at > 0 ? " ; " : "") + lines.substr(at, end - at);
    at = end + 1;
  }
  return text;
}

// True if the finding makes the run fail.
bool Fails(const OracleVerbOptions& options, const findings::Found& found) {
  return options.fail_on != "new" || !found.known;
}

// A test for each command of the profile: passed if it was compared and no finding names it, failed
// with the findings that do, skipped if the server lacks it or it was not compared, or if the
// findings do not fail the run. Findings that name no command are tests of their own.
std::vector<report::JunitTest> TestsOf(const OracleVerbOptions& options, const OracleSearch& search,
                                       const findings::Campaign& campaign) {
  using report::JunitTest;
  const live::Oracle& oracle = search.session().oracle();
  std::map<std::string, std::vector<const findings::Found*>> by_command;
  std::set<std::string, std::less<>> commands;
  for (const Command& command : Commands(oracle.profile())) {
    commands.emplace(command.full_name());
    for (const Command& subcommand : command.subcommands) commands.emplace(subcommand.full_name());
  }
  // The command that a signature begins with, or those that have shown what they share.
  const auto add_names = [&](std::string_view signature, std::set<std::string>* names) {
    const auto shared = oracle.verdict().commands_of().find(signature);
    if (shared != oracle.verdict().commands_of().end()) {
      names->insert(shared->second.begin(), shared->second.end());
    }
    for (const std::string_view place : {"state: ", "exec: "}) {
      if (signature.starts_with(place)) signature.remove_prefix(place.size());
    }
    const std::string_view name = signature.substr(0, signature.find_first_of(": "));
    if (commands.contains(name)) names->emplace(name);
  };
  for (const auto& [signature, found] : campaign.list().by_signature) {
    std::set<std::string> names;
    add_names(signature, &names);
    for (const std::string& variant : found.variants) add_names(variant, &names);
    if (names.empty()) names.insert(signature);
    for (const std::string& name : names) by_command[name].push_back(&found);
  }
  std::map<std::string, std::string> accepted;
  for (const AcceptedDifference& one : search.accepted().list()) {
    if (!one.met) continue;
    std::set<std::string> names;
    add_names(one.signature, &names);
    for (const std::string& name : names) {
      accepted[name] += "accepted: " + one.signature + ": " + one.reason + "\n";
    }
  }
  std::vector<JunitTest> tests;
  const auto fail = [&](const std::string& name, const std::vector<const findings::Found*>& found) {
    const bool fails = std::ranges::any_of(
        found, [&](const findings::Found* one) { return Fails(options, *one); });
    JunitTest test{.name = name,
                   .result = fails ? JunitTest::Result::kFailed : JunitTest::Result::kSkipped,
                   .message = fails ? "" : "known from an earlier run: "};
    const char* separator = "";
    for (const findings::Found* one : found) {
      test.message += separator + one->failure.what.signature;
      separator = "; ";
      test.text += one->failure.what.details.value("session", "") +
                   "core:   " + one->failure.what.expected + "\nserver: " + one->failure.what.seen +
                   "\n";
    }
    tests.push_back(std::move(test));
  };
  const auto add = [&](const Command& command) {
    const std::string name(command.full_name());
    if (command.HasTrait(kNotCompared) || command.spec->handler == nullptr) return;
    if (const auto found = by_command.extract(name); !found.empty()) {
      return fail(name, found.mapped());
    }
    const auto counted = oracle.counts().commands.find(&command);
    const bool compared = counted != oracle.counts().commands.end() && counted->second.requests > 0;
    JunitTest test{.name = name, .message = accepted[name]};
    if (!compared) {
      test.result = JunitTest::Result::kSkipped;
      const bool asked = std::ranges::count(oracle.survey().not_asked(), name) == 0;
      test.message = oracle.survey().Has(name) ? "was not compared"
                     : asked                   ? "absent"
                                               : "there was no time to ask about it";
    }
    tests.push_back(test);
    for (const live::ServerSurvey::Absent& absent : oracle.survey().absent()) {
      if (!absent.name.starts_with(name + " ")) continue;
      tests.push_back({.name = absent.name,
                       .result = JunitTest::Result::kSkipped,
                       .message = "absent: " + absent.reply});
    }
  };
  for (const Command& command : Commands(oracle.profile())) {
    add(command);
    for (const Command& subcommand : command.subcommands) add(subcommand);
  }
  for (const auto& [name, found] : by_command) fail(found.front()->failure.what.signature, found);
  return tests;
}

}  // namespace

void WriteAccepted(const OracleVerbOptions& options, const OracleSearch& search,
                   const findings::Campaign& campaign) {
  AcceptedDifferences all = search.accepted();
  for (const auto& [signature, found] : campaign.list().by_signature) {
    const findings::Symptom& what = found.failure.what;
    AcceptedDifference one;
    one.signature = signature;
    one.reason = kNoReason;
    one.example = OneLine(what.details.value("session", "")) + " core: " + what.expected +
                  " server: " + what.seen;
    for (const auto& [as, met] : found.met_as) one.met_as.insert(as);
    all.Add(std::move(one));
  }
  all.Write(options.write_accept, search.session().target().version());
}

void WriteJunit(const OracleVerbOptions& options, const OracleSearch& search,
                const findings::Campaign& campaign) {
  runner::WriteFile(options.junit,
                    report::JunitDocument({{.name = search.session().target().version(),
                                            .class_name = "oracle",
                                            .seconds = campaign.clock().Seconds(),
                                            .tests = TestsOf(options, search, campaign)}}));
}

void AddCommands(const OracleVerbOptions& options, const OracleSearch& search,
                 const findings::Campaign& campaign, report::Report* report) {
  for (const report::JunitTest& test : TestsOf(options, search, campaign)) {
    const bool known = test.message.starts_with("known from");
    if (test.result == report::JunitTest::Result::kFailed || known) continue;
    report::Result result = {.name = "command " + test.name, .note = test.message};
    if (test.result == report::JunitTest::Result::kSkipped) {
      result.status = report::Status::kSkipped;
    }
    report->results.push_back(std::move(result));
  }
}

}  // namespace resprobe::cli

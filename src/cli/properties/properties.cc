// properties: laws about one server's replies, checked by themselves.

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/command_line/verb.h"
#include "cli/oracle/live_runners.h"
#include "cli/output_options.h"
#include "cli/properties/property_runner.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "engine/generate.h"
#include "findings/campaign.h"
#include "runner/case_file.h"
#include "runner/json.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

using World = PropertyWorld;

struct PropertiesOptions {
  ServerOptions server;  // none: the simulated system
  std::string filter;
  std::string plant;
  bool list = false;
  int64_t seeds = 1000;
  int64_t seed = 1;
  double seconds = 0;
  bool stop_on_failure = false;
  runner::OutputOptions output;
};

// The properties that the filter names, by their place; throws UserError if there is no such one.
std::vector<size_t> Wanted(const std::string& filter) {
  std::vector<size_t> wanted;
  for (const std::string& name : SplitList(filter)) {
    const auto* const at = std::ranges::find(kPropertyNames, name);
    if (at == kPropertyNames.end()) {
      throw runner::UserError("--filter " + filter + ": there is no property '" + name +
                              "': ./resprobe properties --list names them");
    }
    wanted.push_back(static_cast<size_t>(at - kPropertyNames.begin()));
  }
  for (size_t i = 0; filter.empty() && i < kPropertyCount; ++i) wanted.push_back(i);
  if (wanted.empty()) throw runner::UserError("--filter '" + filter + "' names no property");
  return wanted;
}

class PropertySearch : public findings::Search {
 public:
  PropertySearch(const runner::Project& project, const PropertiesOptions& options)
      : options_(options), wanted_(Wanted(options.filter)), runner_(project, SpecOf(options)) {}

  bool Step(const Met& met) override {
    if (cases_ == options_.seeds) return false;
    const auto seed = static_cast<uint64_t>(options_.seed + cases_++);
    arena_.Reset();
    Case<World> c;
    Generate(seed, &arena_, &c);
    for (World::Op& op : c.ops) {
      auto* const check = std::get_if<World::Check>(&op);
      if (check == nullptr) continue;
      check->property =
          static_cast<PropertyId>(wanted_[static_cast<size_t>(check->property) % wanted_.size()]);
    }
    findings::CaseOutcome outcome = runner_.RunCase(c);
    if (!outcome.failed()) return true;
    findings::MetCase one;
    one.tape = runner::TapeOf(c);
    one.ops = c.ops.size();
    one.from = "seed " + std::to_string(seed);
    one.seed = seed;
    one.outcome = std::move(outcome);
    met(std::move(one));
    return true;
  }

  findings::CaseRunner& runner() override { return runner_; }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(static_cast<uint64_t>(cases_)) + " seeds, " +
           clock.Rate(Trials(), "trials") + ", " + found;
  }

  std::string Summary() const override {
    std::string text = runner_.ServerName() + "\n";
    text += absl::StrFormat("%-28s %8s %8s\n", "property", "held", "failed");
    for (const size_t i : wanted_) {
      const World::Tally& tally = tallies()[i];
      text += absl::StrFormat("%-28s %8d %8d%s\n", kPropertyNames[i], tally.held, tally.failed,
                              LeftOut(tally).empty() ? "" : "  left out: " + LeftOut(tally));
    }
    return text;
  }

  Json Report() const override {
    Json properties = Json::array();
    for (const size_t i : wanted_) {
      const World::Tally& tally = tallies()[i];
      Json one = {{"name", std::string(kPropertyNames[i])},
                  {"statement", std::string(kPropertyInfos[i].statement)},
                  {"held", tally.held},
                  {"failed", tally.failed}};
      if (tally.left_out > 0) one["left_out"] = tally.left_out;
      if (!tally.absent.empty()) one["absent"] = runner::JsonText(tally.absent);
      properties.push_back(std::move(one));
    }
    return {{"server", runner_.ServerName()},
            {"seed", options_.seed},
            {"seeds", cases_},
            {"properties", std::move(properties)}};
  }

  void AddTo(report::Report* report) const override {
    for (const size_t i : wanted_) {
      const World::Tally& tally = tallies()[i];
      report::Result result = {.name = std::string(kPropertyNames[i])};
      if (tally.failed > 0) {
        result.status = report::Status::kFailed;
        result.note = absl::StrFormat("%d of %d trials", tally.failed, tally.failed + tally.held);
      } else if (tally.held == 0) {
        result.status = tally.left_out > 0 ? report::Status::kSkipped : report::Status::kUnknown;
        result.note = tally.left_out > 0 ? LeftOut(tally) : "it was not tried";
      }
      report->results.push_back(std::move(result));
    }
  }

  std::string WhyVacuous() const override {
    if (!options_.plant.empty()) return "the fault of --plant " + options_.plant + " was not found";
    std::vector<std::string> untried;
    uint64_t held = 0;
    for (const size_t i : wanted_) {
      const World::Tally& tally = tallies()[i];
      held += tally.held;
      if (tally.held + tally.failed + tally.left_out == 0) untried.emplace_back(kPropertyNames[i]);
    }
    if (held == 0) return "no property was held by a trial";
    if (untried.empty()) return "";
    return absl::StrJoin(untried, ", ") + ": not tried once: give more --seeds";
  }

 private:
  static findings::RunSpec SpecOf(const PropertiesOptions& options) {
    LiveOptions live;
    live.server = options.server;
    findings::RunSpec spec = ToRunSpec(live, "properties", std::string(World::kName));
    if (!options.plant.empty()) spec.options["plant"] = options.plant;
    return spec;
  }
  static std::string LeftOut(const World::Tally& tally) {
    if (tally.absent.empty()) return "";
    return tally.absent == "a crash" ? "a live server is crashed by ./resprobe crash"
                                     : "the server lacks " + tally.absent;
  }
  const std::vector<World::Tally>& tallies() const { return runner_.world().tallies(); }
  uint64_t Trials() const {
    uint64_t trials = 0;
    for (const World::Tally& tally : tallies()) trials += tally.held + tally.failed;
    return trials;
  }

  const PropertiesOptions& options_;
  const std::vector<size_t> wanted_;
  PropertyCaseRunner runner_;
  Arena arena_;
  int64_t cases_ = 0;
};

int RunProperties(PropertiesOptions& options) {
  options.output.Check();
  if (options.list) {
    for (const InvariantInfo& info : std::span(kPropertyInfos).first(kPropertyCount)) {
      std::printf("%-28s %s\n", std::string(info.name).c_str(),
                  std::string(info.statement).c_str());
    }
    return runner::kAllWell;
  }
  Wanted(options.filter);
  if (!options.plant.empty() &&
      std::ranges::find(kPropertyNames, options.plant) == kPropertyNames.end()) {
    throw runner::UserError("--plant " + options.plant +
                            ": there is no property of that name: "
                            "./resprobe properties --list names them");
  }
  const runner::Project project = runner::OpenProject();
  PropertySearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "properties";
  campaign.prefix = "properties-";
  campaign.seconds = options.seconds;
  campaign.stop_on_failure = options.stop_on_failure;
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  return findings::Campaign(project, &search, campaign).Run(options.output);
}

}  // namespace

Verb PropertiesVerb() {
  const auto options = std::make_shared<PropertiesOptions>();
  Verb verb("properties", "laws that each server keeps, checked by themselves");
  verb.details =
      "A property is a law about the replies of one server: GET gives what SET has set, a scan "
      "returns all that is there from its start to its end, what was acknowledged is there after a "
      "crash. No other server and no model is needed, so any server can be asked. Each seed is a "
      "case of some trials, with keys that hold anything before. What a server lacks is left out, "
      "and said. Without a server they are asked of the core in the simulated system. "
      "docs/properties.md lists them.";
  verb.examples = {
      {"properties --seeds 1000", "the core, in simulation"},
      {"properties --start 'my-server --port {port}' --seeds 200", "any server"},
      {"properties --filter scan_returns_all,set_algebra --start valkey-server", "two of them"}};
  verb.exit_codes = "0 each holds, 1 one does not, or was not tried, 2 wrong use.";
  options->server.AddTo(&verb);
  verb.Group("What is tried");
  verb.Text("--filter", "NAME,…", &options->filter, "These properties alone");
  verb.Flag("--list", &options->list, "List the properties, and end");
  verb.Text("--plant", "NAME", &options->plant,
            "Break the server on purpose, so that this property does not hold, to see that it is "
            "found");
  verb.Group("How long");
  verb.Number("--seeds", "N", &options->seeds, 1, INT32_MAX, "This many cases").ShowDefault();
  verb.Number("--seed", "S", &options->seed, 0, INT32_MAX, "The first of them").ShowDefault();
  verb.Time("--time", &options->seconds, "No new case after 30s, 5m, 1h");
  verb.Flag("--stop-on-failure", &options->stop_on_failure, "End after the first finding");
  verb.Group("");
  AddReportOptions(&verb, &options->output);
  AddWatchOption(&verb, &options->output);
  verb.run = [=] { return RunProperties(*options); };
  return verb;
}

}  // namespace resprobe::cli

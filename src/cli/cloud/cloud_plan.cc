#include "cli/cloud/cloud_plan.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include <algorithm>
#include <string_view>

#include "cli/command_line/parse.h"
#include "cli/verbs.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr const char* kPlanSchema = "resprobe-campaign";
constexpr int kPlanSchemaVersion = 1;

// Options that the campaign gives to each unit itself.
constexpr std::string_view kOfTheCampaign[] = {"--seed",   "--seeds",  "--time",
                                               "--format", "--output", "--corpus"};
// A server that all machines would share.
constexpr std::string_view kShared[] = {"--server", "--unix"};

const Option* OptionOf(const Verb& verb, std::string_view name) {
  const auto at = std::ranges::find(verb.options, name, &Option::name);
  return at == verb.options.end() ? nullptr : &*at;
}

// Whether the verb runs a range of seeds, and writes a report.
bool RunsInUnits(const Verb& verb) {
  const Option* const format = OptionOf(verb, "--format");
  const bool reports =
      format != nullptr && std::ranges::find(format->choices, "junit") != format->choices.end();
  if (!reports || verb.name == "cloud" || OptionOf(verb, "--seed") == nullptr) return false;
  return OptionOf(verb, "--seeds") != nullptr || verb.name == "fuzz";
}

bool IsAmong(const std::string& word, const auto& names) {
  const std::string name = word.substr(0, word.find('='));
  return std::ranges::find(names, name) != std::end(names);
}

}  // namespace

bool CloudPlan::SameWork(CloudPlan other) const {
  other.created = created;
  return other == *this;
}

std::string CloudPlan::Id() const { return runner::Sha1(ToJson(*this).dump()).substr(0, 12); }

Json ToJson(const CloudPlan& plan) {
  Json json = {{"schema", kPlanSchema},   {"schema_version", kPlanSchemaVersion},
               {"verb", plan.verb},       {"harnesses", plan.harnesses},
               {"options", plan.options}, {"seed", plan.seed},
               {"seeds", plan.seeds},     {"seconds", plan.seconds},
               {"units", plan.units},     {"created", plan.created}};
  if (!plan.corpus.empty()) json["corpus"] = plan.corpus;
  return json;
}

CloudPlan ReadPlan(const fs::path& file) {
  const Json json = Json::parse(runner::ReadFile(file), nullptr, false);
  if (json.is_discarded() || !json.is_object() || json.value("schema", Json()) != kPlanSchema) {
    throw runner::UserError(file.string() +
                            ": is no campaign: name the campaign.json that cloud has written");
  }
  if (json.value("schema_version", Json()) != kPlanSchemaVersion) {
    throw runner::UserError(file.string() + ": a campaign of schema " +
                            json.value("schema_version", Json()).dump() +
                            ", and this program reads " + std::to_string(kPlanSchemaVersion));
  }
  CloudPlan plan;
  try {
    plan.verb = json.at("verb").get<std::string>();
    plan.harnesses = json.at("harnesses").get<std::vector<std::string>>();
    plan.options = json.at("options").get<std::vector<std::string>>();
    plan.seed = json.at("seed").get<uint64_t>();
    plan.seeds = json.at("seeds").get<uint64_t>();
    plan.seconds = json.at("seconds").get<double>();
    plan.units = json.at("units").get<uint64_t>();
    plan.corpus = json.value("corpus", "");
    plan.created = json.at("created").get<std::string>();
  } catch (const Json::exception&) {
    throw runner::UserError(file.string() + ": is damaged: a field is missing or has another type");
  }
  if (plan.units == 0 || plan.seeds == 0 || (plan.verb == "fuzz") == plan.harnesses.empty()) {
    throw runner::UserError(file.string() + ": is damaged: it has no unit of work");
  }
  return plan;
}

void CheckPlan(const CloudPlan& plan) {
  const Verb root = AllVerbs();
  const auto verb = std::ranges::find(root.verbs, plan.verb, &Verb::name);
  if (verb == root.verbs.end() || !RunsInUnits(*verb)) {
    std::vector<std::string> names;
    for (const Verb& one : root.verbs) {
      if (RunsInUnits(one)) names.push_back(one.name);
    }
    throw runner::UserError("--verb " + plan.verb + ": cannot run in units of work: use " +
                            absl::StrJoin(names, ", "));
  }
  for (const std::string& word : plan.options) {
    if (IsAmong(word, kOfTheCampaign)) {
      throw runner::UserError("--options: " + word + " is the campaign's: give it to cloud");
    }
    if (IsAmong(word, kShared)) {
      throw runner::UserError("--options: " + word +
                              ": all machines would use that server at once: give --start");
    }
  }
  if (plan.seconds > 0 && OptionOf(*verb, "--time") == nullptr) {
    throw runner::UserError("--time: " + plan.verb + " has no such option");
  }
  const Parsed parsed = Parse(root, WordsOf(plan, UnitOf(plan, plan.units - 1)));
  if (parsed.what == Parsed::What::kWrongUse) throw runner::UserError(parsed.error);
}

CloudUnit UnitOf(const CloudPlan& plan, uint64_t number) {
  CloudUnit unit = {.number = number, .harness = ""};
  if (plan.verb == "fuzz") {
    unit.harness = plan.harnesses[number % plan.harnesses.size()];
    unit.shard = number / plan.harnesses.size();
    unit.shards = plan.seeds;
    unit.seed = plan.seed + unit.shard;
    unit.seeds = 1;
    return unit;
  }
  // Sizes that differ by one at most: the first units have one more.
  const uint64_t each = plan.seeds / plan.units;
  const uint64_t larger = plan.seeds % plan.units;
  unit.seed = plan.seed + each * number + std::min(number, larger);
  unit.seeds = each + (number < larger ? 1 : 0);
  return unit;
}

std::vector<std::string> WordsOf(const CloudPlan& plan, const CloudUnit& unit) {
  std::vector<std::string> words = {plan.verb};
  if (plan.verb == "fuzz") {
    words.push_back(unit.harness);
    // What a machine does side by side is other units.
    const bool jobs = std::ranges::any_of(
        plan.options, [](const std::string& word) { return word.starts_with("--jobs"); });
    if (!jobs) words.insert(words.end(), {"--jobs", "1"});
  }
  words.insert(words.end(), {"--seed", std::to_string(unit.seed)});
  if (plan.verb != "fuzz") words.insert(words.end(), {"--seeds", std::to_string(unit.seeds)});
  if (plan.seconds > 0) {
    words.insert(words.end(), {"--time", absl::StrFormat("%gs", plan.seconds)});
  }
  words.insert(words.end(), plan.options.begin(), plan.options.end());
  return words;
}

std::string NameOf(const CloudUnit& unit) { return absl::StrFormat("%04d", unit.number); }

std::vector<std::string> SettingsOf(const std::string& verb) {
  const Verb root = AllVerbs();
  std::vector<std::string> settings;
  const auto at = std::ranges::find(root.verbs, verb, &Verb::name);
  if (at == root.verbs.end()) return settings;
  for (const Option& option : at->options) {
    if (option.positional() || option.name == "--seeds") continue;
    settings.push_back(absl::StrReplaceAll(option.name.substr(2), {{"-", "_"}}));
  }
  return settings;
}

}  // namespace resprobe::cli

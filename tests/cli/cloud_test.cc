// Campaigns in units of work: the units are the seeds, each once; the manifests for kubernetes are
// what its API takes.

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/cloud/cloud_plan.h"
#include "cli/cloud/engines.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

CloudPlan PlanOf(uint64_t seeds, uint64_t units) {
  CloudPlan plan;
  plan.options = {"--ops", "10"};
  plan.seed = 7;
  plan.seeds = seeds;
  plan.units = units;
  plan.created = "2026-01-01T00:00:00Z";
  return plan;
}

TEST(CloudPlan, UnitsHaveEachSeedOnceAndDifferByOneAtMost) {
  for (const auto& [seeds, units] : {std::pair(1, 1), {10, 3}, {12, 4}, {7, 7}, {1000, 999}}) {
    const CloudPlan plan = PlanOf(static_cast<uint64_t>(seeds), static_cast<uint64_t>(units));
    uint64_t next = plan.seed;
    uint64_t least = plan.seeds;
    uint64_t most = 0;
    for (uint64_t i = 0; i < plan.units; ++i) {
      const CloudUnit unit = UnitOf(plan, i);
      EXPECT_EQ(unit.seed, next);
      next += unit.seeds;
      least = std::min(least, unit.seeds);
      most = std::max(most, unit.seeds);
    }
    EXPECT_EQ(next, plan.seed + plan.seeds);
    EXPECT_GE(least, 1u);
    EXPECT_LE(most - least, 1u);
  }
}

TEST(CloudPlan, AUnitOfFuzzIsOneHarnessOneSeedAndAShareOfTheCorpus) {
  CloudPlan plan = PlanOf(3, 6);
  plan.verb = "fuzz";
  plan.harnesses = {"a", "b"};
  plan.options = {};
  plan.seconds = 2.5;
  std::set<std::pair<std::string, uint64_t>> met;
  for (uint64_t i = 0; i < plan.units; ++i) {
    const CloudUnit unit = UnitOf(plan, i);
    EXPECT_EQ(unit.shards, 3u);
    EXPECT_EQ(unit.seed, 7 + unit.shard);
    EXPECT_TRUE(met.emplace(unit.harness, unit.shard).second);
  }
  EXPECT_EQ(
      WordsOf(plan, UnitOf(plan, 3)),
      (std::vector<std::string>{"fuzz", "b", "--jobs", "1", "--seed", "8", "--time", "2.5s"}));
}

TEST(CloudPlan, IsReadAsItWasWrittenAndNamesItsWork) {
  const runner::TempFolder temp;
  CloudPlan plan = PlanOf(10, 3);
  plan.options = {"--start", "redis-server --save ''"};
  plan.seconds = 0.5;
  runner::WriteFile(temp.path() / "campaign.json", ToJson(plan).dump());
  const CloudPlan read = ReadPlan(temp.path() / "campaign.json");
  EXPECT_EQ(read, plan);
  EXPECT_EQ(read.Id(), plan.Id());
  CloudPlan later = plan;
  later.created = "2026-01-02T00:00:00Z";
  EXPECT_TRUE(later.SameWork(plan));
  EXPECT_NE(later.Id(), plan.Id());
  later.seeds = 11;
  EXPECT_FALSE(later.SameWork(plan));
  for (const char* const key : {"verb", "seeds", "units", "created", "harnesses"}) {
    Json json = ToJson(plan);
    json.erase(key);
    runner::WriteFile(temp.path() / "campaign.json", json.dump());
    EXPECT_THROW(ReadPlan(temp.path() / "campaign.json"), runner::UserError) << key;
  }
}

// --- Manifests.

Json JsonOf(const YAML::Node& node) {
  if (node.IsMap()) {
    Json json = Json::object();
    for (const auto& entry : node) json[entry.first.as<std::string>()] = JsonOf(entry.second);
    return json;
  }
  if (node.IsSequence()) {
    Json json = Json::array();
    for (const YAML::Node& entry : node) json.push_back(JsonOf(entry));
    return json;
  }
  // What is quoted, or a block, is a text; anything else is read as JSON is.
  std::string text = node.as<std::string>();
  if (node.Tag() == "!") return text;
  const Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json(text) : json;
}

// What is wrong with `json`, each with its path.
void Validate(const Json& schema, const Json& given, const Json& json, const std::string& path,
              std::vector<std::string>* wrong) {
  const Json& rule =
      given.contains("$ref") ? schema.at("parts").at(given.at("$ref").get<std::string>()) : given;
  if (rule.contains("enum") && std::ranges::find(rule["enum"], json) == rule["enum"].end()) {
    wrong->push_back(path + ": " + json.dump() + " is none of " + rule["enum"].dump());
  }
  const std::string type = rule.value("type", "");
  const std::map<std::string, bool> is = {
      {"object", json.is_object()},   {"array", json.is_array()},
      {"string", json.is_string()},   {"integer", json.is_number_integer()},
      {"boolean", json.is_boolean()}, {"", true}};
  if (!is.at(type)) {
    wrong->push_back(path + ": " + json.dump() + " is no " + type);
    return;
  }
  if (type == "object") {
    for (const Json& key : rule.value("required", Json::array())) {
      if (!json.contains(key.get<std::string>())) {
        wrong->push_back(path + ": has no " + key.get<std::string>());
      }
    }
    for (const auto& [key, value] : json.items()) {
      if (!rule["properties"].contains(key)) {
        wrong->push_back(path + ": has a field " + key);
      } else {
        Validate(schema, rule["properties"][key], value, path + "." + key, wrong);
      }
    }
  }
  if (type == "array") {
    if (json.size() < rule.value("least", 0u)) wrong->push_back(path + ": is empty");
    for (size_t i = 0; i < json.size(); ++i) {
      Validate(schema, rule["items"], json[i], path + "." + std::to_string(i), wrong);
    }
  }
  if (type == "integer" && (json < rule["minimum"] || json > rule["maximum"])) {
    wrong->push_back(path + ": " + json.dump() + " is out of its limits");
  }
  if (type == "string" && rule.contains("pattern") &&
      !std::regex_search(json.get<std::string>(), std::regex(rule["pattern"].get<std::string>()))) {
    wrong->push_back(path + ": " + json.dump());
  }
}

Json Schema() {
  const char* const source = std::getenv("RESPROBE_SOURCE_DIR");
  const fs::path file =
      fs::path(source == nullptr ? "." : source) / "tests/cli/kubernetes.schema.json";
  return Json::parse(runner::ReadFile(file));
}

std::vector<std::string> Faults(const Json& schema, const Json& manifest) {
  const std::string kind = manifest.value("kind", "");
  if (!schema.contains(kind)) return {"kind " + kind};
  std::vector<std::string> wrong;
  Validate(schema, schema[kind], manifest, kind, &wrong);
  return wrong;
}

// All documents of the manifests, by kind and name.
std::map<std::string, Json> Documents(const std::map<std::string, std::string>& manifests) {
  std::map<std::string, Json> documents;
  for (const auto& [file, text] : manifests) {
    for (const YAML::Node& node : YAML::LoadAll(text)) {
      Json json = JsonOf(node);
      documents[json["kind"].get<std::string>() + " " +
                json["metadata"]["name"].get<std::string>()] = json;
    }
  }
  return documents;
}

TEST(Kubernetes, ManifestsAreWhatTheApiTakes) {
  CloudPlan plan = PlanOf(100, 40);
  plan.options = {"--start", "redis-server --save '' \"x\" \\ # : {}"};
  const Json schema = Schema();
  std::map<std::string, Json> all = Documents(KubernetesManifests(plan, 10, {.name = "night"}));
  std::vector<std::string> names;
  for (const auto& [name, json] : all) {
    names.push_back(name);
    EXPECT_EQ(Faults(schema, json), std::vector<std::string>{}) << name << "\n" << json.dump(2);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"ConfigMap night-plan", "Job night", "Job night-merge",
                                             "PersistentVolumeClaim resprobe"}));
  const Json& spec = all["Job night"]["spec"];
  EXPECT_EQ(spec["completions"], 40);
  EXPECT_EQ(spec["parallelism"], 10);
  EXPECT_EQ(spec["completionMode"], "Indexed");
  // Every mount has its volume, every volume what it is of, and the policy names a container.
  for (const char* const job : {"Job night", "Job night-merge"}) {
    const Json& pod = all[job]["spec"]["template"]["spec"];
    std::set<std::string> volumes;
    for (const Json& volume : pod["volumes"]) volumes.insert(volume["name"].get<std::string>());
    for (const Json& mount : pod["containers"][0]["volumeMounts"]) {
      EXPECT_TRUE(volumes.contains(mount["name"].get<std::string>()));
    }
    EXPECT_EQ(pod["volumes"][0]["configMap"]["name"], "night-plan");
    EXPECT_EQ(pod["volumes"][1]["persistentVolumeClaim"]["claimName"], "resprobe");
    EXPECT_EQ(all[job]["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]["containerName"],
              pod["containers"][0]["name"]);
  }
  // The plan arrives as it is.
  const runner::TempFolder temp;
  const fs::path file = temp.path() / "campaign.json";
  runner::WriteFile(file, all["ConfigMap night-plan"]["data"]["campaign.json"].get<std::string>());
  EXPECT_EQ(ReadPlan(file), plan);
}

TEST(Kubernetes, TheSchemaRefusesWhatTheApiRefuses) {
  const Json schema = Schema();
  const Json good =
      Documents(KubernetesManifests(PlanOf(100, 40), 10, {.name = "night"}))["Job night"];
  ASSERT_TRUE(Faults(schema, good).empty());
  const auto refuses = [&](const std::string& pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    EXPECT_FALSE(Faults(schema, bad).empty()) << pointer;
  };
  refuses("/apiVersion", "batch/v1beta1");
  refuses("/spec/completions", 0);
  refuses("/spec/completions", "40");
  refuses("/spec/completionMode", "indexed");
  refuses("/spec/podFailurPolicy", Json::object());
  refuses("/spec/podFailurePolicy/rules", Json::array());
  refuses("/spec/podFailurePolicy/rules/0/action", "Retry");
  refuses("/spec/podFailurePolicy/rules/1/onExitCodes/values/0", 0);
  refuses("/spec/template/spec/restartPolicy", "OnFailure");
  refuses("/spec/template/spec/containers/0/resources/requests/memory", "lots");
  refuses("/spec/template/spec/containers/0/name", "Unit");
}

}  // namespace
}  // namespace resprobe::cli

#include <algorithm>
#include <string_view>
#include <utility>

#include "cli/cloud/engines.h"
#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// Where a pod finds things.
constexpr const char* kPlanFolder = "/plan";
constexpr const char* kResultsFolder = "/results";

// JSON as YAML in blocks: keys as they are, texts quoted as in JSON, which YAML reads; texts of
// several lines as a literal block.
void EmitYaml(const Json& json, size_t indent, std::string* out);

void EmitYamlValue(const Json& json, size_t indent, std::string* out) {
  if ((json.is_object() || json.is_array()) && !json.empty()) {
    *out += "\n";
    EmitYaml(json, indent, out);
  } else if (json.is_string() &&
             json.get_ref<const std::string&>().find('\n') != std::string::npos) {
    *out += " |\n";
    const std::string& text = json.get_ref<const std::string&>();
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      *out += std::string(indent, ' ') + text.substr(at, end - at) + "\n";
      at = end + 1;
    }
  } else {
    *out += " " + json.dump() + "\n";
  }
}

void EmitYaml(const Json& json, size_t indent, std::string* out) {
  const std::string blanks(indent, ' ');
  constexpr size_t kStep = 2;
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      *out += blanks + key + ":";
      EmitYamlValue(value, indent + kStep, out);
    }
    return;
  }
  for (const Json& entry : json) {
    std::string text;
    if (entry.is_object() && !entry.empty()) {
      EmitYaml(entry, indent + kStep, &text);
      text.erase(0, indent + kStep);
      *out += blanks + "- " + text;
    } else {
      EmitYamlValue(entry, indent + kStep, &text);
      *out += blanks + "-" + text;
    }
  }
}

std::string YamlOf(const Json& json) {
  std::string text;
  EmitYaml(json, 0, &text);
  return text;
}

// A DNS label, as kubernetes wants names to be.
void CheckName(const std::string& option, const std::string& name, size_t most) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (name.empty() || name.size() > most || !std::ranges::all_of(name, is_good) ||
      name.front() == '-' || name.back() == '-') {
    throw runner::UserError(option + " " + name +
                            ": give lower-case letters, digits and '-', at most " +
                            std::to_string(most) + ", that begin and end with a letter or digit");
  }
}

// "500m", "4Gi".
void CheckQuantity(const std::string& option, const std::string& quantity) {
  const size_t digits = std::min(quantity.find_first_not_of("0123456789."), quantity.size());
  constexpr std::string_view kUnits[] = {"", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"};
  const bool number = digits > 0 && quantity.front() != '.' && quantity[digits - 1] != '.' &&
                      std::ranges::count(quantity, '.') <= 1 &&
                      quantity.find_first_of("123456789") < digits;
  if (!number || std::ranges::find(kUnits, quantity.substr(digits)) == std::end(kUnits)) {
    throw runner::UserError(option + " " + quantity + ": give a quantity such as 1, 500m or 4Gi");
  }
}

Json LabelsOf(const KubernetesOptions& options) {
  return {{"app.kubernetes.io/name", "resprobe"}, {"app.kubernetes.io/instance", options.name}};
}

Json PodOf(const KubernetesOptions& options, const std::string& name, const Json& arguments,
           const Json& environment) {
  Json container = {{"name", name},
                    {"image", options.image},
                    {"args", arguments},
                    {"resources",
                     {{"requests", {{"cpu", options.cpu}, {"memory", options.memory}}},
                      {"limits", {{"memory", options.memory}}}}},
                    {"volumeMounts",
                     {{{"name", "plan"}, {"mountPath", kPlanFolder}, {"readOnly", true}},
                      {{"name", "results"}, {"mountPath", kResultsFolder}}}}};
  if (!environment.empty()) container["env"] = environment;
  return {{"metadata", {{"labels", LabelsOf(options)}}},
          {"spec",
           {{"restartPolicy", "Never"},  // a pod failure policy takes nothing else
            {"automountServiceAccountToken", false},
            // What a unit has found is written after SIGTERM.
            {"terminationGracePeriodSeconds", 60},
            {"containers", {container}},
            {"volumes",
             {{{"name", "plan"}, {"configMap", {{"name", options.name + "-plan"}}}},
              {{"name", "results"}, {"persistentVolumeClaim", {{"claimName", options.claim}}}}}}}}};
}

// A pod that its node has lost or thrown out does not count as a failure; one whose
// arguments are wrong ends the job, since those of every other one are, too.
Json FailurePolicyOf(const std::string& container) {
  return {
      {"rules",
       {{{"action", "Ignore"},
         {"onPodConditions", {{{"type", "DisruptionTarget"}, {"status", "True"}}}}},
        {{"action", "FailJob"},
         {"onExitCodes",
          {{"containerName", container}, {"operator", "In"}, {"values", {runner::kWrongUse}}}}}}}};
}

}  // namespace

std::map<std::string, std::string> KubernetesManifests(const CloudPlan& plan, uint64_t machines,
                                                       const KubernetesOptions& options) {
  // A pod's host is called NAME-INDEX, which has 63 letters at most.
  constexpr size_t kLongestName = 50;
  constexpr size_t kLongestClaim = 63;
  CheckName("--name", options.name, kLongestName);
  CheckName("--claim", options.claim, kLongestClaim);
  CheckQuantity("--cpu", options.cpu);
  CheckQuantity("--memory", options.memory);
  if (options.image.empty() || options.image.find_first_of(" \t\n\"'") != std::string::npos) {
    throw runner::UserError("--image '" + options.image + "': is no name of an image");
  }
  if (!plan.corpus.empty()) {
    throw runner::UserError(
        "--corpus: a pod does not have that folder: copy it into the image, as "
        "work/corpus/HARNESS");
  }
  const auto metadata = [&](const std::string& name) {
    return Json{{"name", name}, {"labels", LabelsOf(options)}};
  };
  const Json claim = {
      {"apiVersion", "v1"},
      {"kind", "PersistentVolumeClaim"},
      {"metadata", metadata(options.claim)},
      {"spec",
       {{"accessModes", {"ReadWriteMany"}}, {"resources", {{"requests", {{"storage", "20Gi"}}}}}}}};
  const Json config = {{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"metadata", metadata(options.name + "-plan")},
                       {"data", {{"campaign.json", ToJson(plan).dump(2) + "\n"}}}};
  const std::string plan_file = std::string(kPlanFolder) + "/campaign.json";
  const std::string results = std::string(kResultsFolder) + "/results";
  const Json units = {
      {"apiVersion", "batch/v1"},
      {"kind", "Job"},
      {"metadata", metadata(options.name)},
      {"spec",
       {{"completionMode", "Indexed"},
        {"completions", plan.units},
        {"parallelism", std::min(machines, plan.units)},
        // Of all pods: each unit may fail once or twice.
        {"backoffLimit", (kUnitTries - 1) * plan.units},
        {"podFailurePolicy", FailurePolicyOf("unit")},
        {"template",
         PodOf(
             options, "unit",
             {"unit", plan_file, "--number", "$(RESPROBE_UNIT)", "--results", results},
             {{{"name", "RESPROBE_UNIT"},
               {"valueFrom",
                {{"fieldRef",
                  {{"fieldPath",
                    "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}}}}}})}}}};
  // `merge` exits with 1 if something was found: that is no failure of the job.
  Json merge_pod = PodOf(options, "merge", Json::array(), Json::array());
  Json& container = merge_pod["spec"]["containers"][0];
  container["command"] = {"/bin/sh", "-c",
                          "./resprobe merge " + plan_file + " " + results + " --output " +
                              kResultsFolder + "/merged || [ $? -eq 1 ]"};
  container.erase("args");
  const Json merge = {{"apiVersion", "batch/v1"},
                      {"kind", "Job"},
                      {"metadata", metadata(options.name + "-merge")},
                      {"spec",
                       {{"backoffLimit", kUnitTries - 1},
                        {"podFailurePolicy", FailurePolicyOf("merge")},
                        {"template", merge_pod}}}};
  return {{"claim.yaml", YamlOf(claim)},
          {"units.yaml", YamlOf(config) + "---\n" + YamlOf(units)},
          {"merge.yaml", YamlOf(merge)}};
}

}  // namespace resprobe::cli

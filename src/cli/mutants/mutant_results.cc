#include "cli/mutants/mutant_results.h"

#include <cstdio>
#include <sstream>
#include <utility>

#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

Json ToJson(const Trial& trial, const TrialResult& result) {
  return {{"mutant", trial.mutant},        {"harness", trial.harness},
          {"source", trial.source},        {"without", trial.without},
          {"limit", trial.seconds},        {"trial", trial.number},
          {"fault", trial.fault},          {"build", trial.build},
          {"reached", result.reached},     {"first_reached", result.first_reached},
          {"triggered", result.triggered}, {"first_triggered", result.first_triggered},
          {"signature", result.signature}, {"executions", result.executions},
          {"seconds", result.seconds},     {"ops", result.ops},
          {"bytes", result.bytes}};
}

}  // namespace

std::string FaultId(const mutants::Mutant& mutant) {
  constexpr size_t kDigits = 10;
  return runner::Sha1(mutant.file + '\n' + mutant.in + '\n' + mutant.from + '\n' + mutant.to)
      .substr(0, kDigits);
}

ResultStore::ResultStore(fs::path file, bool fresh) : file_(std::move(file)) {
  runner::MakeFolder(file_.parent_path());
  std::error_code error;
  if (fresh) fs::remove(file_, error);
  if (!fs::exists(file_, error)) return;
  const std::string content = runner::ReadFile(file_);
  std::istringstream lines(content);
  size_t number = 0;
  std::string whole;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (lines.eof()) break;  // without its newline: cut off
    try {
      const Json json = Json::parse(line);
      if (json.contains("sound")) {
        sound_[json.value("key", "")] = json.at("sound");
      } else {
        const Trial trial = {.mutant = json.at("mutant"),
                             .harness = json.at("harness"),
                             .source = json.at("source"),
                             .without = json.at("without"),
                             .seconds = json.at("limit"),
                             .number = json.at("trial"),
                             .fault = json.at("fault"),
                             .build = json.at("build")};
        results_[trial] = {.reached = json.at("reached"),
                           .first_reached = json.at("first_reached"),
                           .triggered = json.at("triggered"),
                           .first_triggered = json.at("first_triggered"),
                           .signature = json.at("signature"),
                           .executions = json.at("executions"),
                           .seconds = json.at("seconds"),
                           .ops = json.at("ops"),
                           .bytes = json.at("bytes")};
      }
    } catch (const Json::exception&) {
      throw runner::UserError(file_.string() + ":" + std::to_string(number) +
                              ": is no result: delete the line, or start over with --fresh");
    }
    whole += line + '\n';
  }
  if (whole != content) runner::WriteFile(file_, whole);
}

const TrialResult* ResultStore::Find(const Trial& trial) const {
  const std::lock_guard lock(mutex_);
  const auto at = results_.find(trial);
  return at == results_.end() ? nullptr : &at->second;
}

void ResultStore::Append(const std::string& line) {
  std::FILE* const file = std::fopen(file_.c_str(), "a");
  const bool written =
      file != nullptr && std::fwrite(line.data(), 1, line.size(), file) == line.size();
  if ((file != nullptr && std::fclose(file) != 0) || !written) {
    throw runner::UserError(file_.string() + ": cannot be written: make room");
  }
}

void ResultStore::Add(const Trial& trial, const TrialResult& result) {
  const std::lock_guard lock(mutex_);
  Append(ToJson(trial, result).dump() + "\n");
  results_[trial] = result;
}

void ResultStore::AddSound(const std::string& key, const std::string& harness) {
  const std::lock_guard lock(mutex_);
  Append(Json{{"sound", harness}, {"key", key}}.dump() + "\n");
  sound_[key] = harness;
}

}  // namespace resprobe::cli

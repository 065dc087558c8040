#include "cli/cloud/result_folder.h"

#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runner/json.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr const char* kResultSchema = "resprobe-result";
constexpr int kResultSchemaVersion = 1;
constexpr const char* kHead = "result.json";

[[noreturn]] void ThrowUnfit(const fs::path& folder, const std::string& why) {
  throw runner::UserError(folder.string() + ": " + why);
}

// The files that belong to a result, as paths below its folder.
std::vector<std::string> ListFiles(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (const char* const name : {"report.json", "log.txt"}) {
    if (fs::is_regular_file(folder / name, error)) files.emplace_back(name);
  }
  for (const char* const name : {"work/corpus", "work/findings"}) {
    for (fs::recursive_directory_iterator at(folder / name, error), end; !error && at != end;
         at.increment(error)) {
      if (at->path().filename().string().starts_with('.')) {
        at.disable_recursion_pending();
      } else if (at->is_regular_file(error)) {
        files.push_back(at->path().lexically_relative(folder));
      }
    }
    error.clear();
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

bool LooksLikeResult(const fs::path& folder) {
  std::error_code error;
  for (const char* const name : {kHead, "report.json", "log.txt", "work"}) {
    if (fs::exists(folder / name, error)) return true;
  }
  return false;
}

ResultFolder ReadResultHead(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder / kHead, error)) ThrowUnfit(folder, "half-written: it has no result.json");
  const Json json = Json::parse(runner::ReadFile(folder / kHead), nullptr, false);
  if (json.is_discarded() || !json.is_object() || json.value("schema", Json()) != kResultSchema) {
    ThrowUnfit(folder, "damaged: its result.json is none");
  }
  if (json.value("schema_version", Json()) != kResultSchemaVersion) {
    ThrowUnfit(folder, "of another version: its schema is " +
                           json.value("schema_version", Json()).dump() +
                           ", and this program reads " + std::to_string(kResultSchemaVersion));
  }
  ResultFolder result;
  result.path = folder;
  try {
    result.units = json.at("units").get<std::vector<std::string>>();
    result.verb = json.at("verb").get<std::string>();
    result.exit_code = json.at("exit_code").get<int>();
    result.interrupted = json.at("interrupted").get<bool>();
    result.seconds = json.at("seconds").get<double>();
    result.host = json.at("host").get<std::string>();
    result.started = json.at("started").get<std::string>();
    result.command = json.at("command").get<std::vector<std::string>>();
    result.files = json.at("files").get<std::map<std::string, std::string>>();
  } catch (const Json::exception&) {
    ThrowUnfit(folder, "damaged: a field of its result.json is missing or has another type");
  }
  if (result.units.empty()) ThrowUnfit(folder, "damaged: its result.json names no unit");
  std::ranges::sort(result.units);
  return result;
}

ResultFolder ReadResult(const fs::path& folder) {
  ResultFolder result = ReadResultHead(folder);
  for (const auto& [name, sha1] : result.files) {
    const fs::path inside = fs::path(name).lexically_normal();
    if (inside.is_absolute() || *inside.begin() == "..") {
      ThrowUnfit(folder, "damaged: its result.json names " + name);
    }
    std::error_code error;
    if (!fs::is_regular_file(folder / name, error))
      ThrowUnfit(folder, "damaged: " + name + " is missing");
    if (runner::Sha1(runner::ReadFile(folder / name)) != sha1) {
      ThrowUnfit(folder, "damaged: " + name + " is not what was written");
    }
  }
  return result;
}

std::optional<report::Report> ReportOfResult(const ResultFolder& result) {
  if (!result.files.contains("report.json")) return std::nullopt;
  const fs::path file = result.path / "report.json";
  const Json json = Json::parse(runner::ReadFile(file), nullptr, false);
  if (json.is_discarded()) ThrowUnfit(result.path, "damaged: its report.json is no JSON");
  return report::ReadReport(json, file);
}

void FinishResult(const fs::path& folder, ResultFolder result, const fs::path& final_path) {
  result.files.clear();
  for (const std::string& name : ListFiles(folder)) {
    result.files[name] = runner::Sha1(runner::ReadFile(folder / name));
  }
  std::ranges::sort(result.units);
  Json command = Json::array();
  for (const std::string& word : result.command) command.push_back(runner::JsonText(word));
  const Json json = {{"schema", kResultSchema},       {"schema_version", kResultSchemaVersion},
                     {"units", result.units},         {"verb", result.verb},
                     {"exit_code", result.exit_code}, {"interrupted", result.interrupted},
                     {"seconds", result.seconds},     {"host", runner::JsonText(result.host)},
                     {"started", result.started},     {"command", command},
                     {"files", result.files}};
  runner::WriteFile(folder / kHead, json.dump(2) + "\n");
  std::error_code error;
  fs::rename(folder, final_path, error);
  if (!error) return;
  // It exists: exchange the two, at once.
  if (renameat2(AT_FDCWD, folder.c_str(), AT_FDCWD, final_path.c_str(), RENAME_EXCHANGE) == 0) {
    fs::remove_all(folder, error);
    return;
  }
  // A file system that cannot exchange names (NFS): for a moment nothing has the name.
  const fs::path old = folder.string() + ".old";
  fs::rename(final_path, old, error);
  if (!error) fs::rename(folder, final_path, error);
  if (error) {
    throw runner::UserError(final_path.string() + ": cannot be written: " + error.message() +
                            "; the result is in " + folder.string());
  }
  fs::remove_all(old, error);
}

}  // namespace resprobe::cli

#include "findings/found_list.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <utility>

#include "runner/files.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::findings {
namespace {

// As many kinds of failures that do not recur are no accident.
constexpr size_t kMostLone = 5;

// The text files of a finding's folder besides its case: name and content, which is cut if it is
// long. A picture is whole or missing.
Json AttachmentsOf(const fs::path& folder) {
  constexpr size_t kMostText = size_t{32} << 10;
  constexpr size_t kMostPicture = size_t{256} << 10;
  Json attachments = Json::object();
  for (const fs::path& file : runner::FilesIn(folder)) {
    const std::string name = file.filename();
    if (name == "case" || name == "case.ops" || name == "original" || name == "report.json") {
      continue;
    }
    std::string content;
    try {
      content = runner::ReadFile(file);
    } catch (const runner::UserError&) {
      continue;  // another run has removed it
    }
    const bool picture = name.ends_with(".svg");
    if (content.empty() || content.contains('\0') || (picture && content.size() > kMostPicture)) {
      continue;
    }
    if (!picture && content.size() > kMostText) {
      content.resize(kMostText);
      content += "\n… the rest is in " + name + "\n";
    }
    attachments[runner::JsonText(name)] = runner::JsonText(content);
  }
  return attachments;
}

}  // namespace

std::string ShownLines(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (std::string& line : lines) line = runner::TerminalText(line);
  return absl::StrJoin(lines, "\n");
}

std::string Plural(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string ReplayCommand(const runner::Project& project, const fs::path& folder) {
  return "./resprobe replay " + runner::ShellWord(project.Shown(folder));
}

bool FoundList::unsteady() const { return lone.size() >= kMostLone; }

std::string FoundList::Count() const { return Plural(by_signature.size(), noun); }

bool FoundList::Fails() const {
  return std::ranges::any_of(by_signature,
                             [&](const auto& one) { return known_fails || !one.second.known; });
}

std::vector<report::Finding> FoundList::ForReport(const runner::Project& project) const {
  std::vector<report::Finding> findings;
  auto found = by_signature.begin();
  for (Json& json : ToJson(project)) {
    const Found& one = (found++)->second;
    json["fails"] = known_fails || !one.known;
    if (!one.folder.empty()) {
      const Json attachments = AttachmentsOf(one.folder);
      if (!attachments.empty()) json["attachments"] = attachments;
    }
    findings.push_back(report::FindingOf(json));
  }
  return findings;
}

std::string FoundList::Text(const runner::Project& project) const {
  std::string text = Count() + "\n";
  if (!by_signature.empty()) {
    text += absl::StrFormat("the first after %.1f s\n", first_seconds);
  }
  for (const auto& [signature, found] : by_signature) {
    text += "  " + signature + ", met " + Plural(found.met, "time") + ": " +
            (found.folder.empty() ? "not filed" : project.Shown(found.folder)) + "\n";
    if (not_smallest.contains(signature)) {
      text += "    not made as small as it may be: ./resprobe minimize goes on with it\n";
    }
    for (const auto& [as, met] : found.met_as) {
      if (as == signature) continue;
      text += "    also as " + as + (met == 0 ? "" : ", met " + Plural(met, "time")) + "\n";
    }
  }
  for (const auto& [signature, met] : lone) {
    text +=
        "  did not recur, and does not count: " + signature + ", met " + Plural(met, "time") + "\n";
  }
  return ShownLines(text);
}

Json FoundList::ToJson(const runner::Project& project) const {
  Json all = Json::array();
  for (const auto& [signature, found] : by_signature) {
    Json one = findings::ToJson(found.failure);
    one["known"] = found.known;
    one["repeats"] = found.met == 0 ? 0 : found.met - 1;
    one["seconds_until_found"] = found.seconds;
    if (found.executions > 0) one["executions_until_found"] = found.executions;
    one["met_as"] = Json::array();
    for (const auto& [as, met] : found.met_as) one["met_as"].push_back(runner::JsonText(as));
    one["variants"] = Json::array();
    for (const std::string& as : found.variants) one["variants"].push_back(runner::JsonText(as));
    if (!found.folder.empty()) {
      one["folder"] = runner::JsonText(project.Shown(found.folder));
      one["replay"] = runner::JsonText(ReplayCommand(project, found.folder));
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace resprobe::findings

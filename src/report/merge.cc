#include "report/merge.h"

#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "runner/user_error.h"

namespace resprobe::report {
namespace {

// Sets that different runs may share: how large the largest is, is known; how many are in all, is
// not.
constexpr std::string_view kLargest[] = {"edges", "corpus", "findings"};
// Settings of all verbs that are no option.
constexpr std::string_view kAlwaysSettings[] = {"seconds_each", "jobs", "seed"};
// Of a list of texts, and of the runs that were vacuous.
constexpr size_t kMostTexts = 200;

template <typename List>
bool Has(const List& list, std::string_view key) {
  return std::ranges::find(list, key) != std::end(list);
}

int RankOf(Status status) {
  switch (status) {
    case Status::kFailed:
      return 3;
    case Status::kUnknown:
      return 2;
    case Status::kPassed:
      return 1;
    case Status::kSkipped:
      return 0;
  }
  return 0;
}

bool IsTime(std::string_view key) {
  return key == "seconds" || key.ends_with("_seconds") || key.ends_with("_ms") ||
         key == "milliseconds";
}

// The name of an entry of a list; "" if it has none.
std::string NameOfEntry(const Json& entry) {
  if (!entry.is_object()) return "";
  for (const char* const key : {"name", "harness", "command"}) {
    const auto at = entry.find(key);
    if (at != entry.end() && at->is_string()) return at->get<std::string>();
  }
  return "";
}

void AddDistinct(const Json& from, Json* to) {
  if (*to == from) return;
  if (!to->is_array()) *to = Json::array({*to});
  for (const Json& one : from.is_array() ? from : Json::array({from})) {
    if (std::ranges::find(*to, one) == to->end()) to->push_back(one);
  }
}

// Cuts lists of texts that have become long.
void CutLists(Json* json) {
  if (json->is_object()) {
    for (auto& [key, value] : json->items()) CutLists(&value);
  } else if (json->is_array() && !json->empty() && json->front().is_string() &&
             json->size() > kMostTexts) {
    const size_t left_out = json->size() - kMostTexts;
    json->erase(json->begin() + kMostTexts, json->end());
    json->push_back("and " + std::to_string(left_out) + " more");
  }
}

std::string JoinedNames(const std::map<std::string, uint64_t>& names) {
  constexpr size_t kMost = 4;
  if (names.size() > kMost) {
    return names.begin()->first + " and " + std::to_string(names.size() - 1) + " more";
  }
  std::vector<std::string> all;
  for (const auto& [name, runs] : names) all.push_back(name);
  return absl::StrJoin(all, ", ");
}

}  // namespace

void Merger::AddOwn(const std::string& key, const Json& from, bool top, Json* to) const {
  // (What an option has chosen from may be counted under its name: parts.)
  const bool setting =
      top && from.is_primitive() && (settings_.contains(key) || Has(kAlwaysSettings, key));
  if (key == "seed" && top && from.is_number() && to->is_number()) {
    *to = std::min(*to, from);  // of the first
  } else if (!setting && from.is_number() && to->is_number()) {
    if (Has(kLargest, key)) {
      *to = std::max(*to, from);
    } else if (from.is_number_integer() && to->is_number_integer()) {
      *to = to->get<int64_t>() + from.get<int64_t>();
    } else {
      *to = to->get<double>() + from.get<double>();
    }
  } else if (from.is_object() && to->is_object()) {
    for (const auto& [name, value] : from.items()) {
      if (const auto at = to->find(name); at == to->end()) {
        (*to)[name] = value;
      } else {
        AddOwn(name, value, false, &*at);
      }
    }
  } else if (from.is_array() && to->is_array() &&
             std::ranges::none_of(from, [](const Json& one) { return NameOfEntry(one).empty(); })) {
    for (const Json& one : from) {
      const auto same = std::ranges::find_if(
          *to, [&](const Json& other) { return NameOfEntry(other) == NameOfEntry(one); });
      if (same == to->end()) {
        to->push_back(one);
      } else {
        AddOwn("", one, false, &*same);
      }
    }
  } else {
    AddDistinct(from, to);
  }
}

namespace {

// Leaves out numbers that do not add.
void DropRates(Json* own, const std::set<std::string>& settings, bool top) {
  if (own->is_object()) {
    for (auto at = own->begin(); at != own->end();) {
      const std::string& key = at.key();
      const bool setting =
          top && at->is_primitive() && (settings.contains(key) || Has(kAlwaysSettings, key));
      const bool rate = key.ends_with("_per_second") || (at->is_number_float() && !IsTime(key));
      if (rate && !setting) {
        at = own->erase(at);
        continue;
      }
      if (!setting) DropRates(&*at, settings, false);
      ++at;
    }
  } else if (own->is_array()) {
    for (Json& one : *own) DropRates(&one, settings, false);
  }
}

}  // namespace

void Merger::Add(Report report, const std::string& name) {
  ++runs_;
  ++hosts_[report.host];
  ++versions_[report.version];
  if (!report.vacuous.empty()) vacuous_[name] = report.vacuous;
  for (Finding& finding : report.findings) {
    const std::string key = finding.harness + "\n" + finding.server + "\n" + finding.signature;
    const auto at = findings_.find(key);
    if (at == findings_.end()) {
      findings_[key] = std::move(finding);
      continue;
    }
    Finding& kept = at->second;
    kept.met += finding.met;
    kept.known = kept.known && finding.known;
    kept.fails = kept.fails || finding.fails;
  }
  for (Result& result : report.results) {
    if (RankOf(result.status) >= RankOf(Status::kUnknown)) ++not_passed_[result.name];
    const auto [at, is_new] = results_.try_emplace(result.name, whole_.results.size());
    if (is_new) {
      whole_.results.push_back(std::move(result));
      continue;
    }
    Result& kept = whole_.results[at->second];
    const double seconds = kept.seconds + result.seconds;
    if (RankOf(result.status) > RankOf(kept.status)) kept = std::move(result);
    kept.seconds = seconds;
  }
  if (runs_ == 1) {
    whole_.verb = report.verb;
    whole_.noun = report.noun;
    whole_.started = report.started;
    whole_.plots = std::move(report.plots);
    whole_.own = std::move(report.own);
  } else {
    if (runs_ == 2) DropRates(&whole_.own, settings_, true);
    DropRates(&report.own, settings_, true);
    whole_.started = std::min(whole_.started, report.started);
    whole_.plots.clear();
    for (const auto& [key, value] : report.own.items()) {
      if (const auto at = whole_.own.find(key); at == whole_.own.end()) {
        whole_.own[key] = value;
      } else {
        AddOwn(key, value, true, &*at);
      }
    }
  }
  whole_.seconds += report.seconds;
  whole_.interrupted |= report.interrupted;
  for (Report& one : report.reports) whole_.reports.push_back(std::move(one));
}

Report Merger::Take() {
  whole_.host = JoinedNames(hosts_);
  whole_.version = JoinedNames(versions_);
  for (Result& result : whole_.results) {
    const uint64_t runs = not_passed_[result.name];
    if (runs > 1) {
      if (!result.note.empty()) result.note += "; ";
      result.note += "one of " + std::to_string(runs) + " runs that did not pass";
    }
  }
  bool fails = false;
  for (auto& [key, finding] : findings_) {
    finding.json["repeats"] = finding.met == 0 ? 0 : finding.met - 1;
    finding.json["known"] = finding.known;
    finding.json["fails"] = finding.fails;
    fails |= finding.fails;
    whole_.findings.push_back(std::move(finding));
  }
  CutLists(&whole_.own);
  if (vacuous_.size() == runs_) {
    whole_.vacuous = vacuous_.begin()->second;
  } else if (!vacuous_.empty()) {
    Json& said = whole_.own["vacuous_runs"] = Json::object();
    for (const auto& [name, why] : vacuous_) {
      if (said.size() < kMostTexts) said[name] = why;
    }
    if (said.size() < vacuous_.size()) {
      said["others"] = std::to_string(vacuous_.size() - said.size()) + " more";
    }
  }
  for (const Result& result : whole_.results) {
    fails |= result.status == Status::kFailed || result.status == Status::kUnknown;
  }
  whole_.exit_code = fails || !whole_.vacuous.empty() ? runner::kFinding
                     : whole_.interrupted             ? runner::kInterrupted
                                                      : runner::kAllWell;
  return std::move(whole_);
}

}  // namespace resprobe::report

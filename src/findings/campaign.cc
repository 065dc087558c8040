#include "findings/campaign.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "findings/shrink_budget.h"
#include "report/writers.h"
#include "runner/files.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::findings {
namespace {

std::string AtOp(const Failure& failure) {
  if (!failure.what.op) return "";
  return "  at op:     " + OpText(*failure.what.op, failure.input.ops_after) + "\n";
}

}  // namespace

SmallCase Search::Reduce(const MetCase& met, const ShrinkLimits& limits) {
  const runner::TempFolder temp;
  const fs::path file = temp.path() / "case";
  runner::WriteFile(file, met.tape);
  return runner().Shrink(file, limits);
}

Campaign::Campaign(const runner::Project& project, Search* search, CampaignOptions options)
    : project_(project), search_(search), options_(std::move(options)), store_(project) {
  list_.noun = options_.noun;
  list_.known_fails = options_.known_fails;
}

void Campaign::Say(const std::string& text) const {
  const std::string shown = ShownLines(text);
  if (options_.say) {
    options_.say(shown);
    return;
  }
  std::fputs(shown.c_str(), options_.out);
  std::fflush(options_.out);
}

void Campaign::PrintLine() const {
  std::fprintf(options_.out, "%s\n", search_->Line(list_.Count(), clock_).c_str());
  std::fflush(options_.out);
}

void Campaign::SayUnfinished() const {
  const std::vector<StoredFailure> all = store_.Unfinished();
  if (all.empty()) return;
  std::string text = Plural(all.size(), "finding") +
                     " of runs that were killed or interrupted: ./resprobe minimize FOLDER makes " +
                     (all.size() == 1 ? "it small\n" : "each small\n");
  for (const StoredFailure& one : all) {
    text += "  " + one.failure.what.signature + ": " + project_.Shown(one.folder) + "\n";
  }
  Say(text);
}

void Campaign::RunOpen() {
  const RunSpec run = search_->runner().spec();
  std::vector<std::string> broken;
  for (StoredFailure& stored : store_.List(&broken)) {
    const std::string signature = stored.failure.what.signature;
    if (stored.failure.run.harness != run.harness || stored.failure.interrupted ||
        stored.failure.replays == std::optional(false)) {
      continue;
    }
    const auto here = store_.Find(run.harness, options_.prefix, signature, &run.server);
    if (!here || here->folder != stored.folder) continue;
    if (runner::Interrupted()) return;
    if (!StillFails(stored)) {
      Say("passes now, and was set aside: " + project_.Shown(stored.folder) + "\n");
      store_.SetAside(stored.folder);
      continue;
    }
    Found found;
    found.failure = std::move(stored.failure);
    found.failure.run = run;
    found.folder = stored.folder;
    found.known = true;
    found.met = 0;
    same_[signature] = signature;
    Say(Describe(found, ""));
    Add(signature, std::move(found));
  }
}

void Campaign::CountSteppedOver() {
  for (const auto& [signature, times] : search_->SteppedOver()) {
    const auto same = same_.find(signature);
    const auto found =
        same == same_.end() ? list_.by_signature.end() : list_.by_signature.find(same->second);
    if (found == list_.by_signature.end()) continue;
    found->second.met += times;
    found->second.met_as[signature] += times;
  }
}

void Campaign::Loop() {
  if (options_.file) {
    runner::MakeFolder(project_.work);  // whether it can be written is not to be learnt after hours
    SayUnfinished();
  }
  if (options_.file && options_.open_first) RunOpen();
  const Search::Met met = [this](const MetCase& one) { Take(one); };
  const auto over = [&] {
    return runner::Interrupted() || !trouble_.empty() ||
           (options_.seconds > 0 && clock_.Seconds() >= options_.seconds) ||
           (options_.requests > 0 && search_->Requests() >= options_.requests) ||
           (options_.stop_on_failure && !list_.by_signature.empty());
  };
  if (options_.seconds > 0) {
    search_->LimitTo([this] { return clock_.Seconds() >= options_.seconds; });
  }
  try {
    while (!over() && search_->Step(met)) {
      CountSteppedOver();
      ShowPage();
      if (options_.progress) {
        options_.progress();
      } else if (!over() && clock_.LineDue()) {  // Run() prints the last one
        PrintLine();
      }
    }
  } catch (const runner::Interruption&) {
  } catch (const runner::UserError& error) {
    // Findings are kept even if the server is lost.
    if (list_.by_signature.empty()) throw;
    if (!runner::Interrupted()) Say(std::string("the run ends here, since ") + error.what() + "\n");
  }
  try {
    search_->Drain(met);
  } catch (const runner::Interruption&) {
  } catch (const runner::UserError& error) {
    if (list_.by_signature.empty()) throw;
  }
  search_->LimitTo(nullptr);
  CountSteppedOver();
  CountAll();
}

void Campaign::ShowPage() const {
  if (page_ != nullptr) page_->Show([this] { return ToReport(); });
}

void Campaign::CountAll() {
  if (std::exchange(counted_, true)) return;
  for (auto& [signature, found] : list_.by_signature) {
    const uint64_t more = found.known ? found.met : found.met - 1;
    if (more == 0 || found.folder.empty()) continue;
    try {
      store_.Count(found.folder, more, found.failure.run);
      found.failure.met += more;
    } catch (const runner::UserError& error) {
      trouble_ = error.what();
    }
  }
}

report::Report Campaign::ToReport() const {
  report::Report report = report::NewReport(options_.verb, clock_.Seconds());
  report.noun = options_.noun;
  report.interrupted = runner::Interrupted();
  report.findings = list_.ForReport(project_);
  report.own = search_->Report();
  if (options_.noun != "finding") {
    // What the verb calls them: the same list.
    Json& named = report.own[options_.noun + "s"] = Json::array();
    for (const report::Finding& finding : report.findings) named.push_back(finding.json);
  }
  if (!list_.by_signature.empty()) report.own["seconds_to_first"] = list_.first_seconds;
  for (const auto& [signature, met] : list_.lone) {
    report.own["not_recurring"][runner::JsonText(signature)] = met;
  }
  search_->AddTo(&report);
  return report;
}

int Campaign::Run(const runner::OutputOptions& output,
                  const std::function<void(report::Report*)>& add) {
  page_ = report::WatchPageOf(output, options_.out);
  Loop();
  PrintLine();
  std::fputs(ShownLines(search_->Summary()).c_str(), options_.out);
  std::fputs(list_.Text(project_).c_str(), options_.out);
  const bool unsteady = list_.unsteady();
  if (unsteady) {
    absl::FPrintF(options_.out,
                  "%d kinds of %ss did not recur: something stays from one case to the next, or "
                  "replies are a matter of chance: the run does not pass\n",
                  list_.lone.size(), options_.noun);
  }
  // A run without findings must prove that it tested something; a failure needs no such proof.
  const std::string vacuous =
      list_.by_signature.empty() && !runner::Interrupted() ? search_->WhyVacuous() : std::string();
  if (!vacuous.empty()) std::fprintf(options_.out, "vacuous: %s\n", vacuous.c_str());
  std::fflush(options_.out);
  int code = !list_.Fails() && vacuous.empty() && !unsteady ? runner::kAllWell : runner::kFinding;
  if (runner::Interrupted()) code = runner::kInterrupted;
  if (output.report()) {
    report::Report report = ToReport();
    report.vacuous = vacuous;
    report.exit_code = trouble_.empty() ? code : runner::kWrongUse;
    if (unsteady) {
      report.results.push_back(
          {.name = "what fails recurs",
           .status = report::Status::kFailed,
           .note = Plural(list_.lone.size(), "kind") + " of " + options_.noun + "s did not recur"});
    }
    if (add) add(&report);
    report::Write(report, output);
  }
  if (!trouble_.empty()) throw runner::UserError(trouble_);
  return code;
}

void Campaign::Take(const MetCase& met) {
  const std::string& signature = met.outcome.what.signature;
  if (const auto same = same_.find(signature); same != same_.end()) {
    if (const auto found = list_.by_signature.find(same->second);
        found != list_.by_signature.end()) {
      if (found->second.met++ == 0) {
        found->second.seconds = clock_.Seconds();
        found->second.executions = met.executions;
      }
      ++found->second.met_as[signature];
      TryInPlace(met, &found->second);
    }
    return;
  }
  if (search_->Accepts(signature)) return;
  constexpr uint64_t kMostTries = 3;
  if (const auto lone = list_.lone.find(signature);
      lone != list_.lone.end() && lone->second >= kMostTries) {
    ++lone->second;
    return;
  }
  met_seconds_ = clock_.Seconds();
  met_executions_ = met.executions;
  std::optional<RunClock::Pause> pause;
  if (!options_.ends_in_time) pause.emplace(&clock_);
  search_->Aside(true);
  if (options_.file) {
    File(met);
  } else {
    PrintMet(met);
  }
  search_->Aside(false);
}

// A case that does not fail alone gives way to a later one that does.
void Campaign::TryInPlace(const MetCase& met, Found* found) {
  constexpr int kMostTries = 3;
  if (found->failure.replays != std::optional(false) || found->folder.empty() || found->known ||
      found->replaced >= kMostTries) {
    return;
  }
  ++found->replaced;
  std::optional<RunClock::Pause> pause;
  if (!options_.ends_in_time) pause.emplace(&clock_);
  search_->Aside(true);
  Found other = *found;
  other.failure = AsMet(met);
  std::map<std::string, std::string> files = met.outcome.files;
  std::string text;
  Reduce(met, &other, &files, &text);
  search_->Aside(false);
  if (other.failure.replays != std::optional(true) ||
      other.failure.what.signature != found->failure.what.signature) {
    return;
  }
  other.failure.first_seen = found->failure.first_seen;
  other.failure.met = found->failure.met;
  try {
    store_.Write(other.folder, other.failure, files);
  } catch (const runner::UserError& error) {
    trouble_ = error.what();
    return;
  }
  *found = std::move(other);
  Say("a later case of " + found->failure.what.signature + " fails alone, and takes its place\n" +
      text);
}

bool Campaign::StillFails(const StoredFailure& known) {
  // A case that never failed alone cannot show that it was fixed.
  if (known.failure.replays == std::optional(false)) return true;
  const runner::TempFolder temp;
  fs::path file;
  try {
    file = CaseFileOf(known, temp.path());
  } catch (const runner::UserError&) {  // the case is gone
    return false;
  }
  try {
    return SameFailure(search_->runner().RunOne(file).what.signature, known.failure.what.signature);
  } catch (const runner::Interruption&) {
    return true;
  } catch (const runner::UserError&) {  // the server is gone: unknown
    return true;
  }
}

Failure Campaign::AsMet(const MetCase& met) {
  Failure failure;
  failure.run = search_->runner().spec();
  failure.what = met.outcome.what;
  failure.input.tape = failure.input.original = met.tape;
  failure.input.ops_before = failure.input.ops_after = met.ops;
  failure.input.bytes_before = failure.input.bytes_after = met.tape.size();
  failure.interrupted = true;  // until it has been shrunk
  failure.verb = options_.verb;
  failure.arguments = runner::ProgramArguments();
  failure.engine = met.engine;
  failure.seed = met.seed;
  failure.from = met.from;
  failure.first_seen = failure.last_seen = TimeNow();
  return failure;
}

Found Campaign::Begin(const MetCase& met, std::optional<FindingStore::Claim>* claim, bool* done) {
  Found found;
  Failure& failure = found.failure;
  failure = AsMet(met);
  try {
    const std::string& signature = failure.what.signature;
    std::optional<StoredFailure> known =
        store_.Find(failure.run.harness, options_.prefix, signature, &failure.run.server);
    if (known && !known->failure.interrupted) {
      if (StillFails(*known)) {
        found.folder = known->folder;
        found.known = true;
        const RunSpec run = failure.run;
        failure = std::move(known->failure);
        failure.run = run;
        *done = true;
        return found;
      }
      // The filed case passes, so it was fixed: this failure is another fault.
      store_.SetAside(known->folder);
      known.reset();
    }
    if (known) {
      // An interrupted run has left it; shrink it now.
      found.folder = known->folder;
      found.failure.first_seen = known->failure.first_seen;
      found.failure.met = known->failure.met + 1;
    } else {
      found.folder = store_.Begin(options_.prefix, failure, met.outcome.files);
    }
    claim->emplace(found.folder);
  } catch (const runner::UserError& error) {
    found.trouble = trouble_ = error.what();
  }
  return found;
}

ShrinkLimits Campaign::LimitsFor(const std::string& signature) const {
  ShrinkLimits limits = options_.shrink;
  if (options_.shrink_seconds > 0) {
    double left = options_.shrink_seconds - shrinking_seconds_;
    if (options_.ends_in_time && options_.seconds > 0) {
      left = std::min(left, options_.seconds + CampaignOptions::kLateSeconds - clock_.Seconds());
    }
    limits.seconds = std::min(limits.seconds, std::max(left, 0.0) / 2);
  }
  limits.progress = [this, signature](const std::string& line) {
    Say("  minimizing " + signature + ": " + line + "\n");
  };
  return limits;
}

void Campaign::Reduce(const MetCase& met, Found* found, std::map<std::string, std::string>* files,
                      std::string* text) {
  Failure& failure = found->failure;
  SmallCase small;
  bool interrupted = runner::Interrupted();
  std::string note;
  try {
    const ShrinkLimits limits = LimitsFor(failure.what.signature);
    const double start = runner::Now();
    if (!interrupted) small = search_->Reduce(met, limits);
    shrinking_seconds_ += runner::Now() - start;
    interrupted |= small.interrupted;
  } catch (const runner::Interruption&) {
    interrupted = true;
  } catch (const runner::UserError& error) {  // for example, the server is gone
    note = std::string("it could not be made small: ") + error.what();
  }
  if (small.failed) {
    failure.input.tape = small.tape;
    failure.input.minimized = !interrupted && small.limit.empty();
    failure.input.ops_before = std::max(failure.input.ops_before, small.ops_before);
    failure.input.ops_after = small.ops_after;
    failure.input.bytes_after = small.tape.size();
    failure.input.candidates = small.candidates;
  }
  failure.run = search_->runner().spec();  // shrinking may have added to it
  if (small.reproduced) {
    const std::string as_met = failure.what.signature;
    failure.what = small.outcome.what;
    if (SameFailure(as_met, failure.what.signature)) failure.what.signature = as_met;
    failure.hash = small.outcome.hash;
    *text = small.outcome.text;
    if (!small.limit.empty()) {
      *text = "  " + small.limit + " ended it: ./resprobe minimize tries for longer\n" + *text;
      list_.not_smallest.insert(failure.what.signature);
    }
    for (auto& [name, content] : small.outcome.files) (*files)[name] = std::move(content);
  }
  failure.interrupted = interrupted;
  if (note.empty() && !small.reproduced && !small.limit.empty()) {
    note = small.limit + " ended it before it was seen to fail alone: ./resprobe minimize goes on";
    list_.not_smallest.insert(failure.what.signature);
  }
  // What could not be run says nothing of the case.
  if (!interrupted && note.empty()) failure.replays = small.reproduced;
  if (small.reproduced) {
    *text = AtOp(failure) + *text;
  } else {
    if (note.empty()) {
      note = interrupted ? "interrupted before it was made small: it is kept as it was met"
                         : search_->WhyNotAlone();
    }
    *text = "  " + note + "\n" + *text;
  }
  AddText(&failure);
}

// The case as text, and the versions, if the runner can still tell them.
void Campaign::AddText(Failure* failure) {
  try {
    const runner::TempFolder temp;
    const fs::path file = temp.path() / "case";
    runner::WriteFile(file, failure->input.tape);
    failure->input.text = search_->runner().TextOf(file);
    failure->versions = search_->runner().Versions();
  } catch (const runner::Interruption&) {
  } catch (const runner::UserError&) {  // only the tape is available
  }
}

void Campaign::PrintMet(const MetCase& met) {
  Found found;
  found.failure = AsMet(met);
  found.failure.interrupted = false;
  AddText(&found.failure);
  const std::string signature = found.failure.what.signature;
  same_[signature] = signature;
  Say(Describe(found, AtOp(found.failure) + met.outcome.text));
  Add(signature, std::move(found));
}

void Campaign::Add(const std::string& signature, Found found) {
  found.seconds = met_seconds_;
  found.executions = met_executions_;
  if (list_.by_signature.empty()) list_.first_seconds = met_seconds_;
  list_.by_signature[signature] = std::move(found);
}

bool Campaign::IsLone(const MetCase& met, const Found& found) {
  const std::string& as_met = met.outcome.what.signature;
  if (found.failure.replays != std::optional(false) || !search_->MustRecur(met.outcome)) {
    list_.lone.erase(as_met);
    return false;
  }
  if (!found.folder.empty()) store_.Remove(found.folder);
  if (++list_.lone[as_met] == 1) {
    // Its first lines: what was asked, and both replies.
    constexpr int kLines = 3;
    size_t end = 0;
    for (int i = 0; i < kLines && end < met.outcome.text.size(); ++i) {
      end = std::min(met.outcome.text.find('\n', end), met.outcome.text.size() - 1) + 1;
    }
    Say("did not recur: " + as_met + ", from " + met.from + ": its case alone does not show it\n" +
        met.outcome.text.substr(0, end));
  }
  return true;
}

bool Campaign::CountUnexamined(const std::string& as_met, const Found& found) {
  const std::string& signature = found.failure.what.signature;
  if (!list_.not_smallest.contains(signature) || list_.by_signature.contains(signature))
    return false;
  const std::string rough = search_->RoughCause(signature);
  auto same = std::ranges::find_if(list_.by_signature, [&](const auto& one) {
    return !one.second.folder.empty() && search_->RoughCause(one.first) == rough;
  });
  std::string seems;
  if (same != list_.by_signature.end()) {
    seems = same->first;
    store_.AddVariant(same->second.folder, found.failure);  // keeps its case
    ++same->second.met;
    same_[as_met] = same_[signature] = same->first;
  } else if (search_->AcceptsRoughly(rough)) {
    seems = rough + ", which is accepted";
    same_[as_met] = same_[signature] = signature;
  } else {
    return false;
  }
  list_.not_smallest.erase(signature);
  if (!found.folder.empty()) store_.Remove(found.folder);
  Say("no time to examine " + signature + ", from " + found.failure.from + ": it seems to be " +
      seems + "\n");
  return true;
}

bool Campaign::AddVariant(const std::string& as_met, const Found& found, const std::string& text) {
  const std::string& signature = found.failure.what.signature;
  if (found.folder.empty() || found.failure.interrupted || list_.by_signature.contains(signature))
    return false;
  const auto is_kin = [&](const std::string& other) {
    return other != signature && search_->ProbablyOneCause(other, signature);
  };
  auto main = std::ranges::find_if(list_.by_signature, [&](const auto& one) {
    return is_kin(one.first) && !one.second.folder.empty();
  });
  if (main == list_.by_signature.end()) {
    const RunSpec& run = found.failure.run;
    std::vector<std::string> broken;
    for (StoredFailure& stored : store_.List(&broken)) {
      const std::string kin = stored.failure.what.signature;
      if (!is_kin(kin) || stored.folder == found.folder || stored.failure.interrupted) continue;
      const auto found_here = store_.Find(run.harness, options_.prefix, kin, &run.server);
      if (!found_here || found_here->folder != stored.folder || !StillFails(stored)) continue;
      Found filed;
      filed.failure = std::move(stored.failure);
      filed.failure.run = run;
      filed.folder = stored.folder;
      filed.known = true;
      filed.met = 0;
      same_[kin] = kin;
      Add(kin, std::move(filed));
      main = list_.by_signature.find(kin);
      break;
    }
  }
  if (main == list_.by_signature.end()) return false;
  store_.AddVariant(main->second.folder, found.failure);
  store_.Remove(found.folder);
  same_[as_met] = same_[signature] = main->first;
  ++main->second.met;
  ++main->second.met_as[signature];
  if (as_met != signature) main->second.met_as.try_emplace(as_met, 0);
  main->second.variants.insert(signature);
  Say("a variant of " + main->first + ": " + signature + "\n" + text +
      "  folder:    " + project_.Shown(main->second.folder) + "\n");
  return true;
}

void Campaign::File(const MetCase& met) {
  const std::string as_met = met.outcome.what.signature;
  bool done = false;
  std::optional<FindingStore::Claim> claim;
  Found found = Begin(met, &claim, &done);
  std::string text = met.outcome.text;
  if (!done) {
    std::map<std::string, std::string> files = met.outcome.files;
    if (!found.folder.empty()) {
      Say(options_.noun + " met: " + as_met + ", from " + met.from +
          "\n  kept in:   " + project_.Shown(found.folder) + ", and made small now\n");
    }
    Reduce(met, &found, &files, &text);
    const std::string& signature = found.failure.what.signature;
    try {
      if (IsLone(met, found)) return;
      if (signature != as_met && search_->Accepts(signature)) {
        same_[as_met] = signature;
        if (!found.folder.empty()) store_.Remove(found.folder);
        Say("made small it is one that is accepted: " + signature + "\n");
        return;
      }
      if (CountUnexamined(as_met, found)) return;
      if (AddVariant(as_met, found, text)) return;
      if (signature != as_met && !found.folder.empty()) {
        // After shrinking it may equal a known finding.
        const auto here = list_.by_signature.find(signature);
        const std::optional<StoredFailure> known =
            here == list_.by_signature.end()
                ? store_.Find(found.failure.run.harness, options_.prefix, signature,
                              &found.failure.run.server)
                : std::nullopt;
        if (here != list_.by_signature.end() || known) store_.Remove(found.folder);
        if (here != list_.by_signature.end()) {
          same_[as_met] = signature;
          ++here->second.met;
          ++here->second.met_as[as_met];
          Say("made small it is one that was met before: " + signature +
              "\n  folder:    " + project_.Shown(here->second.folder) + "\n");
          return;
        }
        if (known) {
          found.folder = known->folder;
          found.known = true;
          const RunSpec run = found.failure.run;
          found.failure = known->failure;
          found.failure.run = run;
          done = true;
        } else {
          found.folder = store_.Rename(found.folder, options_.prefix, found.failure);
        }
      }
      if (!done && !found.folder.empty()) store_.Write(found.folder, found.failure, files);
    } catch (const runner::UserError& error) {
      found.trouble = trouble_ = error.what();
    }
  }
  const std::string signature = found.failure.what.signature;
  same_[as_met] = same_[signature] = signature;
  found.met_as[as_met] = 1;
  Say(Describe(found, text));
  Add(signature, std::move(found));
}

std::string Campaign::Describe(const Found& found, const std::string& text) const {
  const Failure& failure = found.failure;
  std::string lines = options_.noun + ": " + failure.what.signature +
                      (found.known ? "  (known from an earlier run)\n" : "\n");
  if (!found.known) {
    const FailingCase& input = failure.input;
    lines += "  from:      " + failure.from + "\n";
    if (input.candidates > 0) {
      lines += "  minimized: " + std::to_string(input.ops_before) + " -> " +
               std::to_string(input.ops_after) + " ops, " + std::to_string(input.bytes_before) +
               " -> " + std::to_string(input.bytes_after) + " bytes, " +
               Plural(input.candidates, "candidate") + " tried\n";
    }
    lines += text;
  }
  if (!options_.file) return lines;
  if (found.folder.empty()) return lines + "  folder:    none: " + found.trouble + "\n";
  return lines + "  folder:    " + project_.Shown(found.folder) +
         "\n  replay:    " + ReplayCommand(project_, found.folder) +
         (failure.replays == std::optional(false) ? " (run alone, it did not fail)\n" : "\n");
}

}  // namespace resprobe::findings

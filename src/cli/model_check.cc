// invalidate --model-check: the seed corpus and generated cases of `invalidation` on a live server
// with the model beside it.

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "cli/files.h"
#include "cli/model_server.h"
#include "cli/process.h"
#include "cli/user_error.h"
#include "driver/driver.h"
#include "engine/generate.h"
#include "engine/mutate.h"
#include "engine/ops_text.h"

namespace resprobe::cli {
namespace {

constexpr double kSecondsPerLine = 10;
constexpr size_t kCandidates = 3000;
// A new process takes as long as ten cases.
constexpr uint64_t kRestartEvery = 16;

// A kind of difference, with the smallest case that shows it.
struct Found {
  ModelFailure failure;
  std::string from;
  uint64_t met = 0;
  size_t ops_before = 0;
  size_t ops_after = 0;
  size_t candidates = 0;
  bool known = false;
  fs::path folder;
};

class ModelCheck {
 public:
  explicit ModelCheck(const ModelCheckOptions& options)
      : options_(options),
        project_(OpenProject()),
        server_(options.server, kRestartEvery),
        seed_(options.seed),
        out_(options.output.text_on_stdout() ? stdout : stderr) {
    for (const fs::path& folder : {project_.source / "corpus" / "invalidation",
                                   project_.source / "tests" / "regressions" / "invalidation"}) {
      const std::vector<fs::path> files = FilesIn(folder);
      corpus_.insert(corpus_.end(), files.begin(), files.end());
    }
  }

  int Run() {
    std::fprintf(out_, "%s against the model of %.*s, seed %llu\n", server_.version().c_str(),
                 static_cast<int>(server_.profile().size()), server_.profile().data(),
                 static_cast<unsigned long long>(options_.seed));
    const double start = Now();
    double next_line = start + kSecondsPerLine;
    const uint64_t all = options_.seeds + corpus_.size();
    for (uint64_t i = 0; (options_.seeds == 0 || i < all) && !Interrupted(); ++i) {
      seconds_ = Now() - start - shrinking_;
      if (options_.seconds > 0 && seconds_ >= options_.seconds) break;
      Next(i);
      if (const auto failure = server_.Run(case_)) Add(*failure);
      ops_ += case_.ops.size();
      ++cases_;
      if (Now() < next_line) continue;
      std::fprintf(out_, "%s\n", Line().c_str());
      std::fflush(out_);
      next_line = Now() + kSecondsPerLine;
    }
    seconds_ = Now() - start - shrinking_;
    Sum();
    if (options_.output.json()) options_.output.Write(Report());
    if (Interrupted()) return kInterrupted;
    return found_.empty() ? kAllWell : kFinding;
  }

 private:
  void Next(uint64_t i) {
    arena_.Reset();
    if (i < corpus_.size()) {
      name_ = corpus_[i].filename().string();
      return ReadInvalidationCase(corpus_[i], &arena_, &case_);
    }
    const uint64_t seed = seed_++;
    name_ = "seed " + std::to_string(seed);
    if (seed % 4 != 0 || corpus_.empty()) return Generate(seed, &arena_, &case_);
    ReadInvalidationCase(corpus_[seed / 4 % corpus_.size()], &arena_, &case_);
    Gen gen(seed, &arena_);
    for (uint64_t n = 1 + gen.rng().Below(4); n > 0; --n) {
      Mutate(gen, driver::PlainMutateBytes, &case_);
    }
  }

  void Add(const ModelFailure& failure) {
    const std::string& signature = failure.signature;
    Found& found = found_[signature];
    if (++found.met > 1) return;
    const double start = Now();
    found.failure = failure;
    found.from = name_;
    found.ops_before = case_.ops.size();
    found.folder = project_.work / "findings" / "invalidation" /
                   ("model-" + std::string(server_.profile()) + "-" + Slug(signature));
    std::error_code ignored;
    found.known = fs::exists(found.folder / "case", ignored);
    MakeFolder(found.folder);
    WriteFile(found.folder / "original", TapeOf(case_));
    Arena arena;
    InvalidationCase small;
    const std::string tape = TapeOf(case_);
    Decode({reinterpret_cast<const uint8_t*>(tape.data()), tape.size()}, &arena, &small);
    found.candidates = server_.Shrink(signature, kCandidates, &arena, &small);
    // What depends on the server's choices may need another attempt.
    if (const auto again = server_.Run(small); again && again->signature == signature) {
      found.failure = *again;
    }
    found.ops_after = small.ops.size();
    WriteFile(found.folder / "case", TapeOf(small));
    WriteFile(found.folder / "case.ops", Print(small));
    WriteFile(found.folder / "report.json", ToJson(found).dump(2) + "\n");
    std::fprintf(out_, "difference: %s%s\n%s", signature.c_str(),
                 found.known ? "  (known from an earlier run)" : "", Text(found).c_str());
    std::fflush(out_);
    shrinking_ += Now() - start;
  }

  std::string Replay(const Found& found) const {
    return "./resprobe replay " + project_.Shown(found.folder / "case.ops") + " " +
           options_.server.Typed();
  }

  std::string Text(const Found& found) const {
    return "  from:      " + found.from + ", " + std::to_string(found.ops_before) + " -> " +
           std::to_string(found.ops_after) + " ops in " + std::to_string(found.candidates) +
           " runs\n" + Describe(found.failure) + "  folder:    " + project_.Shown(found.folder) +
           "\n  replay:    " + Replay(found) + "\n";
  }

  Json ToJson(const Found& found) const {
    Json json = cli::ToJson(found.failure);
    json["harness"] = "invalidation";
    json["server"] = server_.version();
    json["profile"] = std::string(server_.profile());
    json["from"] = found.from;
    json["met"] = found.met;
    json["known"] = found.known;
    json["size"] = {{"ops_before", found.ops_before},
                    {"ops_after", found.ops_after},
                    {"candidates", found.candidates}};
    json["folder"] = project_.Shown(found.folder);
    json["replay"] = Replay(found);
    return json;
  }

  std::string Line() const {
    char rest[80];
    std::snprintf(
        rest, sizeof(rest), "%.0f s, %s cases/s", seconds_,
        Grouped(static_cast<uint64_t>(static_cast<double>(cases_) / std::max(seconds_, 0.001)))
            .c_str());
    return Grouped(cases_) + " cases, " + Grouped(ops_) + " ops, " + std::to_string(found_.size()) +
           " differences, " + rest;
  }

  void Sum() {
    std::fprintf(out_, "%s\n%s", Line().c_str(),
                 Describe(server_.pair().counts(), server_.pair().sets_clock()).c_str());
    std::fprintf(out_, "%zu difference%s\n", found_.size(), found_.size() == 1 ? "" : "s");
    for (const auto& [signature, found] : found_) {
      std::fprintf(out_, "  %s, met %llu time%s: %s\n", signature.c_str(),
                   static_cast<unsigned long long>(found.met), found.met == 1 ? "" : "s",
                   project_.Shown(found.folder).c_str());
    }
  }

  Json Report() const {
    Json json = {{"server", server_.version()},
                 {"profile", std::string(server_.profile())},
                 {"seed", options_.seed},
                 {"cases", cases_},
                 {"ops", ops_},
                 {"seconds", seconds_},
                 {"interrupted", Interrupted()},
                 {"sets_clock", server_.pair().sets_clock()},
                 {"counts", cli::ToJson(server_.pair().counts())},
                 {"differences", Json::array()}};
    for (const auto& [signature, found] : found_) json["differences"].push_back(ToJson(found));
    return json;
  }

  const ModelCheckOptions& options_;
  Project project_;
  ModelServer server_;
  std::vector<fs::path> corpus_;
  uint64_t seed_;
  std::FILE* out_;
  Arena arena_;
  InvalidationCase case_;
  std::string name_;
  std::map<std::string, Found> found_;
  uint64_t cases_ = 0;
  uint64_t ops_ = 0;
  double seconds_ = 0;
  double shrinking_ = 0;
};

}  // namespace

int CheckModel(const ModelCheckOptions& options) {
  std::unique_ptr<ModelCheck> check;
  try {
    check = std::make_unique<ModelCheck>(options);
  } catch (const UserError& error) {
    // As this verb calls it.
    std::string text = error.what();
    if (const size_t flag = text.find("--flush"); flag != text.npos) {
      text.replace(flag, 7, "--overwrite");
    }
    throw UserError(text);
  }
  return check->Run();
}

}  // namespace resprobe::cli

#ifndef RESPROBE_RUNNER_SEED_CASES_H_
#define RESPROBE_RUNNER_SEED_CASES_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "driver/driver.h"
#include "engine/generate.h"
#include "engine/mutate.h"
#include "runner/case_file.h"
#include "runner/project.h"

namespace resprobe::runner {

// The cases of a run without an engine: the seed corpus and the regressions of a harness, then the
// cases generated from the seeds, of which every fourth is a corpus case with a few ops changed.
// The sequence is a function of the first seed and the corpus.
template <class World>
class SeedCases {
 public:
  using Generator = std::function<void(uint64_t seed, Arena* arena, Case<World>* c)>;

  SeedCases(const Project& project, uint64_t first_seed,
            Generator generate = resprobe::Generate<World>)
      : generate_(std::move(generate)), seed_(first_seed) {
    for (const fs::path& folder : {project.source / "corpus" / World::kName,
                                   project.source / "tests" / "regressions" / World::kName}) {
      const std::vector<fs::path> files = FilesIn(folder);
      corpus_.insert(corpus_.end(), files.begin(), files.end());
    }
  }

  // The next case, valid until the next call; the caller may modify it.
  Case<World>& Next() {
    arena_.Reset();
    if (taken_ < corpus_.size()) {
      number_ = taken_;
      const fs::path& file = corpus_[taken_++];
      name_ = file.filename().string();
      ReadCase<World>(file, &arena_, &case_);
      return case_;
    }
    number_ = seed_ + (taken_++ - corpus_.size());
    name_ = "seed " + std::to_string(number_);
    if (number_ % 4 == 0 && !corpus_.empty()) {
      Change();
    } else {
      generate_(number_, &arena_, &case_);
    }
    return case_;
  }

  // Goes back by `cases`: the next case is then the first of them again.
  void Back(uint64_t cases) { taken_ -= std::min(cases, taken_); }

  // Its origin: a file, or "seed 17"; and its index among the files, or its seed.
  const std::string& name() const { return name_; }
  uint64_t number() const { return number_; }
  // The number of cases before those from seeds.
  size_t corpus() const { return corpus_.size(); }
  // Holds the texts of the case.
  Arena& arena() { return arena_; }

 private:
  void Change() {
    constexpr uint64_t kMostChanges = 4;
    ReadCase<World>(corpus_[number_ / 4 % corpus_.size()], &arena_, &case_);
    Gen gen(number_, &arena_);
    for (uint64_t i = 1 + gen.rng().Below(kMostChanges); i > 0; --i) {
      Mutate(gen, driver::PlainMutateBytes, &case_);
    }
  }

  Generator generate_;
  std::vector<fs::path> corpus_;
  uint64_t taken_ = 0;  // cases taken from the corpus, then from seeds
  uint64_t seed_;       // the first seed
  uint64_t number_ = 0;
  std::string name_;
  Arena arena_;
  Case<World> case_;
};

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_SEED_CASES_H_

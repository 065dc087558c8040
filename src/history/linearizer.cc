#include "history/linearizer.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "history/mixed.h"
#include "history/specification.h"

namespace resprobe::history {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr uint64_t kStopEvery = 4096;

// A set of situations: pairs of digests, of what is done and of the state.
class Memory {
 public:
  struct Entry {
    uint64_t done;
    uint64_t state;
  };

  Memory() : slots_(1024, kEmpty) {}

  // False if it was there.
  bool Insert(Entry entry) {
    if (entry.done == kEmpty.done && entry.state == kEmpty.state) entry.state = 1;
    if (2 * (size_ + 1) > slots_.size()) Grow();
    if (!Put(entry)) return false;
    ++size_;
    return true;
  }
  size_t size() const { return size_; }

 private:
  static constexpr Entry kEmpty = {0, 0};

  bool Put(Entry entry) {
    size_t at = Mixed(entry.done ^ Mixed(entry.state)) & (slots_.size() - 1);
    while (slots_[at].done != kEmpty.done || slots_[at].state != kEmpty.state) {
      if (slots_[at].done == entry.done && slots_[at].state == entry.state) return false;
      at = (at + 1) & (slots_.size() - 1);
    }
    slots_[at] = entry;
    return true;
  }
  void Grow() {
    std::vector<Entry> old(2 * slots_.size(), kEmpty);
    std::swap(old, slots_);
    for (const Entry& entry : old) {
      if (entry.done != kEmpty.done || entry.state != kEmpty.state) Put(entry);
    }
  }

  std::vector<Entry> slots_;
  size_t size_ = 0;
};

// One search for an order of these steps that explains all replies. Begins without keys.
class Search {
 public:
  // `watched`: the operation whose expected replies are collected; nullptr: none.
  Search(Specification* specification, const std::vector<Specification::Step>& steps,
         const LinearizerLimits& limits, const Operation* watched = nullptr)
      : specification_(*specification), steps_(steps), limits_(limits), watched_(watched) {}

  Verdict Run();

  uint64_t runs() const { return runs_; }
  const std::string& why() const { return why_; }
  // After a violation: no order gets past the end of this step.
  uint32_t misfit() const { return events_[furthest_].step; }
  // What the core answered to the watched operation where its reply did not fit: each reply once,
  // at most four.
  const std::vector<std::string>& expected() const { return expected_; }

 private:
  // A begin or an end. In order of time they form a linked list, from which the events of an
  // operation are removed when it is done.
  struct Event {
    uint64_t at;
    uint32_t step;
    bool end;
    uint32_t previous = 0;
    uint32_t next = 0;
  };
  // A situation: some operations are done, and one of its candidates is next.
  struct Frame {
    size_t choices;   // index in choices_ of the first candidate
    size_t choice;    // … of the next one to try
    uint32_t before;  // the operation whose effect led here; kNone at the start
    bool dropped;     // that operation had no effect: it was not answered, and its time is over
    uint32_t must;  // the operation that ends first: whatever begins after that end is no candidate
    bool may_drop;  // `must` was not answered, so it may have had no effect
  };

  void MakeList();
  void TakeOut(uint32_t step);
  void PutBack(uint32_t step);
  bool Enter(uint32_t before, bool dropped);
  void AddChoices(uint32_t must);
  void Leave();
  void NoteMisfit(uint32_t step);
  Verdict GiveUp(std::string why) {
    why_ = std::move(why);
    return Verdict::kUnknown;
  }

  Specification& specification_;
  const std::vector<Specification::Step>& steps_;
  const LinearizerLimits& limits_;
  const Operation* const watched_;
  std::vector<Event> events_;   // the first and the last are the ends of the list
  std::vector<uint64_t> keys_;  // of each step; a bit may stand for several keys
  std::vector<uint32_t> begin_of_;
  std::vector<uint32_t> end_of_;  // kNone: it has none
  std::vector<Frame> frames_;
  std::vector<uint32_t> choices_;
  std::vector<uint32_t> open_;  // of Enter(): what has begun and is not done
  std::vector<bool> chosen_;
  Memory memory_;
  uint64_t done_ = 0;      // digest of the set of done operations
  uint32_t furthest_ = 0;  // the latest event that was first among the ends
  std::vector<std::string> expected_;
  uint64_t runs_ = 0;
  std::string why_;
};

void Search::MakeList() {
  events_.push_back({0, kNone, false});
  for (uint32_t i = 0; i < steps_.size(); ++i) {
    uint64_t& keys = keys_.emplace_back(0);
    for (const uint32_t key : steps_[i].keys) keys |= uint64_t{1} << key % 64;
    const Operation& operation = *steps_[i].operation;
    events_.push_back({operation.begin_us, i, false});
    if (operation.end_us != Operation::kNever) events_.push_back({operation.end_us, i, true});
  }
  // Begins precede ends of the same microsecond, so that the operations overlap.
  std::sort(events_.begin() + 1, events_.end(), [](const Event& a, const Event& b) {
    return std::tuple(a.at, a.end, a.step) < std::tuple(b.at, b.end, b.step);
  });
  events_.push_back({Operation::kNever, kNone, true});
  begin_of_.assign(steps_.size(), kNone);
  end_of_.assign(steps_.size(), kNone);
  for (uint32_t i = 0; i < events_.size(); ++i) {
    events_[i].previous = i == 0 ? 0 : i - 1;
    events_[i].next = i + 1;
    if (events_[i].step != kNone) (events_[i].end ? end_of_ : begin_of_)[events_[i].step] = i;
  }
}

void Search::TakeOut(uint32_t step) {
  for (const uint32_t at : {begin_of_[step], end_of_[step]}) {
    if (at == kNone) continue;
    events_[events_[at].previous].next = events_[at].next;
    events_[events_[at].next].previous = events_[at].previous;
  }
}

void Search::PutBack(uint32_t step) {
  for (const uint32_t at : {end_of_[step], begin_of_[step]}) {
    if (at == kNone) continue;
    events_[events_[at].previous].next = at;
    events_[events_[at].next].previous = at;
  }
}

// Returns false if every operation that has an end is done.
bool Search::Enter(uint32_t before, bool dropped) {
  Frame frame = {choices_.size(), choices_.size(), before, dropped, kNone, false};
  open_.clear();
  uint32_t at = events_[0].next;
  for (; !events_[at].end; at = events_[at].next) open_.push_back(events_[at].step);
  if (events_[at].step == kNone) return false;
  frame.must = events_[at].step;
  frame.may_drop = !steps_[frame.must].operation->answered();
  furthest_ = std::max(furthest_, at);
  AddChoices(frame.must);
  // The operation that ends first is usually the right one.
  std::sort(
      choices_.begin() + static_cast<std::ptrdiff_t>(frame.choices), choices_.end(),
      [&](uint32_t a, uint32_t b) { return std::pair(end_of_[a], a) < std::pair(end_of_[b], b); });
  frames_.push_back(frame);
  return true;
}

// Only what is open can take effect before `must` ends. Of this, operations on other keys commute
// with `must`, and with all that does not: in an order in which they come first they may as well
// come later. So the candidates are a persistent set (Godefroid: Partial-order methods, 1996):
// `must`, and all that shares keys with it, directly or through others.
void Search::AddChoices(uint32_t must) {
  chosen_.assign(open_.size(), false);
  uint64_t keys = 0;     // of what is chosen
  uint64_t written = 0;  // … and writes
  const auto choose = [&](size_t i) {
    chosen_[i] = true;
    keys |= keys_[open_[i]];
    if (steps_[open_[i]].writes) written |= keys_[open_[i]];
  };
  // Operations of one client that overlap were sent together, and a server runs them in that order.
  const auto before = [&](size_t i, size_t j) {
    const Operation& a = *steps_[open_[i]].operation;
    return i < j && a.client == steps_[open_[j]].operation->client && a.answered();
  };
  choose(static_cast<size_t>(std::find(open_.begin(), open_.end(), must) - open_.begin()));
  for (bool more = true; more;) {
    more = false;
    for (size_t i = 0; i < open_.size(); ++i) {
      if (chosen_[i]) continue;
      const uint64_t own = keys_[open_[i]];
      bool wanted = (own & (steps_[open_[i]].writes ? keys : written)) != 0;
      for (size_t j = i + 1; !wanted && j < open_.size(); ++j) wanted = chosen_[j] && before(i, j);
      if (!wanted) continue;
      choose(i);
      more = true;
    }
  }
  for (size_t j = 0; j < open_.size(); ++j) {
    if (!chosen_[j]) continue;
    bool first = true;
    for (size_t i = 0; first && i < j; ++i) first = !before(i, j);
    if (first) choices_.push_back(open_[j]);
  }
}

void Search::Leave() {
  const Frame frame = frames_.back();
  frames_.pop_back();
  choices_.resize(frame.choices);
  if (frame.before == kNone) return;
  if (!frame.dropped) specification_.Undo();
  done_ ^= Mixed(2 * uint64_t{frame.before} + (frame.dropped ? 1 : 0));
  PutBack(frame.before);
}

// Records what the core answered to a step in place of the reply that was seen.
void Search::NoteMisfit(uint32_t step) {
  constexpr size_t kMost = 4;
  if (steps_[step].operation != watched_ || expected_.size() == kMost) return;
  std::string answer(specification_.answer());
  if (std::find(expected_.begin(), expected_.end(), answer) == expected_.end()) {
    expected_.push_back(std::move(answer));
  }
}

Verdict Search::Run() {
  MakeList();
  if (!Enter(kNone, false)) return Verdict::kOk;
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.choice == choices_.size()) {
      // No candidate fits. If the one whose time is over was not answered, it may have had no
      // effect.
      if (!std::exchange(frame.may_drop, false)) {
        Leave();
        continue;
      }
      const uint32_t step = frame.must;
      done_ ^= Mixed(2 * uint64_t{step} + 1);
      if (memory_.Insert({done_, specification_.state()})) {
        TakeOut(step);
        if (!Enter(step, true)) return Verdict::kOk;
      } else {
        done_ ^= Mixed(2 * uint64_t{step} + 1);
      }
      continue;
    }
    const uint32_t step = choices_[frame.choice++];
    if (++runs_ > limits_.runs)
      return GiveUp("more than " + std::to_string(limits_.runs) + " runs");
    if (memory_.size() > limits_.remembered) return GiveUp("too many situations to remember");
    if (runs_ % kStopEvery == 0 && limits_.stop && limits_.stop()) return GiveUp("interrupted");
    if (!specification_.Run(steps_[step])) {
      NoteMisfit(step);
      continue;
    }
    done_ ^= Mixed(2 * uint64_t{step});
    if (memory_.Insert({done_, specification_.state()})) {
      TakeOut(step);
      if (!Enter(step, false)) return Verdict::kOk;
    } else {
      done_ ^= Mixed(2 * uint64_t{step});
      specification_.Undo();
    }
  }
  return Verdict::kViolation;
}

// Keys that some operation joins, with all operations on them.
class KeySet {
 public:
  KeySet(Specification* specification, const LinearizerLimits& limits, LinearizerResult* result)
      : specification_(*specification), limits_(limits), result_(*result) {}

  void AddKey(const std::string& name) { names_.push_back(name); }
  void Add(Specification::Step step, size_t index) {
    steps_.push_back(std::move(step));
    indices_.push_back(index);
  }
  // Checks them. A violation, or an unknown verdict if there is no worse one yet, goes into the
  // result.
  void Check();

 private:
  Verdict Try(Search* search);
  // What was known at `end_us`: operations that began by then, without the replies that came later.
  void Truncate(uint64_t end_us, std::vector<Operation>* operations,
                std::vector<Specification::Step>* steps) const;

  Specification& specification_;
  const LinearizerLimits& limits_;
  LinearizerResult& result_;
  std::vector<std::string> names_;
  std::vector<Specification::Step> steps_;
  std::vector<size_t> indices_;  // of the steps' operations in the history
};

Verdict KeySet::Try(Search* search) {
  specification_.Reset();
  for (const std::string& name : names_) specification_.AddKey(name);
  const Verdict verdict = search->Run();
  result_.runs += search->runs();
  return verdict;
}

void KeySet::Truncate(uint64_t end_us, std::vector<Operation>* operations,
                      std::vector<Specification::Step>* steps) const {
  operations->clear();
  steps->clear();
  operations->reserve(steps_.size());
  for (const Specification::Step& step : steps_) {
    Operation& operation = operations->emplace_back(*step.operation);
    if (operation.end_us > end_us) {
      operation.end_us = Operation::kNever;
      operation.replies.clear();
    }
    Specification::Step& truncated = steps->emplace_back(step);
    truncated.operation = &operation;
  }
  std::erase_if(*steps, [end_us](const Specification::Step& step) {
    return step.operation->begin_us > end_us || (!step.operation->answered() && !step.writes);
  });
}

void KeySet::Check() {
  Search search(&specification_, steps_, limits_);
  const Verdict verdict = Try(&search);
  if (verdict == Verdict::kOk) return;
  if (verdict == Verdict::kUnknown) {
    if (result_.verdict == Verdict::kOk) {
      result_.verdict = verdict;
      result_.why = search.why();
      result_.keys = names_;
    }
    return;
  }
  result_.verdict = verdict;
  result_.why.clear();
  result_.keys = names_;
  // Everything before that end can be ordered. Whether the reply at that end is wrong may depend on
  // replies that came later, so the shortest failing prefix ends there or later.
  const uint64_t before = steps_[search.misfit()].operation->end_us;
  std::vector<uint64_t> ends;
  for (const Specification::Step& step : steps_) {
    const Operation& operation = *step.operation;
    if (operation.answered() && operation.end_us >= before) ends.push_back(operation.end_us);
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  std::vector<Operation> operations;
  std::vector<Specification::Step> steps;
  size_t low = 0;
  size_t high = ends.size() - 1;  // the prefix up to here fails; longer prefixes then fail, too
  while (low < high) {
    // Most often the first one fails.
    const size_t middle = low == 0 ? 0 : low + (high - low) / 2;
    Truncate(ends[middle], &operations, &steps);
    Search part(&specification_, steps, limits_);
    if (Try(&part) == Verdict::kViolation) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  const uint64_t end = ends[high];
  Truncate(end, &operations, &steps);
  size_t misfit = 0;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Operation& operation = *steps_[i].operation;
    if (operation.begin_us <= end) result_.failing.push_back(indices_[i]);
    if (operation.answered() && operation.end_us == end) misfit = i;
  }
  result_.misfit = indices_[misfit];
  // The truncated operations are copies, in the order of the steps.
  Search last(&specification_, steps, limits_, &operations[misfit]);
  Try(&last);
  result_.expected = last.expected();
}

// Keys by number, in sets: union-find.
class Joined {
 public:
  uint32_t NumberOf(const std::string& key) {
    const auto [at, added] = numbers_.try_emplace(key, static_cast<uint32_t>(parents_.size()));
    if (added) parents_.push_back(at->second);
    return at->second;
  }
  uint32_t RootOf(uint32_t key) {
    while (parents_[key] != key) key = parents_[key] = parents_[parents_[key]];
    return key;
  }
  void Join(uint32_t a, uint32_t b) { parents_[RootOf(a)] = RootOf(b); }
  size_t size() const { return parents_.size(); }
  const std::map<std::string, uint32_t>& numbers() const { return numbers_; }

 private:
  std::map<std::string, uint32_t> numbers_;
  std::vector<uint32_t> parents_;
};

struct Prepared {
  size_t index;
  std::vector<uint32_t> keys;
  OperationFacts facts;
};

}  // namespace

LinearizerResult CheckHistory(const History& history, Profile profile,
                              const LinearizerLimits& limits) {
  LinearizerResult result;
  std::vector<size_t> order(history.operations.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(history.operations[a].begin_us, a) <
           std::pair(history.operations[b].begin_us, b);
  });
  Joined joined;
  std::vector<Prepared> all;
  bool whole = false;
  for (const size_t i : order) {
    const Operation& operation = history.operations[i];
    OperationFacts facts = FactsOf(operation, profile);
    if (!facts.refused.empty()) {
      result.verdict = Verdict::kUnknown;
      result.why = facts.refused;
      return result;
    }
    if (facts.says_nothing()) {
      ++result.without_keys;
      continue;
    }
    // An unanswered read constrains nothing.
    if (!operation.answered() && !facts.writes) continue;
    if (WasRefused(operation)) {
      ++result.refused;
      continue;
    }
    ++result.operations;
    if (!operation.answered()) ++result.unanswered;
    whole |= facts.all_keys;
    Prepared prepared = {i, {}, std::move(facts)};
    for (const std::string& key : prepared.facts.keys) {
      prepared.keys.push_back(joined.NumberOf(key));
      joined.Join(prepared.keys.front(), prepared.keys.back());
    }
    prepared.facts.keys.clear();
    all.push_back(std::move(prepared));
  }
  for (uint32_t key = 1; whole && key < joined.size(); ++key) joined.Join(0, key);

  std::vector<std::string> names(joined.size());
  for (const auto& [name, number] : joined.numbers()) names[number] = name;
  // The sets of keys, in the order of their first operations.
  std::vector<std::vector<size_t>> sets;
  std::vector<uint32_t> set_of(joined.size() + 1, kNone);
  for (size_t i = 0; i < all.size(); ++i) {
    const uint32_t key = all[i].keys.empty() ? 0 : all[i].keys[0];
    const uint32_t root = joined.size() == 0 ? 0 : joined.RootOf(key);
    if (set_of[root] == kNone) {
      set_of[root] = static_cast<uint32_t>(sets.size());
      sets.emplace_back();
    }
    sets[set_of[root]].push_back(i);
  }
  result.sets_of_keys = sets.size();

  Specification specification(profile);
  std::vector<uint32_t> local(joined.size(), kNone);
  for (const std::vector<size_t>& members : sets) {
    KeySet set(&specification, limits, &result);
    uint32_t keys = 0;
    for (const size_t i : members) {
      for (uint32_t& key : all[i].keys) {
        if (local[key] == kNone) {
          local[key] = keys++;
          set.AddKey(names[key]);
        }
        key = local[key];
      }
    }
    for (const size_t i : members) {
      Prepared& one = all[i];
      if (one.facts.all_keys) {
        one.keys.clear();
        for (uint32_t key = 0; key < keys; ++key) one.keys.push_back(key);
      }
      set.Add({&history.operations[one.index], std::move(one.keys), one.facts.writes,
               one.facts.any_order, one.facts.pairs},
              one.index);
    }
    set.Check();
    if (result.verdict == Verdict::kViolation) break;
  }
  return result;
}

namespace {

// The failing prefix alone, as it was known at its end.
History PrefixOf(const History& history, const LinearizerResult& result, Profile profile,
                 std::vector<bool>* reads) {
  History prefix;
  reads->clear();
  const uint64_t end = history.operations[result.misfit].end_us;
  for (const size_t i : result.failing) {
    Operation operation = history.operations[i];
    if (operation.answered() && operation.end_us > end) {
      operation.end_us = Operation::kNever;
      operation.replies.clear();
    }
    const bool writes = FactsOf(operation, profile).writes;
    // An unanswered read constrains nothing.
    if (!writes && !operation.answered()) continue;
    reads->push_back(!writes && i != result.misfit);
    prefix.operations.push_back(std::move(operation));
  }
  return prefix;
}

}  // namespace

History Shorten(const History& history, const LinearizerResult& result, Profile profile) {
  std::vector<bool> reads;
  History shorter = PrefixOf(history, result, profile, &reads);
  // All checks together get this many runs of the core, which takes a few seconds at most.
  uint64_t runs_left = 2'000'000;
  const auto check = [&](const History& part) {
    LinearizerLimits limits;
    limits.runs = runs_left;
    LinearizerResult checked = CheckHistory(part, profile, limits);
    runs_left -= std::min(runs_left, checked.runs);
    return checked;
  };
  // Without a read a history has more orders, not fewer: what still fails without it does not need
  // it. Leaves out halves, quarters, … of the reads, then single ones.
  for (size_t before = SIZE_MAX; runs_left > 0 && shorter.operations.size() < before;) {
    before = shorter.operations.size();
    for (size_t part = std::max<size_t>(before / 2, 1); runs_left > 0; part /= 2) {
      for (size_t first = 0; first < reads.size() && runs_left > 0;) {
        History less;
        std::vector<bool> less_reads;
        for (size_t i = 0; i < reads.size(); ++i) {
          if (reads[i] && i >= first && i < first + part) continue;
          less.operations.push_back(shorter.operations[i]);
          less_reads.push_back(reads[i]);
        }
        const bool same = less_reads.size() == reads.size();
        if (same || check(less).verdict != Verdict::kViolation) {
          first += part;
          continue;
        }
        shorter = std::move(less);
        reads = std::move(less_reads);
      }
      if (part == 1) break;
    }
    // Reads that are gone may have joined keys, whose operations are not needed either.
    const LinearizerResult again = check(shorter);
    if (again.verdict == Verdict::kViolation) {
      shorter = PrefixOf(shorter, again, profile, &reads);
    }
  }
  return shorter;
}

}  // namespace resprobe::history

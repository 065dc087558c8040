#include "history/linearizer.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "engine/quote.h"
#include "history/specification.h"

namespace resprobe::history {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr uint64_t kStopEvery = 4096;

uint64_t Mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Pairs of digests.
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

// The search for an order of these steps, once, from no keys.
class Search {
 public:
  Search(Specification* specification, const std::vector<Specification::Step>& steps,
         const LinearizerLimits& limits)
      : specification_(*specification), steps_(steps), limits_(limits) {}

  Verdict Run();

  uint64_t runs() const { return runs_; }
  const std::string& why() const { return why_; }
  // The step that ends first among those that no order has got past, and what the core answered to
  // it.
  uint32_t misfit() const { return events_[furthest_].step; }
  const std::vector<std::string>& expected() const { return expected_; }

 private:
  // Begins and ends in their order, as a list from which an operation's are taken out.
  struct Event {
    uint64_t at;
    uint32_t step;
    bool end;
    uint32_t previous = 0;
    uint32_t next = 0;
  };
  // A situation: some operations are done, and one of these is the next one.
  struct Frame {
    size_t choices;   // where they begin in choices_
    size_t choice;    // the next one to be tried
    uint32_t before;  // what was done to get here
    bool dropped;     // … was given up: it was not answered, and its time is over
    uint32_t must;    // the operation that ends first: no other one that begins later can be next
    bool may_drop;
  };

  void MakeList();
  void TakeOut(uint32_t step);
  void PutBack(uint32_t step);
  bool Enter(uint32_t before, bool dropped);
  void Leave();
  void NoteMisfit(uint32_t step);
  Verdict GiveUp(std::string why) {
    why_ = std::move(why);
    return Verdict::kUnknown;
  }

  Specification& specification_;
  const std::vector<Specification::Step>& steps_;
  const LinearizerLimits& limits_;
  std::vector<Event> events_;  // the first and the last are the ends of the list
  std::vector<uint32_t> begin_of_;
  std::vector<uint32_t> end_of_;  // kNone: it has none
  std::vector<Frame> frames_;
  std::vector<uint32_t> choices_;
  Memory memory_;
  uint64_t done_ = 0;      // digest of what is done
  uint32_t furthest_ = 0;  // the last end that no order has got past
  std::vector<std::string> expected_;
  uint32_t expected_of_ = 0;
  uint64_t runs_ = 0;
  std::string why_;
};

void Search::MakeList() {
  events_.push_back({0, kNone, false});
  for (uint32_t i = 0; i < steps_.size(); ++i) {
    const Operation& operation = *steps_[i].operation;
    events_.push_back({operation.begin_us, i, false});
    if (operation.end_us != Operation::kNever) events_.push_back({operation.end_us, i, true});
  }
  // At one moment begins are first: then the operations overlap.
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

// False if no more operation has to be done.
bool Search::Enter(uint32_t before, bool dropped) {
  Frame frame = {choices_.size(), choices_.size(), before, dropped, kNone, false};
  uint32_t at = events_[0].next;
  for (; !events_[at].end; at = events_[at].next) choices_.push_back(events_[at].step);
  if (events_[at].step == kNone) return false;
  frame.must = events_[at].step;
  frame.may_drop = !steps_[frame.must].operation->answered();
  furthest_ = std::max(furthest_, at);
  // Those that end first are usually right.
  std::sort(
      choices_.begin() + static_cast<std::ptrdiff_t>(frame.choices), choices_.end(),
      [&](uint32_t a, uint32_t b) { return std::pair(end_of_[a], a) < std::pair(end_of_[b], b); });
  frames_.push_back(frame);
  return true;
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

// A step was tried, and the core's answer is another one.
void Search::NoteMisfit(uint32_t step) {
  if (end_of_[step] != furthest_) return;
  if (std::exchange(expected_of_, furthest_) != furthest_) expected_.clear();
  constexpr size_t kMost = 4;
  const std::string answer(specification_.answer());
  if (expected_.size() < kMost &&
      std::find(expected_.begin(), expected_.end(), answer) == expected_.end()) {
    expected_.push_back(answer);
  }
}

Verdict Search::Run() {
  MakeList();
  if (!Enter(kNone, false)) return Verdict::kOk;
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.choice == choices_.size()) {
      // No step fits; an unanswered one whose time is over may have been none.
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
    // Where there is no choice, nothing else leads here.
    const bool alone = frame.choices + 1 == choices_.size() && !frame.may_drop;
    if (alone || memory_.Insert({done_, specification_.state()})) {
      TakeOut(step);
      if (!Enter(step, false)) return Verdict::kOk;
    } else {
      done_ ^= Mixed(2 * uint64_t{step});
      specification_.Undo();
    }
  }
  return Verdict::kViolation;
}

// The operations on keys that belong together.
class KeySet {
 public:
  KeySet(Specification* specification, const LinearizerLimits& limits, LinearizerResult* result)
      : specification_(*specification), limits_(limits), result_(*result) {}

  void AddKey(const std::string& name) { names_.push_back(name); }
  void Add(Specification::Step step, size_t index) {
    steps_.push_back(std::move(step));
    indices_.push_back(index);
  }
  // Sets the verdict, if it is not ok, and what belongs to it.
  void Check();

 private:
  Verdict Try(Search* search);
  // The steps as they were seen until then: those that were answered later are not answered.
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
  result_.verdict = verdict;
  result_.why = search.why();
  result_.keys = names_;
  if (verdict == Verdict::kUnknown) return;
  // What is before that end can be put in order. The end itself may need replies that came later to
  // be wrong, so the shortest beginning ends there or later.
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
  size_t high = ends.size() - 1;  // this one fails
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
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
  Search last(&specification_, steps, limits_);
  Try(&last);
  result_.expected = last.expected();
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Operation& operation = *steps_[i].operation;
    if (operation.begin_us <= end) result_.failing.push_back(indices_[i]);
    if (operation.end_us == end) result_.misfit = indices_[i];
  }
}

// Sets of keys that some operation joins.
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
  // In the order of begins.
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
    // What was not answered and changes nothing is as good as not asked.
    if (!operation.answered() && !facts.writes) continue;
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
  // In the order of their first operations.
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
    if (result.verdict != Verdict::kOk) break;
  }
  return result;
}

std::string Picture(const History& history, const LinearizerResult& result, size_t columns) {
  if (result.failing.empty()) return "";
  struct Moment {
    uint64_t at;
    bool end;
    size_t row;
  };
  std::vector<Moment> moments;
  const uint64_t last = history.operations[result.misfit].end_us;
  for (size_t row = 0; row < result.failing.size(); ++row) {
    const Operation& operation = history.operations[result.failing[row]];
    moments.push_back({operation.begin_us, false, row});
    if (operation.end_us <= last) moments.push_back({operation.end_us, true, row});
  }
  std::sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
    return std::tuple(a.at, a.end, a.row) < std::tuple(b.at, b.end, b.row);
  });
  const size_t first = moments.size() > columns ? moments.size() - columns : 0;
  const size_t width = moments.size() - first;
  std::vector<std::string> lines(result.failing.size(), std::string(width, ' '));
  std::vector<size_t> begins(result.failing.size(), 0);
  std::vector<bool> shown(result.failing.size(), false);
  std::vector<bool> open(result.failing.size(), true);
  for (size_t i = 0; i < moments.size(); ++i) {
    const Moment& moment = moments[i];
    if (!moment.end) begins[moment.row] = i;
    if (i >= first) shown[moment.row] = true;
    if (moment.end) open[moment.row] = false;
    if (!moment.end || i < first) continue;
    const size_t from = std::max(begins[moment.row], first) - first;
    std::string& line = lines[moment.row];
    for (size_t at = from; at < i - first; ++at) line[at] = '=';
    if (begins[moment.row] >= first) line[from] = '[';
    line[i - first] = ']';
  }
  std::string text;
  size_t left_out = 0;
  for (size_t row = 0; row < lines.size(); ++row) {
    if (open[row]) {  // no reply by then
      const size_t from = std::max(begins[row], first) - first;
      for (size_t at = from; at < width; ++at) lines[row][at] = '-';
      if (begins[row] >= first) lines[row][from] = '[';
    } else if (!shown[row]) {
      ++left_out;
      continue;
    }
    const Operation& operation = history.operations[result.failing[row]];
    const bool misfit = result.failing[row] == result.misfit;
    text += (misfit ? "! " : "  ") + lines[row] + "  client " + std::to_string(operation.client) +
            ": " + RequestsText(operation);
    if (!open[row]) {
      text += " -> ";
      AppendQuoted(&text, operation.replies);
    }
    text += '\n';
  }
  if (left_out > 0) text = "  (" + std::to_string(left_out) + " earlier operations)\n" + text;
  return text;
}

}  // namespace resprobe::history

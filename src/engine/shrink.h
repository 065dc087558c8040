#ifndef RESPROBE_ENGINE_SHRINK_H_
#define RESPROBE_ENGINE_SHRINK_H_

// Shrinks a failing case: deletes ops from the end backwards in ever smaller runs, simplifies
// fields, renames things and flattens the schedule (amounts become "all", ops of one kind are
// grouped, and those that add up are merged). All passes repeat until none succeeds. A candidate
// counts only if the caller says that it fails in the same way.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/codec.h"
#include "engine/fields.h"
#include "engine/harness.h"

namespace resprobe {

// Deletes runs of `items` while `still_fails(items)` is true; returns true if it deleted any.
// `still_fails` returns false once its budget is used up.
template <class T, class StillFails>
bool DeleteRuns(std::vector<T>* items, const StillFails& still_fails) {
  bool any = false;
  std::vector<T> candidate;
  for (size_t run = std::max<size_t>(items->size() / 2, 1);; run /= 2) {
    for (size_t end = items->size(); end > 0;) {
      const size_t start = end > run ? end - run : 0;
      candidate.assign(items->begin(), items->begin() + static_cast<ptrdiff_t>(start));
      candidate.insert(candidate.end(), items->begin() + static_cast<ptrdiff_t>(end), items->end());
      if (candidate.size() < items->size() && still_fails(candidate)) {
        items->swap(candidate);
        any = true;
      }
      end = std::min(start, items->size());
    }
    if (run <= 1) return any;
  }
}

// Field visitor: tries simpler values for its one target field, and stops at the first that still
// fails.
class FieldSimplifier {
 public:
  FieldSimplifier(const std::function<bool()>* still_fails, Arena* arena, size_t target)
      : still_fails_(still_fails), arena_(arena), target_(target) {}

  template <class T>
  void operator()(std::string_view, T& field) {
    if (count_++ != target_) return;
    if constexpr (std::is_same_v<T, Text>) {
      SimplifyText(&field.bytes);
    } else if constexpr (std::is_same_v<T, Args>) {
      SimplifyWords(field);
    } else if constexpr (std::is_same_v<T, bool> || std::is_enum_v<T>) {
      Try(field, T{});
    } else if constexpr (std::is_same_v<T, Index>) {
      // Try the smallest value that selects the same thing: 11 of 8 things is 3.
      const int small = std::min<int>(field.value, 16);
      for (int value = 0; value < small && !Try(field, Index{static_cast<uint8_t>(value)});)
        ++value;
    } else {
      SimplifyNumber(field);
    }
  }

  size_t count() const { return count_; }
  bool simplified() const { return simplified_; }

 private:
  template <class T>
  bool Try(T& field, const T& simpler) {
    if (field == simpler) return false;
    const T old = field;
    field = simpler;
    if ((*still_fails_)()) {
      simplified_ = true;
      return true;
    }
    field = old;
    return false;
  }

  template <class T>
  void SimplifyNumber(T& field) {
    using Value = decltype(field.value);
    // Keep a value that is already simplest: otherwise 1 would replace 0, be reverted, and so on
    // without end.
    if (field == T{} || Try(field, T{})) return;
    if (field.value != Value{1} && Try(field, T{Value{1}})) return;
    // Towards zero, by halving and then by ones.
    while (field.value / 2 != field.value && field.value / 2 != 0 &&
           Try(field, T{static_cast<Value>(field.value / 2)})) {
    }
    for (int i = 0; i < 8; ++i) {
      const bool negative = field.value < Value{0};
      const auto next = static_cast<Value>(negative ? field.value + 1 : field.value - 1);
      if (next == 0 || !Try(field, T{next})) break;
    }
  }

  void SimplifyText(std::string_view* text) {
    // Shorten from the end and from the front; then simplify the bytes.
    for (size_t cut = std::max<size_t>(text->size() / 2, 1); !text->empty(); cut /= 2) {
      while (text->size() >= cut && Try(*text, text->substr(0, text->size() - cut))) {
      }
      while (text->size() >= cut && Try(*text, text->substr(cut))) {
      }
      if (cut <= 1) break;
    }
    for (size_t i = 0; i < text->size() && i < 32; ++i) {
      if ((*text)[i] == 'a' || ((*text)[i] >= '0' && (*text)[i] <= '9')) continue;
      char* copy = arena_->Bytes(text->size());
      std::copy(text->begin(), text->end(), copy);
      copy[i] = 'a';
      Try(*text, std::string_view(copy, text->size()));
    }
  }

  void SimplifyWords(Args& field) {
    std::vector<std::string_view> words(field.words.begin(), field.words.end());
    const auto set = [&](const std::vector<std::string_view>& candidate) {
      std::span<std::string_view> kept = arena_->Words(candidate.size());
      std::copy(candidate.begin(), candidate.end(), kept.begin());
      field.words = kept;
      return (*still_fails_)();
    };
    if (DeleteRuns(&words, set)) simplified_ = true;
    set(words);
    std::span<std::string_view> kept = arena_->Words(words.size());
    std::copy(words.begin(), words.end(), kept.begin());
    field.words = kept;
    for (std::string_view& word : kept) SimplifyText(&word);
  }

  const std::function<bool()>* still_fails_;
  Arena* arena_;
  size_t target_;
  size_t count_ = 0;
  bool simplified_ = false;
};

// Field visitor: replaces all indices of one name and value by another, for ops that must keep
// referring to the same thing.
class IndexRenamer {
 public:
  IndexRenamer(std::string_view name, uint8_t from, uint8_t to)
      : name_(name), from_(from), to_(to) {}

  template <class T>
  void operator()(std::string_view name, T& field) {
    if constexpr (std::is_same_v<T, Index>) {
      if (name != name_ || field.value != from_) return;
      field.value = to_;
      renamed_ = true;
    }
  }

  bool renamed() const { return renamed_; }

 private:
  std::string_view name_;
  uint8_t from_;
  uint8_t to_;
  bool renamed_ = false;
};

// Field visitor: the (name, value) pairs of the indices that are not 0.
struct IndexCollector {
  std::set<std::pair<std::string_view, uint8_t>> found;

  template <class T>
  void operator()(std::string_view name, const T& field) {
    if constexpr (std::is_same_v<T, Index>) {
      if (field.value != 0) found.insert({name, field.value});
    }
  }
};

// An op with `static constexpr bool kAddsUp = true` has amounts only (Count, Number), and does in
// one go what several of them do with the same sum: time that passes.
template <class T>
constexpr bool AddsUp() {
  if constexpr (requires { T::kAddsUp; }) {
    return T::kAddsUp;
  } else {
    return false;
  }
}

// Adds the amounts of `more` to those of `to`. False, with `to` in any state, if a sum is too
// large.
template <class T>
bool AddAmounts(const T& more, T* to) {
  std::vector<int64_t> amounts;
  VisitFields(more, [&](std::string_view, const auto& field) { amounts.push_back(field.value); });
  bool fits = true;
  size_t next = 0;
  VisitFields(*to, [&](std::string_view, auto& field) {
    int64_t sum = 0;
    fits = fits && !__builtin_add_overflow(int64_t{field.value}, amounts[next++], &sum) &&
           std::in_range<decltype(field.value)>(sum);
    if (fits) field.value = static_cast<decltype(field.value)>(sum);
  });
  return fits;
}

// `still_fails` is called with a candidate. `c` itself must fail.
template <class World>
void Shrink(const std::function<bool(const Case<World>&)>& still_fails, Arena* arena,
            Case<World>* c) {
  using Op = typename World::Op;
  const std::function<bool()> whole_fails = [&] { return still_fails(*c); };
  const auto simplify = [&](auto& fields) {
    bool any = false;
    size_t count = 1;
    for (size_t target = 0; target < count; ++target) {
      FieldSimplifier simplifier(&whole_fails, arena, target);
      VisitFields(fields, simplifier);
      count = simplifier.count();
      any = any || simplifier.simplified();
    }
    return any;
  };
  // Moves an op next to the nearest earlier op of the same kind if only one op is between them.
  const auto flatten = [&] {
    bool any = false;
    for (size_t i = 2; i < c->ops.size(); ++i) {
      if (c->ops[i].index() != c->ops[i - 2].index() ||
          c->ops[i].index() == c->ops[i - 1].index()) {
        continue;
      }
      std::swap(c->ops[i], c->ops[i - 1]);
      if (whole_fails()) {
        any = true;
      } else {
        std::swap(c->ops[i], c->ops[i - 1]);
      }
    }
    return any;
  };

  // Merges an op that adds up with the nearest earlier one of its kind, at either place.
  const auto merge = [&] {
    bool any = false;
    for (size_t i = c->ops.size(); i-- > 1;) {
      const auto merged = [&](auto& last) {
        using T = std::remove_cvref_t<decltype(last)>;
        if constexpr (AddsUp<T>()) {
          size_t before = i;
          while (before > 0 && !std::holds_alternative<T>(c->ops[before - 1])) --before;
          if (before-- == 0) return false;
          T sum = std::get<T>(c->ops[before]);
          if (!AddAmounts(last, &sum)) return false;
          for (const size_t place : {before, i}) {
            Case<World> candidate = *c;
            candidate.ops[place] = sum;
            candidate.ops.erase(candidate.ops.begin() +
                                static_cast<ptrdiff_t>(place == i ? before : i));
            if (!still_fails(candidate)) continue;
            *c = std::move(candidate);
            return true;
          }
        }
        return false;
      };
      any = std::visit(merged, c->ops[i]) || any;
    }
    return any;
  };

  // Renumbers things: all ops that refer to thing 3 refer to thing 0 instead, and so on.
  const auto rename = [&] {
    bool any = false;
    IndexCollector indices;
    for (auto& op : c->ops) std::visit([&](auto& fields) { VisitFields(fields, indices); }, op);
    for (const auto& [name, value] : indices.found) {
      for (uint8_t to = 0; to < std::min<uint8_t>(value, 8); ++to) {
        const std::vector<Op> old = c->ops;
        IndexRenamer renamer(name, value, to);
        for (auto& op : c->ops) std::visit([&](auto& fields) { VisitFields(fields, renamer); }, op);
        if (renamer.renamed() && whole_fails()) {
          any = true;
          break;
        }
        c->ops = old;
      }
    }
    return any;
  };

  for (bool again = true; again;) {
    again = DeleteRuns<Op>(&c->ops, [&](const std::vector<Op>& ops) {
      Case<World> candidate{c->config, ops};
      return still_fails(candidate);
    });
    again = simplify(c->config) || again;
    for (size_t i = c->ops.size(); i-- > 0;) {
      again = std::visit([&](auto& fields) { return simplify(fields); }, c->ops[i]) || again;
    }
    again = rename() || again;
    again = flatten() || again;
    again = merge() || again;
  }
}

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_SHRINK_H_

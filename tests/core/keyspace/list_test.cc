// Compares a list with a std::deque, in histories that grow, wrap and empty the ring.

#include "core/keyspace/list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>

#include "core/keyspace/accounting.h"
#include "core/keyspace/random.h"

namespace resprobe {
namespace {

using Naive = std::deque<std::string>;

void ExpectSame(const List& list, const Naive& naive) {
  ASSERT_EQ(list.Check(), nullptr);
  ASSERT_EQ(list.size(), naive.size());
  ASSERT_EQ(list.empty(), naive.empty());
  size_t bytes = 0;
  for (size_t i = 0; i < naive.size(); ++i) {
    ASSERT_EQ(list.at(i), naive[i]) << "at " << i;
    bytes += ElementBytes(naive[i]);
  }
  ASSERT_EQ(list.bytes(), bytes);
}

// Mostly short; occasionally longer than the memory that a slot keeps.
std::string RandomValue(Random& random) {
  const size_t length = random.Below(20) == 0 ? random.Below(600) : random.Below(4);
  return std::string(length, static_cast<char>('a' + random.Below(26)));
}

// Performs one random step on both; `grow` makes growth more likely than shrinking.
void Step(Random& random, bool grow, List& list, Naive& naive) {
  const std::string value = RandomValue(random);
  const auto at = [&](size_t i) { return naive.begin() + static_cast<ptrdiff_t>(i); };
  switch (random.Below(grow ? 6 : 11)) {
    case 0:
    case 1:
      list.PushFront(value);
      naive.push_front(value);
      return;
    case 2:
    case 3:
      list.PushBack(value);
      naive.push_back(value);
      return;
    case 4: {
      const size_t i = random.Below(naive.size() + 1);
      list.Insert(i, value);
      naive.insert(at(i), value);
      return;
    }
    case 5: {
      if (naive.empty()) return;
      const size_t i = random.Below(naive.size());
      list.Set(i, value);
      naive[i] = value;
      return;
    }
    case 6:
      if (naive.empty()) return;
      list.PopFront();
      naive.pop_front();
      return;
    case 7:
      if (naive.empty()) return;
      list.PopBack();
      naive.pop_back();
      return;
    case 8: {
      if (naive.empty()) return;
      const bool to_front = random.Below(2) == 0;
      list.Rotate(to_front);
      if (to_front) {
        naive.push_front(naive.back());
        naive.pop_back();
      } else {
        naive.push_back(naive.front());
        naive.pop_front();
      }
      return;
    }
    default: {
      const size_t first = random.Below(naive.size() + 1);
      const size_t count = random.Below(std::min<size_t>(naive.size() - first, 5) + 1);
      list.Erase(first, count);
      naive.erase(at(first), at(first + count));
      return;
    }
  }
}

TEST(ListTest, BehavesAsADeque) {
  Random random;
  List list;
  Naive naive;
  for (int round = 0; round < 60; ++round) {
    const bool grow = random.Below(2) == 0;
    for (int i = 0; i < 100; ++i) {
      Step(random, grow, list, naive);
      ExpectSame(list, naive);
      if (HasFatalFailure()) return;
    }
    if (random.Below(10) == 0) {
      list.Clear();
      naive.clear();
      ExpectSame(list, naive);
    }
  }
}

TEST(ListTest, EveryErasureFromEveryPositionOfTheRing) {
  constexpr size_t kSize = 8;  // a full ring
  for (size_t turn = 0; turn < kSize; ++turn) {
    for (size_t first = 0; first <= kSize; ++first) {
      for (size_t count = 0; first + count <= kSize; ++count) {
        List list;
        Naive naive;
        for (size_t i = 0; i < kSize; ++i) {
          list.PushBack(std::to_string(i));
          naive.push_back(std::to_string(i));
        }
        for (size_t i = 0; i < turn; ++i) {
          list.Rotate(/*to_front=*/false);
          naive.push_back(naive.front());
          naive.pop_front();
        }
        list.Erase(first, count);
        const auto begin = naive.begin() + static_cast<ptrdiff_t>(first);
        naive.erase(begin, begin + static_cast<ptrdiff_t>(count));
        ExpectSame(list, naive);
        ASSERT_FALSE(HasFatalFailure()) << turn << " " << first << " " << count;
      }
    }
  }
}

TEST(ListTest, CopiesAndClears) {
  Random random;
  List list;
  Naive naive;
  for (int i = 0; i < 3000; ++i) Step(random, /*grow=*/true, list, naive);
  List copy;
  copy.PushBack("old");
  copy.CopyFrom(list);
  ExpectSame(copy, naive);
  list.Clear();
  ExpectSame(list, {});
  ExpectSame(copy, naive);
  list.PushFront("new");
  ExpectSame(list, {"new"});
}

}  // namespace
}  // namespace resprobe

// SORT (redis 7.0 sort.c).

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

struct Options {
  bool descending = false;
  bool alphabetical = false;
  bool unsorted = false;  // BY a pattern without "*"
  bool by = false;
  std::string_view pattern;
  int64_t start = 0;
  int64_t count = -1;
  bool store = false;
  std::string_view destination;
};

// The C library sees a pattern only up to a NUL.
size_t StarOf(std::string_view pattern) { return pattern.substr(0, pattern.find('\0')).find('*'); }

// Stores the positions of GET's patterns in c.positions. False after an error reply.
bool ParseOptions(CommandContext& c, bool may_store, Options* options) {
  c.positions.clear();
  for (size_t i = 2; i < c.argc(); ++i) {
    const size_t more = c.argc() - 1 - i;
    if (c.Is(i, "ASC")) {
      options->descending = false;
    } else if (c.Is(i, "DESC")) {
      options->descending = true;
    } else if (c.Is(i, "ALPHA")) {
      options->alphabetical = true;
    } else if (more >= 2 && c.Is(i, "LIMIT")) {
      if (!c.Int(i + 1, &options->start) || !c.Int(i + 2, &options->count)) return false;
      i += 2;
    } else if (more >= 1 && may_store && c.Is(i, "STORE")) {
      options->store = true;
      options->destination = c.args[++i];
    } else if (more >= 1 && c.Is(i, "BY")) {
      options->by = true;
      options->pattern = c.args[++i];
      // Once unsorted, it stays so.
      if (StarOf(options->pattern) == std::string_view::npos) options->unsorted = true;
    } else if (more >= 1 && c.Is(i, "GET")) {
      c.positions.push_back(static_cast<int>(++i));
    } else {
      return c.SyntaxError();
    }
  }
  return true;
}

// Resolves a pattern of BY or GET for an element: the string at the key that it names, a field of
// the hash there, or with "#" the element itself. nullptr if there is none.
const std::string* LookUp(CommandContext& c, std::string_view pattern, std::string_view element) {
  const size_t star = StarOf(pattern);
  if (star == std::string_view::npos) return nullptr;
  std::string_view tail = pattern.substr(star + 1);
  std::string_view field;
  const size_t arrow = tail.substr(0, tail.find('\0')).find("->");
  if (arrow != std::string_view::npos && arrow + 2 < tail.size() && tail[arrow + 2] != '\0') {
    field = tail.substr(arrow + 2);
    tail = tail.substr(0, arrow);
  }
  c.scratch.assign(pattern.substr(0, star)).append(element).append(tail);
  const Object* object = c.keyspace.Find(c.db, c.scratch);
  if (object == nullptr) return nullptr;
  if (!field.empty()) {
    return object->type() == ObjectType::kHash ? object->hash().Find(field) : nullptr;
  }
  return object->type() == ObjectType::kString ? &object->string() : nullptr;
}

// strtod() on a C string that it must consume completely. `text` is a std::string, so a NUL follows
// it.
bool ParseWeight(const std::string& text, double* weight) {
  char* end = nullptr;
  errno = 0;
  *weight = std::strtod(text.c_str(), &end);
  return *end == '\0' && errno != ERANGE && !std::isnan(*weight);
}

int Sign(std::string_view a, std::string_view b) { return a.compare(b); }

// Compares like the C library in the C locale.
int Collate(std::string_view a, std::string_view b) {
  return Sign(a.substr(0, a.find('\0')), b.substr(0, b.find('\0')));
}

struct Sorter {
  const Options& options;
  const std::string& texts;

  int Compare(const SortElement& a, const SortElement& b) const {
    if (!options.alphabetical) {
      if (a.weight != b.weight) return a.weight > b.weight ? 1 : -1;
      return Sign(a.element, b.element);
    }
    if (!options.by) {
      return options.store ? Sign(a.element, b.element) : Collate(a.element, b.element);
    }
    if (!a.found || !b.found) return static_cast<int>(a.found) - static_cast<int>(b.found);
    const std::string_view all = texts;
    const std::string_view x = all.substr(a.text, a.length);
    const std::string_view y = all.substr(b.text, b.length);
    return options.store ? Sign(x, y) : Collate(x, y);
  }
  bool operator()(const SortElement& a, const SortElement& b) const {
    const int order = options.descending ? Compare(b, a) : Compare(a, b);
    return order != 0 ? order < 0 : a.place < b.place;
  }
};

// Computes the sort key of each element. False if one is not a number.
bool Weigh(CommandContext& c, const Options& options, std::vector<SortElement>& elements,
           std::string& texts) {
  bool numbers = true;
  std::string number;
  for (SortElement& element : elements) {
    if (options.by) {
      // The pattern "#" would be the element itself, but a pattern without "*" disables sorting.
      const std::string* found = LookUp(c, options.pattern, element.element);
      if (found == nullptr) continue;
      element.found = true;
      if (options.alphabetical) {
        element.text = texts.size();
        element.length = found->size();
        texts.append(*found);
      } else {
        numbers &= ParseWeight(*found, &element.weight);
      }
    } else if (!options.alphabetical) {
      number.assign(element.element);
      numbers &= ParseWeight(number, &element.weight);
    }
  }
  return numbers;
}

void Collect(const Object& object, const Options& options, std::vector<SortElement>& elements) {
  switch (object.type()) {
    case ObjectType::kList:
      for (size_t i = 0; i < object.list().size(); ++i) {
        elements.push_back({.element = object.list().at(i)});
      }
      break;
    case ObjectType::kSet:
      for (size_t i = 0; i < object.set().size(); ++i) {
        elements.push_back({.element = object.set().members().at(i).key});
      }
      break;
    default:
      for (size_t i = 0; i < object.zset().size(); ++i) {
        elements.push_back({.element = object.zset().member_at(i)});
      }
      break;
  }
  // If unsorted, a collection with an order of its own can still be reversed.
  if (options.unsorted && options.descending && object.type() != ObjectType::kSet) {
    std::reverse(elements.begin(), elements.end());
  }
}

// The elements that LIMIT selects.
std::span<const SortElement> Limit(const Options& options,
                                   const std::vector<SortElement>& elements) {
  const auto size = static_cast<int64_t>(elements.size());
  const int64_t start = std::min(std::max<int64_t>(options.start, 0), size);
  int64_t count = std::min(std::max<int64_t>(options.count, -1), size);
  if (count < 0) count = size;
  count = std::min(count, size - start);
  return std::span(elements).subspan(static_cast<size_t>(start), static_cast<size_t>(count));
}

void Generic(CommandContext& c, bool may_store) {
  Options options;
  if (!ParseOptions(c, may_store, &options)) return;
  Object* object = c.keyspace.Find(c.db, c.args[1]);
  if (object != nullptr && object->type() != ObjectType::kList &&
      object->type() != ObjectType::kSet && object->type() != ObjectType::kZset) {
    c.WrongType();
    return;
  }
  // The stored result must not depend on the order of a set.
  if (options.unsorted && options.store && object != nullptr &&
      object->type() == ObjectType::kSet) {
    options.unsorted = false;
    options.alphabetical = true;
    options.by = false;
  }
  std::vector<SortElement>& elements = c.more_scratch.sort_elements;
  elements.clear();
  if (object != nullptr) {
    if (object->type() == ObjectType::kZset) object->zset().MakeLarge();
    Collect(*object, options, elements);
  }
  std::string& texts = c.more_scratch.sort_texts;
  texts.clear();
  if (!options.unsorted) {
    if (!Weigh(c, options, elements, texts)) {
      c.Error("ERR One or more scores can't be converted into double");
      return;
    }
    for (size_t i = 0; i < elements.size(); ++i) elements[i].place = i;
    std::sort(elements.begin(), elements.end(), Sorter{options, texts});
  }
  const std::span<const SortElement> sorted = Limit(options, elements);

  const auto each = [&](auto&& emit) {
    for (const SortElement& element : sorted) {
      if (c.positions.empty()) emit(&element.element);
      for (const int position : c.positions) {
        const std::string_view pattern = c.args[static_cast<size_t>(position)];
        if (pattern == "#" || pattern.starts_with(std::string_view("#\0", 2))) {
          emit(&element.element);
          continue;
        }
        const std::string* found = LookUp(c, pattern, element.element);
        const std::string_view value = found == nullptr ? std::string_view() : *found;
        emit(found == nullptr ? nullptr : &value);
      }
    }
  };
  const size_t length = sorted.size() * std::max<size_t>(1, c.positions.size());
  if (!options.store) {
    c.reply.ArrayHeader(length);
    each([&](const std::string_view* value) {
      if (value == nullptr) {
        c.reply.NullBulk();
      } else {
        c.reply.BulkString(*value);
      }
    });
    return;
  }
  c.reply.Integer(static_cast<int64_t>(length));
  if (length == 0) {
    c.keyspace.DeleteEvenExpired(c.db, options.destination);
    return;
  }
  List& result = c.more_scratch.list;
  result.Clear();
  each([&](const std::string_view* value) {
    result.PushBack(value == nullptr ? std::string_view() : *value);
  });
  c.keyspace.Overwrite(c.db, options.destination, ObjectType::kList).list().CopyFrom(result);
  c.Modified(options.destination);
}

void Sort(CommandContext& c) { Generic(c, /*may_store=*/true); }
void SortRo(CommandContext& c) { Generic(c, /*may_store=*/false); }

constexpr CommandGroup kGroup = CommandGroup::kGeneric;

constexpr CommandSpec kSortCommands[] = {
    {.name = "sort",
     .arity = -2,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .keys = KeyAndStore().Uses(kReads, kOverwrites),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Sort a list, set or sorted set, and show or store the result",
     .syntax = "key [BY key-pattern] [LIMIT offset count] [GET key-pattern ...] [ASC | DESC] "
               "[ALPHA] [STORE destination]",
     .reply = "array<bulk|null>|int(0..)",
     .handler = Sort,
     .traits = {.freedom = ReplyFreedom::kSort, .bits = kSorts}},
    {.name = "sort_ro",
     .arity = -2,
     .flags = kReadonly | kMovableKeys,
     .keys = KeyAndPatterns().Uses(kReads),
     .group = kGroup,
     .since = "7.0.0",
     .summary = "Sort a list, set or sorted set, and show the result",
     .syntax = "key [BY key-pattern] [LIMIT offset count] [GET key-pattern ...] [ASC | DESC] "
               "[ALPHA]",
     .reply = "array<bulk|null>",
     .handler = SortRo,
     .traits = {.freedom = ReplyFreedom::kSort, .bits = kSorts}},
};

}  // namespace

std::span<const CommandSpec> SortCommands() { return kSortCommands; }

}  // namespace resprobe

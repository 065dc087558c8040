#ifndef RESPROBE_ENGINE_OP_H_
#define RESPROBE_ENGINE_OP_H_

// Each op is described once; everything else is derived.
//
// A world declares each kind of op as a plain struct:
//
//   struct Deliver {
//     static constexpr std::string_view kName = "deliver";
//     Index link;
//     Count bytes;
//   };
//   using Op = std::variant<Call, Deliver, …>;
//
// The names and order of its fields (fields.h) define the form of the tape and of the text:
// renaming a field changes the text, and moving one changes the meaning of tapes; add new fields at
// the end. From the structs are derived the codec (codec.h), the text form (ops_text.h), generation
// and mutation (generate.h, mutate.h) and shrinking (shrink.h). Field types: bool, Index, Count,
// Number, any enum with EnumNames(), and, as the last field only, Text or Args.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

namespace resprobe {

// Selects one of the things that exist when the op runs.
struct Index {
  uint8_t value = 0;

  // An index below `count`, the number of existing things; 0 if there are none.
  size_t Of(size_t count) const { return count == 0 ? 0 : value % count; }
  bool operator==(const Index&) const = default;
};

// An amount. 0 means "everything there is", which is also the simplest value: a schedule without
// cuts.
struct Count {
  uint32_t value = 0;

  size_t UpTo(size_t all) const { return value == 0 || value > all ? all : value; }
  bool operator==(const Count&) const = default;
};

// Any signed number; the op defines its meaning.
struct Number {
  int64_t value = 0;

  bool operator==(const Number&) const = default;
};

// A byte string of any content, stored in the arena of its case or in the tape.
struct Text {
  std::string_view bytes;

  bool operator==(const Text&) const = default;
};

// A list of byte strings, as in a command's arguments.
struct Args {
  std::span<const std::string_view> words;

  bool operator==(const Args& other) const { return std::ranges::equal(words, other.words); }
};

// An enum used as a field needs, beside its declaration,
//   constexpr std::span<const std::string_view> EnumNames(MyEnum) { return kMyEnumNames; }
// with a name for each value from 0.
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  { EnumNames(e) } -> std::convertible_to<std::span<const std::string_view>>;
};

template <class T>
concept FixedField = std::is_same_v<T, bool> || std::is_same_v<T, Index> ||
                     std::is_same_v<T, Count> || std::is_same_v<T, Number> || NamedEnum<T>;
template <class T>
concept TailField = std::is_same_v<T, Text> || std::is_same_v<T, Args>;

namespace internal {

template <size_t kIndex, class OpVariant>
void EmplaceKind(OpVariant& op, size_t kind) {
  if constexpr (kIndex < std::variant_size_v<OpVariant>) {
    if (kind == kIndex) {
      op.template emplace<kIndex>();
    } else {
      EmplaceKind<kIndex + 1>(op, kind);
    }
  }
}

}  // namespace internal

// Makes `op` a default op of the given kind, below std::variant_size_v<OpVariant>.
template <class OpVariant>
void EmplaceKind(OpVariant& op, size_t kind) {
  internal::EmplaceKind<0>(op, kind);
}

// Calls visit(type_tag) for each kind in order, where decltype(type_tag)::type is its struct.
template <class OpVariant, class Visit>
void ForEachKind(Visit&& visit) {
  [&]<size_t... kIndex>(std::index_sequence<kIndex...>) {
    (visit(std::type_identity<std::variant_alternative_t<kIndex, OpVariant>>{}), ...);
  }(std::make_index_sequence<std::variant_size_v<OpVariant>>());
}

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_OP_H_
